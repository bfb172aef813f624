"""Acts of curation, and taking them back: every act is journalled with what each row was before and after it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from corpus.conversations import missing
from corpus.database import now, one_line, rows, text, writing
from corpus.records import Act, ActKind
from corpus.sqlite import Database
from corpus.turns import turn
from socrates_errors import CorpusError
from socrates_language import marked, tr

Subject = Literal["turns", "conversations", "picks"]

_LONGEST_TAG = 100
_COLUMNS: dict[Subject, frozenset[str]] = {
    "turns": frozenset({"verdict", "rewrite", "judged", "tags", "note", "pinned"}),
    "conversations": frozenset({"title", "system", "archived"}),
    "picks": frozenset({"counts"}),
}
"""What acts change."""
_UNCHANGED: dict[Literal["approve", "drop", "pin", "unpin"], str] = {
    "approve": marked("Nothing was changed: every turn that was named is approved already."),
    "drop": marked("Nothing was changed: every turn that was named is dropped already."),
    "pin": marked("Nothing was changed: every turn that was named is pinned already."),
    "unpin": marked("Nothing was changed: every turn that was named is not pinned."),
}
ConversationAct = Literal["rename", "system text", "archive", "unarchive"]
_COLUMN: dict[ConversationAct, str] = {
    "rename": "title",
    "system text": "system",
    "archive": "archived",
    "unarchive": "archived",
}


@dataclass(frozen=True)
class _Change:
    """What one act makes of one row: the columns that differ, as they were and as they are."""

    id: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def approve(db: Database, turn_ids: Sequence[int]) -> Act:
    """Make the original replies of the turns right as they are; a rewrite no longer counts."""

    def checked(turn_id: int, empty: bool) -> None:
        if empty:
            raise CorpusError(
                tr("The reply of turn {turn} is empty and cannot be approved: rewrite or drop it.").format(turn=turn_id)
            )

    return _judge(db, "approve", "approved", turn_ids, checked)


def drop(db: Database, turn_ids: Sequence[int]) -> Act:
    """Leave the turns out of training and out of what later turns go on from."""
    return _judge(db, "drop", "dropped", turn_ids, lambda turn_id, empty: None)


def rewrite(db: Database, turn_id: int, wanted: str) -> Act:
    """Keep ``wanted`` as what the reply should have been; the newest rewrite counts, none is ever lost."""
    wanted = text(wanted)
    if not wanted:
        raise CorpusError(tr("The rewrite is empty: write what the reply should have been, or drop the turn."))
    with writing(db):
        found = turn(db, turn_id)
        if wanted == found.text:
            raise CorpusError(tr("The rewrite is unchanged: change it, or approve the reply as it is."))
        if wanted == found.reply:
            raise CorpusError(tr("The rewrite is the reply itself: approve the turn to return to its reply."))
        ((verdict, rewrite_id, judged),) = _as_they_are(db, [turn_id], "verdict, rewrite, judged")
        before = {"verdict": verdict, "rewrite": rewrite_id, "judged": judged}
        return _do(db, "rewrite", "turns", [_Change(turn_id, before, _rewritten(db, turn_id, wanted))])


def store_rewritten(db: Database, turn_id: int, wanted: str) -> None:
    """Give a turn that is being imported its rewrite; that is not an act of the user's, which could be undone."""
    _set(db, "turns", turn_id, _rewritten(db, turn_id, wanted))


def tag_name(given: str) -> str:
    """Return ``given`` as a tag is stored; CorpusError where it cannot be one."""
    name = one_line(given)
    if not 0 < len(name) <= _LONGEST_TAG:
        raise CorpusError(tr("A tag has 1 to {most} characters: give it a short name.").format(most=_LONGEST_TAG))
    return name


def tag(db: Database, name: str, turn_ids: Sequence[int]) -> Act:
    """Give the turns a tag: one line of text."""
    name = tag_name(name)
    nothing = tr("Nothing was changed: every turn that was named has the tag {tag} already.").format(tag=repr(name))
    return _tag(db, "tag", turn_ids, lambda tags: tags | {name}, nothing)


def untag(db: Database, name: str, turn_ids: Sequence[int]) -> Act:
    """Take a tag from the turns."""
    name = one_line(name)
    nothing = tr("Nothing was changed: every turn that was named is without the tag {tag} already.").format(
        tag=repr(name)
    )
    return _tag(db, "untag", turn_ids, lambda tags: tags - {name}, nothing)


def note(db: Database, turn_id: int, wanted: str) -> Act:
    """Keep a note on a turn, in the place of the one it has; an empty text takes it away."""
    wanted = text(wanted)
    with writing(db):
        before = turn(db, turn_id).note
        if wanted == before:
            raise CorpusError(
                tr("Nothing was changed: the note of turn {turn} says that already.").format(turn=turn_id)
            )
        return _do(db, "note", "turns", [_Change(turn_id, {"note": before}, {"note": wanted})])


def pin(db: Database, turn_ids: Sequence[int]) -> Act:
    """Let new versions answer the prompts of the turns again."""
    return _pin(db, "pin", turn_ids, 1)


def unpin(db: Database, turn_ids: Sequence[int]) -> Act:
    """Let new versions leave the prompts of the turns alone."""
    return _pin(db, "unpin", turn_ids, 0)


def _pin(db: Database, kind: Literal["pin", "unpin"], turn_ids: Sequence[int], wanted: int) -> Act:
    with writing(db):
        changes = [
            _Change(turn_id, {"pinned": is_now}, {"pinned": wanted})
            for turn_id, is_now in _as_they_are(db, turn_ids, "id, pinned")
            if is_now != wanted
        ]
        return _do(db, kind, "turns", changes, nothing=tr(_UNCHANGED[kind]))


def pick(db: Database, pick_id: int) -> Act:
    """Let a pick count that was just stored."""
    with writing(db):
        return _do(db, "pick", "picks", [_Change(pick_id, {"counts": 0}, {"counts": 1})])


def change_conversation(db: Database, kind: ConversationAct, conversation: int, wanted: str | int) -> Act | None:
    """Give a conversation another title or system text, or archive it; None where it is so already.

    While nothing was said in it there is nothing to take back: the change is made and not journalled.
    """
    column = _COLUMN[kind]
    with writing(db):
        found = rows(db, f"SELECT {column}, head FROM conversations WHERE id = ?", [conversation])
        if not found:
            raise missing(conversation)
        ((before, head),) = found
        if before == wanted:
            return None
        if head is None:
            _set(db, "conversations", conversation, {column: wanted})
            return None
        return _do(db, kind, "conversations", [_Change(conversation, {column: before}, {column: wanted})])


def undo(db: Database) -> Act | None:
    """Take back the newest act that stands; None when there is none."""
    return _step(db, "state = 'done' ORDER BY id DESC", "before", "undone")


def redo(db: Database) -> Act | None:
    """Do again the oldest act that was taken back; None when there is none."""
    return _step(db, "state = 'undone' ORDER BY id", "after", "done")


def _step(db: Database, which: str, towards: Literal["before", "after"], state: str) -> Act | None:
    with writing(db):
        found = rows(db, f"SELECT id, kind FROM acts WHERE {which} LIMIT 1")
        if not found:
            return None
        ((act_id, kind),) = found
        stored = rows(db, f"SELECT subject, id, {towards} FROM changes WHERE act = ? ORDER BY id", [act_id])
        for subject, row_id, columns in stored:
            _set(db, subject, row_id, json.loads(columns))
        db.execute("UPDATE acts SET state = ?, moved = ? WHERE id = ?", [state, now(), act_id])
        return _act(act_id, kind, stored[0][0], [row_id for _, row_id, _ in stored])


def _judge(
    db: Database,
    kind: Literal["approve", "drop"],
    verdict: Literal["approved", "dropped"],
    turn_ids: Sequence[int],
    check: Callable[[int, bool], None],
) -> Act:
    with writing(db):
        changes = []
        after = {"verdict": verdict, "rewrite": None, "judged": now()}
        for turn_id, is_now, rewrite_id, judged, empty in _as_they_are(
            db, turn_ids, "id, verdict, rewrite, judged, reply = ''"
        ):
            if is_now != verdict:
                check(turn_id, empty)
                before = {"verdict": is_now, "rewrite": rewrite_id, "judged": judged}
                changes.append(_Change(turn_id, before, after))
        return _do(db, kind, "turns", changes, nothing=tr(_UNCHANGED[kind]))


def _tag(
    db: Database,
    kind: Literal["tag", "untag"],
    turn_ids: Sequence[int],
    change: Callable[[set[str]], set[str]],
    nothing: str,
) -> Act:
    with writing(db):
        changes = []
        for turn_id, before in _as_they_are(db, turn_ids, "id, tags"):
            after = json.dumps(sorted(change(set(json.loads(before)))), ensure_ascii=False)
            if after != before:
                changes.append(_Change(turn_id, {"tags": before}, {"tags": after}))
        return _do(db, kind, "turns", changes, nothing=nothing)


def _as_they_are(db: Database, turn_ids: Sequence[int], columns: str) -> list[tuple[Any, ...]]:
    """Return columns of the turns by id; CorpusError if one of them is not there."""
    wanted = json.dumps(list(turn_ids))
    found = rows(db, f"SELECT {columns} FROM turns WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id", [wanted])
    if len(found) != len(set(turn_ids)):
        for turn_id in turn_ids:
            turn(db, turn_id)  # raises for the one that is missing
    return found


def _rewritten(db: Database, turn_id: int, wanted: str) -> dict[str, Any]:
    moment = now()
    cursor = db.conn.execute("INSERT INTO rewrites (turn, text, created) VALUES (?, ?, ?)", [turn_id, wanted, moment])
    return {"verdict": "rewritten", "rewrite": cursor.lastrowid, "judged": moment}


def _do(db: Database, kind: ActKind, subject: Subject, changes: Sequence[_Change], *, nothing: str = "") -> Act:
    if not changes:
        raise CorpusError(nothing)
    db.execute("UPDATE acts SET state = 'abandoned' WHERE state = 'undone'")
    moment = now()
    cursor = db.conn.execute(
        "INSERT INTO acts (kind, created, moved, state) VALUES (?, ?, ?, 'done')", [kind, moment, moment]
    )
    act_id = cursor.lastrowid
    assert act_id is not None
    for change in changes:
        _set(db, subject, change.id, change.after)
    db.conn.executemany(
        "INSERT INTO changes (act, subject, id, before, after) VALUES (?, ?, ?, ?, ?)",
        ((act_id, subject, change.id, json.dumps(change.before), json.dumps(change.after)) for change in changes),
    )
    return _act(act_id, kind, subject, [change.id for change in changes])


def _act(act_id: int, kind: ActKind, subject: Subject, ids: Sequence[int]) -> Act:
    return Act(act_id, kind, **{subject: tuple(ids)})  # named as in Act


def _set(db: Database, subject: Subject, row_id: int, columns: Mapping[str, Any]) -> None:
    if not columns.keys() <= _COLUMNS[subject]:
        raise CorpusError(tr("The journal names a column that no act changes: put back a copy of the corpus."))
    assignments = ", ".join(f"{name} = ?" for name in columns)
    db.conn.execute(f"UPDATE {subject} SET {assignments} WHERE id = ?", [*columns.values(), row_id])
