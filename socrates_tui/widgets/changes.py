"""The difference between a reply and its rewrite, character by character."""

from difflib import SequenceMatcher

from textual.content import Content

from socrates_tui.plain_text import plain

REMOVED = "$text-error strike"
ADDED = "$text-success bold underline"


def changes(before: str, after: str) -> Content:
    """Return ``after`` with what is new underlined, and what left ``before`` struck through, in its place."""
    before, after = plain(before), plain(after)
    pieces: list[Content] = []
    for kind, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(Content(before[start:end]))
            continue
        if removed := before[start:end]:
            pieces.append(Content.styled(removed, REMOVED))
        if added := after[new_start:new_end]:
            pieces.append(Content.styled(added, ADDED))
    return Content("").join(pieces)
