"""The conversations there are, to choose from: at the side of the chat, or in a dialog."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from rich.cells import cell_len
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import DataTable, Input

from corpus.records import Conversation
from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.screens.moment import day, moment
from socrates_tui.widgets.rows import Rows

PAGE = 100
"""Conversations that are fetched at once; more come when the cursor reaches the last."""
PAUSE_S = 0.12
"""How long the user must pause in writing before it is searched."""


class Find(Protocol):
    """What finds conversations; ``Corpus.conversations`` does."""

    def __call__(self, *, text: str, archived: bool, limit: int) -> Sequence[Conversation]:
        """Return the newest conversations with ``text``, the archived ones if ``archived``."""


class ConversationRows(Rows):
    """The table of conversations. Its keys are acts on the one under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,ctrl+n", "pick('new')", "New", tooltip="Begin a new conversation"),
        Binding("r", "pick('rename')", "Rename", tooltip="Give the conversation another title"),
        Binding("x", "pick('archive')", "Archive", tooltip="Put the conversation out of sight, or list it again"),
        Binding("v", "show_archived", "Archived too", tooltip="Show the archived conversations, or hide them"),
        Binding("slash", "search", "Search", tooltip="Search titles and what was said"),
    ]

    @dataclass
    class Acted(Message):
        """The user pressed the key of an act."""

        act: str

    def action_pick(self, act: str) -> None:
        """Tell what to do with the conversation under the cursor."""
        self.post_message(self.Acted(act))

    def action_show_archived(self) -> None:
        """Show the archived conversations, or hide them."""
        self.post_message(self.Acted("show archived"))

    def action_search(self) -> None:
        """Search."""
        self.post_message(self.Acted("search"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without conversations only a new one can be chosen."""
        return self.row_count > 0 or action != "pick" or parameters == ("new",)


class ConversationList(Vertical):
    """A line to search in and a table, newest first. It changes nothing; it tells what the user picked."""

    @dataclass
    class Picked(Message):
        """The user chose what to do with which conversation; None stands for a new one."""

        act: Literal["open", "rename", "archive", "unarchive"]
        conversation: int | None

    def __init__(self, find: Find, current: int | None = None, *, narrow: bool = False) -> None:
        """``narrow`` leaves out what a list at the side has no room for."""
        super().__init__()
        self._find = find
        self._current = current
        self._narrow = narrow
        self._archived = False
        self._limit = PAGE
        self._listed: list[Conversation] = []
        self._shown: tuple[list[Conversation], int | None, int] | None = None
        """What stands in the table, which conversation is marked, and for what width."""
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the line and the table."""
        yield Input(placeholder=tr("Search"), id="search", compact=True)
        yield ConversationRows()

    def on_mount(self) -> None:
        """Fill the table."""
        self._table.show_header = not self._narrow
        self.refill()

    def on_resize(self) -> None:
        """Give the titles the room there is."""
        self.refill(follow=False)

    @property
    def _table(self) -> ConversationRows:
        return self.query_one(ConversationRows)

    @property
    def under_cursor(self) -> Conversation | None:
        """The conversation under the cursor."""
        return self._listed[self._table.cursor_row] if self._listed else None

    def show(self, current: int | None) -> None:
        """Show the conversations as they are now, and which of them is open."""
        moved, self._current = current != self._current, current
        self.refill(follow=moved)

    def refill(self, *, follow: bool = True) -> None:
        """Read the conversations anew; stand on the open one if ``follow``, else where the cursor is."""
        text = self.query_one(Input).value
        listed = list(self._find(text=text, archived=self._archived, limit=self._limit))
        table = self._table
        kept = self._current if follow or self.under_cursor is None else self.under_cursor.id
        shown = listed, self._current, self.size.width
        if shown == self._shown:
            return
        self._shown = shown
        self._listed = listed
        table.clear(columns=True)
        self._add_columns(table)
        for conversation in listed:
            table.add_row(*self._cells(conversation), key=str(conversation.id))
        ids = [conversation.id for conversation in listed]
        if kept in ids:
            table.move_cursor(row=ids.index(kept))
        self.refresh_bindings()

    def _add_columns(self, table: ConversationRows) -> None:
        room = self.size.width or self.app.size.width - 4
        table.add_column("", key="open", width=1)
        turns = tr("Turns")
        width = 4 if self._narrow else max(5, cell_len(turns))
        others = width + (16 if self._narrow else 37)
        table.add_column(tr("Title"), key="title", width=max(8, min(60, room - others)))
        table.add_column(turns, key="turns", width=width)
        table.add_column(tr("Last"), key="updated")

    def _cells(self, conversation: Conversation) -> list[Text]:
        mark = "●" if conversation.id == self._current else "▫" if conversation.archived else " "
        title = plain(" ".join(conversation.title.split())) or tr("(nothing said yet)")
        when = day(conversation.updated) if self._narrow else moment(conversation.updated)
        return [
            Text(mark),
            Text(title, no_wrap=True, overflow="ellipsis", style="dim" if conversation.archived else ""),
            Text(f"{conversation.turns:,}", justify="right"),
            Text(when),
        ]

    @on(Input.Changed)
    def _search_changed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_S, self._search)

    def _search(self) -> None:
        self._limit = PAGE
        self.refill()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self._search()
        self._table.focus()

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        if event.cursor_row == len(self._listed) - 1 and len(self._listed) == self._limit:
            self._limit *= 4
            self.refill(follow=False)

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.post_message(self.Picked("open", self._listed[event.cursor_row].id))

    @on(ConversationRows.Acted)
    def _acted(self, event: ConversationRows.Acted) -> None:
        match event.act, self.under_cursor:
            case "search", _:
                self.query_one(Input).focus()
            case "show archived", _:
                self._archived = not self._archived
                self.refill(follow=False)
            case "new", _:
                self.post_message(self.Picked("open", None))
            case "rename", Conversation(id=chosen):
                self.post_message(self.Picked("rename", chosen))
            case "archive", Conversation(id=chosen, archived=archived):
                self.post_message(self.Picked("unarchive" if archived else "archive", chosen))
