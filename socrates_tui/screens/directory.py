"""Asking for a directory."""

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, Static

from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine


class DirectoryScreen(Dialog[Path]):
    """One line for a path; Enter answers with it. ``~`` is the user's home."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, heading: str, sentence: str, given: Path | None = None) -> None:
        super().__init__()
        self._heading = heading
        self._sentence = sentence
        self._given = given

    def compose(self) -> ComposeResult:
        """Lay out what it is for, and the line."""
        with Vertical(classes="dialog question") as dialog:
            dialog.border_title = self._heading
            yield Static(Content(plain(self._sentence)))
            yield Input("" if self._given is None else plain(str(self._given)), placeholder="~/…")
            yield KeyLine()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if path := event.value.strip():
            try:
                self.dismiss(Path(path).expanduser().absolute())
            except RuntimeError:
                sentence = tr("Nobody has the home {path}: begin with / or ~/.").format(path=path)
                self.notify(sentence, severity="warning", markup=False)
