"""The difference between a reply and its rewrite, character by character."""

from collections.abc import Iterator

from rapidfuzz.distance import Levenshtein
from textual.content import Content

from socrates_tui.plain_text import plain

REMOVED = "$text-error strike"
ADDED = "$text-success bold underline"
_ISLAND = 1
"""So many characters alike between two changes are read more easily as a part of the change."""


def changes(before: str, after: str) -> Content:
    """Return ``after`` with what is new underlined, and what left ``before`` struck through, in its place."""
    before, after = plain(before), plain(after)
    pieces: list[Content] = []
    at = new_at = 0
    for start, end, new_start, new_end in _changed(before, after):
        pieces.append(Content(before[at:start]))
        if removed := before[start:end]:
            pieces.append(Content.styled(removed, REMOVED))
        if added := after[new_start:new_end]:
            pieces.append(Content.styled(added, ADDED))
        at, new_at = end, new_end
    assert before[at:] == after[new_at:]
    return Content("").join([*pieces, Content(before[at:])])


def _changed(before: str, after: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield where ``before`` was changed, from and to, and where that is in ``after``."""
    pending: tuple[int, int, int, int] | None = None
    for operation in Levenshtein.opcodes(before, after):
        if operation.tag == "equal":
            continue
        start, end = operation.src_start, operation.src_end
        new_start, new_end = operation.dest_start, operation.dest_end
        if pending is not None and start - pending[1] <= _ISLAND and "\n" not in before[pending[1] : start]:
            pending = pending[0], end, pending[2], new_end
            continue
        if pending is not None:
            yield pending
        pending = start, end, new_start, new_end
    if pending is not None:
        yield pending
