"""The difference between a reply and its rewrite, character by character."""

from collections.abc import Iterator

from textual.content import Content

from socrates_tui.plain_text import plain

REMOVED = "$text-error strike"
ADDED = "$text-success bold underline"
GAP = " … "
_ISLAND = 1
"""So many characters alike between two changes are read more easily as a part of the change."""


def changes(before: str, after: str, *, around: int | None = None) -> Content:
    """Return ``after`` with what is new underlined, and what left ``before`` struck through, in its place.

    Of what is alike, no more than ``around`` characters before and behind each change are shown.
    """
    before, after = plain(before), plain(after)
    pieces: list[Content] = []
    at = new_at = 0
    for start, end, new_start, new_end in _changed(before, after):
        pieces.append(_alike(before[at:start], around, first=at == 0))
        if removed := before[start:end]:
            pieces.append(Content.styled(removed, REMOVED))
        if added := after[new_start:new_end]:
            pieces.append(Content.styled(added, ADDED))
        at, new_at = end, new_end
    assert before[at:] == after[new_at:]
    return Content("").join([*pieces, _alike(before[at:], around, first=at == 0, last=True)])


def _alike(text: str, around: int | None, *, first: bool = False, last: bool = False) -> Content:
    if around is None or len(text) <= 2 * around:
        return Content(text)
    head, tail = "" if first and not last else text[:around], "" if last else text[-around:]
    return Content.assemble(head, (GAP, "$foreground-muted"), tail)


def _changed(before: str, after: str) -> Iterator[tuple[int, int, int, int]]:
    """Yield where ``before`` was changed, from and to, and where that is in ``after``."""
    from rapidfuzz.distance import Levenshtein  # not needed before the first screen

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
