"""Choosing among the conversations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Footer

from corpus.records import Conversation
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.widgets.rows import Rows


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
            yield Rows()
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the table and stand on the conversation that is open."""
        table = self.query_one(Rows)
        table.add_column("", key="open")
        table.add_column("Title", key="title", width=max(20, min(60, self.app.size.width - 46)))
        table.add_column("Turns", key="turns")
        table.add_column("Last", key="updated")
        for conversation in self._conversations:
            table.add_row(
                Text("●" if conversation.id == self._current else " "),
                Text(
                    plain(" ".join(conversation.title.split())) or "(nothing said yet)",
                    no_wrap=True,
                    overflow="ellipsis",
                ),
                Text(f"{conversation.turns:,}", justify="right"),
                Text(moment(conversation.updated)),
                key=str(conversation.id),
            )
        ids = [conversation.id for conversation in self._conversations]
        if self._current in ids:
            table.move_cursor(row=ids.index(self._current))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without conversations only a new one can be chosen."""
        return super().check_action(action, parameters) and (bool(self._conversations) or action in ("new", "leave"))

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        self.dismiss(Chosen(self._conversations[event.cursor_row].id))

    def action_new(self) -> None:
        """Answer with a new conversation."""
        self.dismiss(Chosen(None))

    def action_rename(self) -> None:
        """Answer that the conversation under the cursor shall have another title."""
        self.dismiss(Chosen(self._under_cursor(), rename=True))

    def _under_cursor(self) -> int:
        return self._conversations[self.query_one(Rows).cursor_row].id
