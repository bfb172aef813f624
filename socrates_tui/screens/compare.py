"""Two versions set side by side."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from socrates_errors import SocratesError
from socrates_language import tr
from socrates_tui.brief import brief
from socrates_tui.comparison import Comparison
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Table

log = logging.getLogger(__name__)


class CompareScreen(Dialog[None]):
    """What made two versions, what was measured of them, and by how much they differ."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    @dataclass
    class Compared(Message):
        """What is known of both was read."""

        comparison: Comparison

    @dataclass
    class Failed(Message):
        """It cannot be read."""

        reason: str

    def __init__(self, first: str, second: str, compare: Callable[[], Comparison]) -> None:
        """``compare`` may be slow."""
        super().__init__()
        self._names = (first, second)
        self._compare = compare

    def compose(self) -> ComposeResult:
        """Lay out the table and what it comes to."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = tr("{first} and {second}").format(first=self._names[0], second=self._names[1])
            yield Table(cursor_type="none")
            yield Static(tr("Reading the figures …"), id="compared-told")
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin to read."""
        table = self.query_one(Table)
        table.add_columns("", *(Text(name) for name in self._names))
        self._read()

    @work(thread=True, group="figures", exit_on_error=False)
    def _read(self) -> None:
        try:
            self.post_message(self.Compared(self._compare()))
        except SocratesError as error:
            self.post_message(self.Failed(str(error)))
        except Exception as error:  # whatever is wrong with a file, the window stays
            log.exception("no comparison")
            self.post_message(self.Failed(tr("They cannot be compared: {reason}.").format(reason=brief(error))))

    @on(Compared)
    def _compared(self, event: Compared) -> None:
        table = self.query_one(Table)
        for row in event.comparison.rows:
            table.add_row(*(Text(plain(value)) for value in row))
        self._say("\n".join(event.comparison.sentences))

    @on(Failed)
    def _failed(self, event: Failed) -> None:
        self._say(event.reason)

    def _say(self, text: str) -> None:
        self.query_one("#compared-told", Static).update(Content(plain(text)))
