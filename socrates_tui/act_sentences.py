"""What an act of curation did, in a sentence, the same on the command line and in the app."""

from corpus.records import Act, ActKind

_DONE: dict[ActKind, str] = {
    "approve": "Approved",
    "rewrite": "Rewrote",
    "drop": "Dropped",
    "tag": "Tagged",
    "untag": "Untagged",
    "note": "Noted",
    "rename": "Renamed",
    "system text": "Changed the system text of",
    "archive": "Archived",
    "unarchive": "Unarchived",
    "pick": "Kept",
    "pin": "Pinned",
    "unpin": "Unpinned",
}
_NAMED = 20
"""So many turns of an act are named, more are counted."""


def act_sentence(act: Act) -> str:
    """Say what was done to what."""
    subjects = {"turn": act.turns, "conversation": act.conversations, "pick": act.picks}
    subject, ids = next((subject, ids) for subject, ids in subjects.items() if ids)
    if len(ids) > _NAMED:
        named = counted(len(ids), subject)
    else:
        named = f"{subject}{'s' if len(ids) > 1 else ''} {', '.join(map(str, ids))}"
    return f"{_DONE[act.kind]} {named}."


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
