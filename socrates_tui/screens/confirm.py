"""Asking yes or no."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Static

from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog


class ConfirmScreen(Dialog[bool]):
    """A question that can be refused; without ``yes`` it is a sentence that can be closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("up", "read(-1)", show=False),
        Binding("down", "read(1)", show=False),
        LEAVE,
    ]

    def __init__(self, title: str, sentence: str, yes: str | None, no: str) -> None:
        super().__init__()
        self._title = title
        self._sentence = sentence
        self._yes = yes
        self._no = no

    def compose(self) -> ComposeResult:
        """Lay out the question and the two answers."""
        with Vertical(classes="dialog question") as dialog:
            dialog.border_title = self._title
            with VerticalScroll(can_focus=False):
                yield Static(Content(plain(self._sentence)))
            with Horizontal(classes="buttons"):
                if self._yes is not None:
                    yield Button(self._yes, variant="primary", id="yes")
                yield Button(self._no, id="no")

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_read(self, lines: int) -> None:
        """Move through a sentence that is longer than the dialog."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_leave(self) -> None:
        """Refuse."""
        self.dismiss(False)
