"""Asking for a title."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine


class TitleScreen(Dialog[str]):
    """One line for a title; Enter answers with it."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, heading: str, title: str) -> None:
        super().__init__()
        self._heading = heading
        self._title = title

    def compose(self) -> ComposeResult:
        """Lay out the line."""
        with Vertical(classes="dialog question") as dialog:
            dialog.border_title = self._heading
            yield Input(plain(" ".join(self._title.split())), max_length=200)
            yield KeyLine()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(plain(event.value.strip()))
