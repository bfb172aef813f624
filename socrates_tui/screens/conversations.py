"""Choosing among the conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Footer

from corpus.records import Conversation
from socrates_tui.plain_text import plain_line
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.widgets.long_list import Column, LongList


@dataclass(frozen=True)
class Chosen:
    """What to do with which conversation; None stands for a new one."""

    conversation: int | None
    rename: bool = False


class ConversationsScreen(Dialog[Chosen]):
    """A table of conversations, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,ctrl+n", "new", "New"),
        Binding("r", "rename", "Rename"),
        LEAVE,
    ]

    def __init__(self, conversations: Sequence[Conversation], current: int | None) -> None:
        super().__init__()
        self._conversations = conversations
        self._current = current

    def compose(self) -> ComposeResult:
        """Lay out the table."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = "Conversations"
            yield LongList(Column("", 1), Column("Title"), Column("Turns", 6, right=True), Column("Last", 16))
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the table and stand on the conversation that is open."""
        ids = [conversation.id for conversation in self._conversations]
        open_at = ids.index(self._current) if self._current in ids else 0
        self._table.show(len(ids), self._rows, open_at)

    @property
    def _table(self) -> LongList:
        return self.query_one(LongList)

    def _rows(self, start: int, stop: int) -> list[Sequence[str]]:
        return [
            (
                "●" if conversation.id == self._current else "",
                plain_line(conversation.title) or "(nothing said yet)",
                f"{conversation.turns:,}",
                moment(conversation.updated),
            )
            for conversation in self._conversations[start:stop]
        ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without conversations only a new one can be chosen."""
        return super().check_action(action, parameters) and (bool(self._conversations) or action in ("new", "leave"))

    @on(LongList.Chosen)
    def _row_chosen(self, event: LongList.Chosen) -> None:
        self.dismiss(Chosen(self._conversations[event.row].id))

    def action_new(self) -> None:
        """Answer with a new conversation."""
        self.dismiss(Chosen(None))

    def action_rename(self) -> None:
        """Answer that the conversation under the cursor shall have another title."""
        self.dismiss(Chosen(self._under_cursor(), rename=True))

    def _under_cursor(self) -> int:
        return self._conversations[self._table.cursor].id
