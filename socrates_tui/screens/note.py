"""Asking for a note."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.plain_area import PlainArea


class NoteScreen(Dialog[str]):
    """Some lines for a note; an empty one is an answer too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", tooltip="Save the note"),
        LEAVE,
    ]

    def __init__(self, heading: str, note: str) -> None:
        super().__init__()
        self._heading = heading
        self._note = note

    def compose(self) -> ComposeResult:
        """Lay out the lines."""
        with Vertical(classes="dialog form") as dialog:
            dialog.border_title = self._heading
            yield PlainArea(self._note)
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind the last character."""
        area = self.query_one(PlainArea)
        area.move_cursor(area.document.end)

    def action_save(self) -> None:
        """Answer with the note."""
        self.dismiss(self.query_one(PlainArea).text.strip())
