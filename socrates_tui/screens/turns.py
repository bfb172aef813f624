"""The turns that a figure stands for."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Static

from corpus.records import Turn
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows

MOST = 200
"""Turns that are shown; nobody looks through more of them here."""


@dataclass(frozen=True)
class Entry:
    """A turn, and why it is shown."""

    turn: Turn
    about: str = ""


class TurnsScreen(Dialog[int]):
    """A table of turns, and the whole of the one under the cursor; the answer is the turn to go to."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, title: str, entries: Sequence[Entry], count: int) -> None:
        """``count`` is how many there are, of which ``entries`` may be the first."""
        super().__init__()
        self._title = title
        self._entries = entries
        self._count = count

    def compose(self) -> ComposeResult:
        """Lay out the table and the turn under the cursor."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = self._title
            if self._count > len(self._entries):
                shown = tr("{shown} of {count}")
                dialog.border_subtitle = shown.format(shown=f"{len(self._entries):,}", count=f"{self._count:,}")
            yield Rows()
            with VerticalScroll(id="turn-whole", can_focus=False):
                yield Static()
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(Rows)
        width = max(12, (min(self.app.size.width, 110) - 19) // 2)
        table.add_column(tr("Turn"), width=6)
        table.add_column(tr("Prompt"), width=width)
        table.add_column(tr("Target"), width=width)
        for entry in self._entries:
            turn = entry.turn
            table.add_row(Text(str(turn.id), justify="right"), _line(turn.prompt), _line(turn.text))

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        entry = self._entries[event.cursor_row]
        parts = [
            *([(plain(entry.about), "$text-warning")] if entry.about else []),
            (plain(entry.turn.prompt), "$text-muted"),
            (plain(entry.turn.text), ""),
        ]
        whole = self.query_one("#turn-whole", VerticalScroll)
        whole.query_one(Static).update(Content("\n").join(Content.styled(text, style) for text, style in parts))
        whole.scroll_home(animate=False)

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        self.dismiss(self._entries[event.cursor_row].turn.id)


def entries(corpus: Corpus, turns: Iterable[tuple[int, str]]) -> list[Entry]:
    """Return an entry for each of the first turns, which are given by their ids, each with why it is shown."""

    def found() -> Iterator[Entry]:
        for turn, about in turns:
            with suppress(CorpusError):  # another program may have taken it away
                yield Entry(corpus.turn(turn), about)

    return list(islice(found(), MOST))


def _line(text: str) -> Text:
    return Text(plain(" ".join(text.split())), no_wrap=True, overflow="ellipsis")
