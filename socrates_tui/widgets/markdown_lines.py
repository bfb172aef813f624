"""The Markdown of a reply as lines, shown as it was written: nothing in it opens, hides or commands anything."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from textual.content import Content, Span

from socrates_tui.widgets.lines import Line

_HIDING_RULES = ["link", "image", "autolink", "html_inline", "html_block", "reference", "entity"]
"""Rules under which a part of the source would vanish from the screen or turn into another character."""
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(_HIDING_RULES)
_NOTHING = Content("")
_BULLETS = "•▪‣◦"
_BAR = Content.styled("▌ ", ".mark")
_RULE = Content.styled("─" * 20, ".mark")
STYLES = {"strong", "em", "s", "code_inline", "code", "heading", "mark"}
"""What the styles in the lines are called; the style sheet says how they look."""


@dataclass(frozen=True)
class Block:
    """A part of the source that stays as it is once another follows: a paragraph, an item of a list."""

    start: int
    """The line of the source at which it begins."""
    lines: list[Line]
    joined: bool
    """Whether it follows the block before without a blank line."""


def blocks(source: str, *, growing: bool = False) -> list[Block]:
    """Return the blocks of ``source``; while it is ``growing``, code at its end is not coloured yet."""
    found: list[Block] = []
    nodes = SyntaxTreeNode(_PARSER.parse(source)).children
    for node in nodes:
        if node.type in ("bullet_list", "ordered_list"):
            for number, item in enumerate(node.children):
                found.append(Block(_start(item), list(_item(item, 0)), joined=number > 0))
        else:
            plain = growing and node is nodes[-1]
            found.append(Block(_start(node), list(_lines(node, 0, coloured=not plain)), joined=False))
    return found


def _start(node: SyntaxTreeNode) -> int:
    return node.map[0] if node.map else 0


def _lines(node: SyntaxTreeNode, depth: int, *, coloured: bool = True) -> Iterator[Line]:
    match node.type:
        case "paragraph":
            yield from map(Line, _inline(node.children[0]).split("\n", allow_blank=True))
        case "heading":
            yield Line(_inline(node.children[0]).stylize(".heading"))
        case "bullet_list" | "ordered_list":
            for item in node.children:
                yield from _item(item, depth)
        case "blockquote":
            yield from _behind(_BAR, _BAR, _apart(_lines(child, depth) for child in node.children))
        case "fence" | "code_block":
            code = Content(node.content)
            if coloured and node.info:
                from textual.highlight import highlight

                code = highlight(node.content, language=node.info.split()[0])
            space = Content(" ")
            for line in code.rstrip("\n").split("\n", allow_blank=True):
                yield Line(line, space, space, fill=".code")
        case "table":
            yield from map(Line, _table([row.children for part in node.children for row in part.children]))
        case "hr":
            yield Line(_RULE)
        case _:
            yield Line(Content(node.content))


def _item(item: SyntaxTreeNode, depth: int) -> Iterator[Line]:
    bullet = f"{item.info}{item.markup} " if item.info else f"{_BULLETS[depth % len(_BULLETS)]} "
    inner = [line for child in item.children for line in _lines(child, depth + 1)] or [Line(_NOTHING)]
    return _behind(Content.styled(bullet, ".mark"), Content(" " * len(bullet)), inner)


def _behind(first: Content, further: Content, lines: Iterable[Line]) -> Iterator[Line]:
    """Put ``first`` before the first line, and ``further`` before the others."""
    for number, line in enumerate(lines):
        yield replace(line, first=(further if number else first) + line.first, further=further + line.further)


def _apart(parts: Iterable[Iterable[Line]]) -> Iterator[Line]:
    """Put a blank line between the parts."""
    for number, part in enumerate(parts):
        if number:
            yield Line(_NOTHING)
        yield from part


def _table(rows: list[list[SyntaxTreeNode]]) -> Iterator[Content]:
    """Yield the rows of a table, the first as its heading, with columns as wide as their widest cell."""
    cells = [[_inline(cell.children[0]) for cell in row] for row in rows]
    widths = [max(cell.cell_length for cell in column) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        padded = [cell.pad_right(width - cell.cell_length) for cell, width in zip(row, widths, strict=True)]
        line = Content.styled(" │ ", ".mark").join(padded)
        yield line.stylize(".strong") if number == 0 else line
        if number == 0:
            yield Content.styled("─┼─".join("─" * width for width in widths), ".mark")


def _inline(node: SyntaxTreeNode) -> Content:
    """Return the text of a paragraph. Every line break stays: as a space it would stand between Japanese words."""
    text: list[str] = []
    spans: list[Span] = []
    at = 0
    for child in node.children:
        at = _add(child, text, spans, at)
    return Content("".join(text), spans)


def _add(node: SyntaxTreeNode, text: list[str], spans: list[Span], at: int) -> int:
    start = at
    if node.type in ("strong", "em", "s"):
        for child in node.children:
            at = _add(child, text, spans, at)
    else:
        piece = "\n" if node.type in ("softbreak", "hardbreak") else node.content
        text.append(piece)
        at += len(piece)
    if node.type in STYLES and at > start:
        spans.append(Span(start, at, f".{node.type}"))
    return at
