"""A reply on the screen. What its Markdown looks like is markdown_lines'."""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.timer import Timer
from textual.widget import Widget

from socrates_tui.widgets.markdown_lines import STYLES, Line, blocks

BLANK = Line(Content(""))
REST = 4
"""So many times as long as drawing what came took, nothing is drawn: the engine and the keys have the processor."""


@dataclass(frozen=True)
class _Row:
    """A part of a line, as wide as the widget at most."""

    content: Content
    lead: int
    """Characters at its beginning that are not the line's."""
    x: int
    y: int
    """The character of which line it begins with."""


class ReplyMarkdown(Widget):
    """A reply, plain already. It grows at a cost that does not depend on how long it is.

    One widget, not one for each paragraph: only its last block is read anew, and only what can be seen is drawn.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = STYLES

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.source = ""
        """The Markdown that is shown."""
        self._pending = ""
        self._grown = False
        self._settled = 0
        """Where the last block of the source begins."""
        self._joined = False
        """Whether that block follows the one before without a blank line."""
        self._lines: list[Line] = []
        self._settled_lines = 0
        self._rows: list[_Row] = []
        self._starts: list[int] = []
        """The number of the first row of each line."""
        self._row_width = 0
        self._timer: Timer | None = None
        self._rested = 0.0
        self._read(text)

    def update(self, text: str) -> None:
        """Show ``text``, all of it read anew if it grew before."""
        if text == self.source and not self._grown:
            return
        self._pending = ""
        self._grown = False
        self._settled = self._settled_lines = 0
        self._joined = False
        self._read(text)

    def append(self, text: str) -> None:
        """Show ``text`` behind what is there, at once or together with what comes next."""
        self._pending += text
        if self._timer is None:
            wait = self._rested - monotonic()
            if wait > 0:
                self._timer = self.set_timer(wait, self.flush)
            else:
                self.flush()

    def flush(self) -> None:
        """Show all that came."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._pending:
            began = monotonic()
            text, self._pending, self._grown = self.source + self._pending, "", True
            self._read(text, growing=True)
            self._rested = monotonic() + REST * (monotonic() - began)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the number of rows."""
        if width != self._row_width:
            self._row_width = width
            self._wrap_from(0)
        return len(self._rows)

    def render_line(self, y: int) -> Strip:
        """Return one row."""
        if y >= len(self._rows):
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        row = self._rows[y]
        style = self.visual_style
        segments = []
        at = 0
        for text, text_style in self._selected(row).render(style, end="", parse_style=self._get_style):
            x = row.x + max(0, at - row.lead)
            segments.append(Segment(text, (style + text_style).rich_style_with_offset(x, row.y)))
            at += len(text)
        return Strip(segments, row.content.cell_length)

    def _selected(self, row: _Row) -> Content:
        """Return what stands in a row, with what the mouse selected of it marked."""
        selection = self.text_selection
        span = None if selection is None else selection.get_span(row.y)
        if span is None:
            return row.content
        first, last = (position - row.x + row.lead for position in span)
        if span[1] == -1:
            last = len(row.content)
        marked = Style.from_styles(self.screen.get_component_styles("screen--selection"))
        return row.content.stylize(marked, max(row.lead, first), max(row.lead, last))

    def get_selection(self, selection: Selection) -> tuple[str, str]:
        """Return what the mouse selected, in lines as they were written."""
        return selection.extract("\n".join(f"{line.first}{line.content}" for line in self._lines)), "\n"

    def _read(self, source: str, *, growing: bool = False) -> None:
        """Read the source from its last block on, which is all that can have changed."""
        self.source = source
        tail = source[self._settled :]
        found = blocks(tail, growing=growing)
        lines = self._lines[: self._settled_lines]
        for number, block in enumerate(found):
            joined = block.joined if number else self._joined
            if number == len(found) - 1:
                self._settled_lines, self._joined = len(lines), joined
                self._settled += sum(len(line) + 1 for line in tail.split("\n", block.start)[: block.start])
            if lines and not joined:
                lines.append(BLANK)
            lines.extend(block.lines)
        same = 0
        while same < min(len(lines), len(self._lines)) and lines[same].is_same(self._lines[same]):
            same += 1
        self._lines = lines
        rows = len(self._rows)
        first = self._wrap_from(same)
        if self.is_mounted:
            changed = Region(0, first, self._row_width, max(1, len(self._rows) - first))
            self.refresh(changed, layout=len(self._rows) != rows or not self._row_width)

    def _wrap_from(self, line: int) -> int:
        """Cut the lines from ``line`` on into rows; return the first of them."""
        first = self._starts[line] if line < len(self._starts) else len(self._rows)
        if self._row_width:
            del self._rows[first:]
            del self._starts[line:]
            for y in range(line, len(self._lines)):
                self._starts.append(len(self._rows))
                self._rows.extend(_rows(self._lines[y], y, self._row_width))
        return first


def _rows(line: Line, y: int, width: int) -> Iterator[_Row]:
    room = max(1, width - line.first.cell_length)
    text = line.content.expand_tabs()
    at = 0
    for number, part in enumerate(text.wrap(room) if text.cell_length > room else [text]):
        at = max(at, text.plain.find(part.plain, at))  # spaces at which it was cut are left out
        before = line.further if number else line.first
        content = before + part
        if line.fill:
            content = content.pad_right(width - content.cell_length).stylize_before(line.fill)
        yield _Row(content, len(before) if number else 0, len(before) + at if number else 0, y)
        at += len(part)
