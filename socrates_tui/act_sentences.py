"""What an act of curation did, in a sentence, the same on the command line and in the app."""

from corpus.records import Act, ActKind
from socrates_language import marked, ngettext, tr

ACTS: dict[ActKind, str] = {
    "approve": marked("approve"),
    "rewrite": marked("rewrite"),
    "drop": marked("drop"),
    "tag": marked("tag"),
    "untag": marked("untag"),
    "note": marked("note"),
    "rename": marked("rename"),
    "system text": marked("system text"),
    "archive": marked("archive"),
    "unarchive": marked("unarchive"),
    "pick": marked("pick"),
    "pin": marked("pin"),
    "unpin": marked("unpin"),
}
"""Each act in a word, to be translated."""
_DONE: dict[ActKind, str] = {
    "approve": marked("Approved {subjects}."),
    "rewrite": marked("Rewrote {subjects}."),
    "drop": marked("Dropped {subjects}."),
    "tag": marked("Tagged {subjects}."),
    "untag": marked("Untagged {subjects}."),
    "note": marked("Noted {subjects}."),
    "rename": marked("Renamed {subjects}."),
    "system text": marked("Changed the system text of {subjects}."),
    "archive": marked("Archived {subjects}."),
    "unarchive": marked("Unarchived {subjects}."),
    "pick": marked("Kept {subjects}."),
    "pin": marked("Pinned {subjects}."),
    "unpin": marked("Unpinned {subjects}."),
}
_NAMED = 20
"""So many subjects of an act are named, more are counted."""


def act_sentence(act: Act) -> str:
    """Say what was done to what."""
    return tr(_DONE[act.kind]).format(subjects=_subjects(act))


def _subjects(act: Act) -> str:
    """Name the turns, conversations or picks that the act changed."""
    ids = act.turns or act.conversations or act.picks
    many = len(ids) > _NAMED
    if act.turns:
        counted_turns = ngettext("{number} turn", "{number} turns", len(ids))
        named = counted_turns if many else ngettext("turn {ids}", "turns {ids}", len(ids))
    elif act.conversations:
        counted_conversations = ngettext("{number} conversation", "{number} conversations", len(ids))
        named = counted_conversations if many else ngettext("conversation {ids}", "conversations {ids}", len(ids))
    else:
        counted_picks = ngettext("{number} pick", "{number} picks", len(ids))
        named = counted_picks if many else ngettext("pick {ids}", "picks {ids}", len(ids))
    return named.format(number=f"{len(ids):,}", ids=", ".join(map(str, ids)))


def counted(number: int, noun: str) -> str:
    """Return a number with what it counts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
