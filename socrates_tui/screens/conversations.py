"""Choosing among the conversations."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical

from socrates_language import tr
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.conversation_list import ConversationList, ConversationRows, Find
from socrates_tui.widgets.key_line import KeyLine


class ConversationsScreen(Dialog[ConversationList.Picked]):
    """The list of conversations; the answer is what was picked."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, find: Find, current: int | None) -> None:
        super().__init__()
        self._find = find
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the list."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = tr("Conversations")
            yield ConversationList(self._find, self._current)
            yield KeyLine()

    def on_mount(self) -> None:
        """Stand in the table."""
        self.query_one(ConversationRows).focus()

    @on(ConversationList.Picked)
    def _picked(self, event: ConversationList.Picked) -> None:
        event.stop()
        self.dismiss(event)
