"""Lines that are wrapped at the width there is, each behind what begins its rows."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.segment import Segment
from textual.content import Content
from textual.geometry import Region, Size
from textual.selection import Selection
from textual.strip import Strip
from textual.style import Style
from textual.widget import Widget

from socrates_tui.line_breaks import line_breaks

_NOTHING = Content("")


@dataclass(frozen=True)
class Line:
    """One line as it was written, which the screen may show in several rows."""

    content: Content
    first: Content = _NOTHING
    """What stands before its first row: a bullet, the bar of a quotation, a key."""
    further: Content = _NOTHING
    """What stands before its other rows; as wide."""
    fill: str = ""
    """The style that reaches to the end of each row."""

    def is_same(self, other: "Line") -> bool:
        """Say whether the two look alike."""
        return self is other or (
            self.fill == other.fill
            and self.content.is_same(other.content)
            and self.first.is_same(other.first)
            and self.further.is_same(other.further)
        )


@dataclass(frozen=True)
class _Row:
    """A part of a line, as wide as the widget at most."""

    content: Content
    lead: int
    """Characters at its beginning that are not the line's."""
    x: int
    y: int
    """The character of which line it begins with."""


class Lines(Widget):
    """Lines of which only the rows that can be seen are drawn; as high as they are."""

    def __init__(self, lines: Iterable[Line] = (), *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._lines = list(lines)
        self._rows: list[_Row] = []
        self._starts: list[int] = []
        """The number of the first row of each line."""
        self._row_width = 0

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

    def show(self, lines: list[Line]) -> None:
        """Show ``lines``; only what follows on those that are there already is wrapped and drawn."""
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
    breaks = line_breaks(text.plain, room) if text.cell_length > room else []
    for at, part in zip([0, *breaks], text.divide(breaks), strict=True):
        before = line.further if at else line.first
        content = before + (part.rstrip() if breaks else part)
        if line.fill:
            content = content.pad_right(width - content.cell_length).stylize_before(line.fill)
        yield _Row(content, len(before) if at else 0, len(before) + at if at else 0, y)
