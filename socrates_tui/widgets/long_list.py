"""A table of any length. Only the rows in sight are read; what they say is its owner's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

Cells = Sequence[str | Content]
ReadRows = Callable[[int, int], Sequence[Cells]]
"""Returns the cells of the rows from one number on and before another."""

PAGE = 100
"""Rows that are read at once."""


@dataclass(frozen=True)
class Column:
    """A heading, and how wide the cells under it are."""

    title: str
    width: int | None = None
    """In cells of the terminal; those without a width share what the others leave."""
    right: bool = False
    """Whether the cells end on one line, as numbers do."""
    shown_from: int = 0
    """The width that the table must have for the column to be shown."""


class LongList(ScrollView, can_focus=True):
    """Rows under a heading that stays, one of them under the cursor."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"long-list--heading", "long-list--row", "long-list--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Choose", tooltip="Choose this row"),
        Binding("up,k", "step(-1)", "Up", show=False, tooltip="Go to the row above"),
        Binding("down,j", "step(1)", "Down", show=False, tooltip="Go to the row below"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="Go up by a page"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="Go down by a page"),
        Binding("home", "first", "First", show=False, tooltip="Go to the first row"),
        Binding("end", "last", "Last", show=False, tooltip="Go to the last row"),
    ]

    @dataclass
    class Moved(Message):
        """Another row is under the cursor, or the row there may have changed; None where there is no row."""

        list: "LongList"
        row: int | None

        @property
        def control(self) -> "LongList":
            """The list."""
            return self.list

    @dataclass
    class Chosen(Message):
        """The user chose a row."""

        list: "LongList"
        row: int

        @property
        def control(self) -> "LongList":
            """The list."""
            return self.list

    cursor: var[int] = var(0, init=False)
    """The row under the cursor, counted from 0."""

    def __init__(self, *columns: Column, id: str | None = None) -> None:
        super().__init__(id=id)
        self.count = 0
        """Number of rows."""
        self.columns: Sequence[Column] = columns
        """They may change before ``show``."""
        self._read: ReadRows = lambda start, stop: []
        self._pages: dict[int, Sequence[Cells]] = {}

    def show(self, count: int, read: ReadRows, cursor: int = 0) -> None:
        """Show ``count`` rows, which ``read`` returns, with the cursor on one of them."""
        self.count = count
        self._read = read
        self._pages.clear()
        self.virtual_size = Size(0, count + 1)
        self.set_reactive(LongList.cursor, self.validate_cursor(cursor))
        self._follow()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def read_again(self) -> None:
        """Read the rows anew, which are the same ones but say something else now."""
        self._pages.clear()
        self.refresh()

    @property
    def row(self) -> int | None:
        """The row under the cursor; None where there is no row."""
        return self.cursor if self.count else None

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a row."""
        return max(0, min(cursor, self.count - 1))

    def watch_cursor(self) -> None:
        """Bring the row into sight and tell of it."""
        self._follow()
        self.refresh()
        self.post_message(self.Moved(self, self.row))

    def _on_resize(self, event: events.Resize) -> None:
        self._follow()

    @property
    def _in_sight(self) -> int:
        """How many rows there is room for, under the heading."""
        return max(1, self.scrollable_content_region.height - 1)

    def _follow(self) -> None:
        top = self.scroll_offset.y
        wanted = min(max(top, self.cursor - self._in_sight + 1), self.cursor)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """Return a line of the table."""
        width = self.scrollable_content_region.width
        row = self.scroll_offset.y + y - 1
        if y == 0:
            return self._line([column.title for column in self.columns], width, "long-list--heading")
        if row >= self.count:
            return Strip.blank(width, self.get_visual_style("long-list--row").rich_style)
        names = ["long-list--row", *(["long-list--cursor"] if row == self.cursor else [])]
        return self._line(self._cells(row), width, *names)

    def _cells(self, row: int) -> Cells:
        page, place = divmod(row, PAGE)
        if page not in self._pages:
            self._pages[page] = self._read(page * PAGE, min(self.count, (page + 1) * PAGE))
        cells = self._pages[page]
        return cells[place] if place < len(cells) else [""] * len(self.columns)

    def _line(self, cells: Cells, width: int, *names: str) -> Strip:
        shown = [
            (column, Content(cell) if isinstance(cell, str) else cell)
            for column, cell in zip(self.columns, cells, strict=True)
            if width >= column.shown_from
        ]
        fixed = sum(column.width for column, _ in shown if column.width is not None)
        open_ended = sum(column.width is None for column, _ in shown)
        share, rest = divmod(max(0, width - fixed - 2 * (len(shown) - 1)), max(1, open_ended))
        pieces = []
        for column, cell in shown:
            wide = column.width
            if wide is None:
                wide, rest = share + min(1, rest), max(0, rest - 1)
            indented = cell.pad_left(max(0, wide - cell.cell_length)) if column.right else cell
            pieces.append(indented.truncate(wide, ellipsis=True, pad=True))
        line = Content("  ").join(pieces)
        (strip,) = Visual.to_strips(self, line, width, 1, self.get_visual_style(*names), pad=True)
        return strip

    async def _on_click(self, event: events.Click) -> None:
        row = self.scroll_offset.y + event.y - 1
        if event.y and row < self.count:
            if row == self.cursor:
                self.action_choose()
            self.cursor = row

    def action_choose(self) -> None:
        """Tell that the row under the cursor is chosen."""
        if self.row is not None:
            self.post_message(self.Chosen(self, self.row))

    def action_step(self, by: int) -> None:
        """Move the cursor by rows."""
        self.cursor += by

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.cursor += by * self._in_sight

    def action_first(self) -> None:
        """Move the cursor to the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """Move the cursor to the last row."""
        self.cursor = self.count - 1
