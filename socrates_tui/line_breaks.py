"""Where a long line is broken: as Rich does it, but without closing punctuation at the beginning of a row."""

import re

from rich.cells import cell_len, split_graphemes
from textual import content

NEVER_FIRST = frozenset("、。，．・：；？！…‥）］｝〉》」』】〕〗〙”’,.:;?!)]}")
"""Characters that belong to the one before them."""
NEVER_LAST = frozenset("（［｛〈《「『【〔〖〘“‘([{")
"""Characters that belong to the one behind them."""
MOST_MOVED = 4
"""Of a row of nothing but such characters no more than these go to the next one."""
WORD = re.compile(r"\s*\S+\s*")


def line_breaks(text: str, width: int, fold: bool = True) -> list[int]:
    """Return where ``text`` is cut so that no row has more than ``width`` cells.

    Words of more cells are cut themselves, such as a Japanese sentence; where they are not to ``fold``, they are left.
    """
    breaks: list[int] = []
    used = 0
    for found in WORD.finditer(text):
        start, word = found.start(), found.group()
        cells = cell_len(word.rstrip())
        if cells <= width - used:
            used += cell_len(word)
        elif fold and cells > width:
            cuts, used = _cuts(word, width)
            breaks.extend(start + cut for cut in [0, *cuts] if start + cut)
        else:
            if start:
                breaks.append(start)
            used = cell_len(word)
    return breaks


def _cuts(word: str, width: int) -> tuple[list[int], int]:
    """Return where a long word is cut, and the cells of what is left behind the last cut."""
    spans, _ = split_graphemes(word)
    cuts: list[int] = []
    first = at = used = 0
    while at < len(spans):
        start, _end, cells = spans[at]
        if used + cells > width and at > first and not word[start].isspace():
            cut, least = at, max(first, at - MOST_MOVED - 1)
            while cut > least and (word[spans[cut][0]] in NEVER_FIRST or word[spans[cut - 1][0]] in NEVER_LAST):
                cut -= 1
            first = at if cut == least else cut
            cuts.append(spans[first][0])
            used = sum(cells for *_, cells in spans[first:at])
        else:
            used += cells
            at += 1
    return cuts, used


def break_lines_so() -> None:
    """Let Textual break the lines of everything that is text so."""
    content.divide_line = line_breaks  # type: ignore[attr-defined]
