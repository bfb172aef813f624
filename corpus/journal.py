"""Judging turns, and taking it back: every act is journalled with what each turn was before and after it."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

from corpus.database import now, rows, text, writing
from corpus.records import Act, Turn
from corpus.sqlite import Database
from corpus.turns import turn
from socrates_errors import CorpusError


class _Judgement(TypedDict):
    """What is judged of a turn. ``rewrite`` is the id of the one that counts, None unless the verdict is rewritten."""

    verdict: str
    rewrite: int | None
    judged: str | None


class _Change(TypedDict):
    turn: int
    before: _Judgement
    after: _Judgement


def approve(db: Database, turn_ids: Sequence[int]) -> Act:
    """Make the original replies of the turns right as they are; a rewrite no longer counts."""

    def checked(found: Turn) -> None:
        if not found.reply:
            raise CorpusError(f"The reply of turn {found.id} is empty and cannot be approved: rewrite or drop it.")

    return _judge(db, "approve", "approved", turn_ids, checked)


def drop(db: Database, turn_ids: Sequence[int]) -> Act:
    """Leave the turns out of training and out of what later turns go on from."""
    return _judge(db, "drop", "dropped", turn_ids, lambda found: None)


def rewrite(db: Database, turn_id: int, wanted: str) -> Act:
    """Keep ``wanted`` as what the reply should have been; the newest rewrite counts, none is ever lost."""
    wanted = text(wanted)
    if not wanted:
        raise CorpusError("The rewrite is empty: write what the reply should have been, or drop the turn.")
    with writing(db):
        found = turn(db, turn_id)
        if wanted == found.text:
            raise CorpusError("The rewrite is unchanged: change it, or approve the reply as it is.")
        if wanted == found.reply:
            raise CorpusError("The rewrite is the reply itself: approve the turn to return to its reply.")
        after = _rewritten(db, turn_id, wanted)
        return _record(db, "rewrite", [_Change(turn=turn_id, before=_judgement(db, turn_id), after=after)])


def store_rewritten(db: Database, turn_id: int, wanted: str) -> None:
    """Give a turn that is being imported its rewrite; that is not an act of the user's, which could be undone."""
    _set(db, turn_id, _rewritten(db, turn_id, wanted))


def _rewritten(db: Database, turn_id: int, wanted: str) -> _Judgement:
    moment = now()
    cursor = db.conn.execute("INSERT INTO rewrites (turn, text, created) VALUES (?, ?, ?)", [turn_id, wanted, moment])
    return _Judgement(verdict="rewritten", rewrite=cursor.lastrowid, judged=moment)


def undo(db: Database) -> Act | None:
    """Take back the newest act that stands; None when there is none."""
    return _step(db, "SELECT id, kind, changes FROM acts WHERE state = 'done' ORDER BY id DESC", "before", "undone")


def redo(db: Database) -> Act | None:
    """Do again the oldest act that was taken back; None when there is none."""
    return _step(db, "SELECT id, kind, changes FROM acts WHERE state = 'undone' ORDER BY id", "after", "done")


def _step(db: Database, query: str, towards: Literal["before", "after"], state: str) -> Act | None:
    with writing(db):
        found = rows(db, f"{query} LIMIT 1")
        if not found:
            return None
        act_id, kind, stored = found[0]
        changes: list[_Change] = json.loads(stored)
        moment = now()
        for change in changes:
            # A target that is back since the last training is as new to the next one as one that was just judged.
            judged = None if change[towards]["judged"] is None else moment
            _set(db, change["turn"], {**change[towards], "judged": judged})
        db.execute("UPDATE acts SET state = ? WHERE id = ?", [state, act_id])
        return Act(act_id, kind, tuple(change["turn"] for change in changes))


def _judge(
    db: Database,
    kind: Literal["approve", "drop"],
    verdict: Literal["approved", "dropped"],
    turn_ids: Sequence[int],
    check: Callable[[Turn], None],
) -> Act:
    with writing(db):
        changes = []
        after = _Judgement(verdict=verdict, rewrite=None, judged=now())
        for turn_id in dict.fromkeys(turn_ids):
            found = turn(db, turn_id)
            if found.verdict != verdict:
                check(found)
                changes.append(_Change(turn=turn_id, before=_judgement(db, turn_id), after=after))
        if not changes:
            raise CorpusError(f"Nothing was changed: every turn that was named is {verdict} already.")
        return _record(db, kind, changes)


def _record(db: Database, kind: Literal["approve", "rewrite", "drop"], changes: list[_Change]) -> Act:
    db.execute("UPDATE acts SET state = 'abandoned' WHERE state = 'undone'")
    for change in changes:
        _set(db, change["turn"], change["after"])
    cursor = db.conn.execute(
        "INSERT INTO acts (kind, created, changes, state) VALUES (?, ?, ?, 'done')", [kind, now(), json.dumps(changes)]
    )
    assert cursor.lastrowid is not None
    return Act(cursor.lastrowid, kind, tuple(change["turn"] for change in changes))


def _judgement(db: Database, turn_id: int) -> _Judgement:
    ((verdict, rewrite_id, judged),) = rows(db, "SELECT verdict, rewrite, judged FROM turns WHERE id = ?", [turn_id])
    return _Judgement(verdict=verdict, rewrite=rewrite_id, judged=judged)


def _set(db: Database, turn_id: int, judgement: Any) -> None:
    db.execute(
        "UPDATE turns SET verdict = :verdict, rewrite = :rewrite, judged = :judged WHERE id = :id",
        {**judgement, "id": turn_id},
    )
