"""The pinned prompts, and what the newest version answers to them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Static

from corpus.figures import edit_distance
from corpus.pins import Pin
from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.side_by_side import NOTHING
from socrates_tui.widgets.changes import changes
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows


@dataclass(frozen=True)
class ChosenPin:
    """What to do with which pinned turn; None where it is about all of them."""

    act: Literal["rewrite", "unpin", "answer"]
    turn: int | None


class PinsScreen(Dialog[ChosenPin]):
    """A table of pinned prompts; below it, how the newest answer differs from the one before."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "rewrite", "Rewrite", tooltip="Write what the newest answer should have been"),
        Binding("p", "unpin", "Unpin", tooltip="Let no version answer the prompt any more"),
        Binding("a", "answer", "Answer now", tooltip="Let the version that speaks answer them"),
        LEAVE,
    ]

    def __init__(self, pins: Sequence[Pin], at: int | None, version: str) -> None:
        """``at`` is the turn on which the cursor stands; ``version`` speaks, and can be asked now."""
        super().__init__()
        self._pins = pins
        self._at = at
        self._version = version

    def compose(self) -> ComposeResult:
        """Lay out the table above the two answers."""
        with Vertical(classes="dialog editor") as dialog:
            dialog.border_title = tr("Pinned prompts")
            dialog.border_subtitle = tr("a lets {version} answer those that it has not answered").format(
                version=self._version
            )
            yield Rows()
            with VerticalScroll(id="pin-answer"):
                yield Static(id="pin-difference")
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table and stand where the user was."""
        table = self.query_one(Rows)
        table.add_column(tr("Prompt"), width=max(20, self.app.size.width - 36))
        table.add_columns(tr("Answered by"), tr("Changed"))
        for pin in self._pins:
            answer = pin.answers[0] if pin.answers else None
            share = NOTHING if answer is None else f"{edit_distance(pin.before, answer.reply):.0%}"
            table.add_row(
                Text(plain(" ".join(pin.turn.prompt.split())), no_wrap=True, overflow="ellipsis"),
                Text(NOTHING if answer is None else f"{answer.version}{'' if answer.turn is None else ' ✎'}"),
                Text(share, justify="right"),
                key=str(pin.turn.id),
            )
        turns = [pin.turn.id for pin in self._pins]
        if self._at in turns:
            table.move_cursor(row=turns.index(self._at))
        self._tell()

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        pane, told = self.query_one("#pin-answer"), self.query_one("#pin-difference", Static)
        pin = self._under_cursor
        if pin is None:
            pane.border_title = None
            nothing = tr("Nothing is pinned: p on a reply lets every new version answer its prompt again.")
            told.update(Content(nothing))
        elif not pin.answers:
            pane.border_title = tr("Not answered again yet; the turn says")
            told.update(Content(plain(pin.turn.text)))
        else:
            newest = pin.answers[0].version
            if len(pin.answers) > 1:
                pane.border_title = tr("From {before} to {version}").format(
                    before=pin.answers[1].version, version=newest
                )
            else:
                pane.border_title = tr("From the turn to {version}").format(version=newest)
            told.update(changes(pin.before, pin.answers[0].reply))

    @property
    def _under_cursor(self) -> Pin | None:
        return self._pins[self.query_one(Rows).cursor_row] if self._pins else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        if not self.is_mounted:
            return True
        pin = self._under_cursor
        match action:
            case "rewrite":
                return pin is not None and bool(pin.answers)
            case "unpin" | "answer":
                return pin is not None
        return super().check_action(action, parameters)

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        if self.check_action("rewrite", ()):
            self.action_rewrite()

    def action_rewrite(self) -> None:
        """Answer that the newest answer shall be rewritten."""
        self._answer("rewrite")

    def action_unpin(self) -> None:
        """Answer that the prompt shall be unpinned."""
        self._answer("unpin")

    def action_answer(self) -> None:
        """Answer that the version that speaks shall answer what it has not answered."""
        self._answer("answer")

    def _answer(self, act: Literal["rewrite", "unpin", "answer"]) -> None:
        pin = self._under_cursor
        self.dismiss(ChosenPin(act, None if pin is None else pin.turn.id))
