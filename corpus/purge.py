"""Destroying dropped turns for ever: the one act that cannot be taken back."""

import json
import sqlite3
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass, replace

from corpus import openings
from corpus.database import rows, writing
from corpus.filters import Filter
from corpus.search import ids
from corpus.sqlite import Database


@dataclass(frozen=True)
class Purge:
    """What a purge removes."""

    turns: tuple[int, ...]
    """Dropped turns, with their prompts, replies, tags, notes and every rewrite they had."""
    rewrites: int
    conversations: int
    """Those of which no turn is left."""
    picks: int
    """Those whose prompt is one of the turns'."""


def plan(db: Database, wanted: Filter) -> Purge:
    """Tell what a purge of the dropped turns that ``wanted`` leaves would remove."""
    doomed = ids(db, replace(wanted, verdict="dropped"))
    ((rewrites, conversations, picks),) = rows(
        db,
        """
        WITH doomed (id) AS (SELECT value FROM json_each(?))
        SELECT
            (SELECT count(*) FROM rewrites WHERE turn IN doomed),
            (SELECT count(*) FROM conversations WHERE id IN (SELECT conversation FROM turns WHERE id IN doomed)
                AND NOT EXISTS (
                    SELECT 1 FROM turns WHERE turns.conversation = conversations.id AND turns.id NOT IN doomed
                )),
            (SELECT count(*) FROM picks WHERE turn IN doomed)
        """,
        [json.dumps(doomed)],
    )
    return Purge(tuple(doomed), rewrites, conversations, picks)


def purge(db: Database, planned: Purge) -> None:
    """Remove what was planned. Turns that followed follow on what was before; one that is dropped no longer stays.

    What is deleted is overwritten in the file, which shrinks unless another program reads it at that moment.
    """
    db.execute("PRAGMA secure_delete = ON")
    with writing(db):
        dropped = (
            "SELECT id, conversation FROM turns WHERE verdict = 'dropped' AND id IN (SELECT value FROM json_each(?))"
        )
        doomed = dict(rows(db, dropped, [json.dumps(planned.turns)]))
        for conversation in set(doomed.values()):
            _take_out(db, conversation, set(doomed))
        chosen = json.dumps(list(doomed))
        for statement in (
            "DELETE FROM rewrites WHERE turn IN (SELECT value FROM json_each(?))",
            "DELETE FROM changes WHERE subject = 'picks' AND id IN (SELECT id FROM picks WHERE turn IN "
            "(SELECT value FROM json_each(?)))",
            "DELETE FROM picks WHERE turn IN (SELECT value FROM json_each(?))",
            "DELETE FROM changes WHERE subject = 'turns' AND id IN (SELECT value FROM json_each(?))",
        ):
            db.conn.execute(statement, [chosen])
        db.conn.executemany("DELETE FROM turns WHERE id = ?", ((turn_id,) for turn_id in sorted(doomed, reverse=True)))
        for conversation in set(doomed.values()):
            openings.note_anew(db, conversation)
        empty = "(SELECT id FROM conversations WHERE head IS NULL AND id IN (SELECT value FROM json_each(?)))"
        left = json.dumps(sorted(set(doomed.values())))
        db.conn.execute(f"DELETE FROM changes WHERE subject = 'conversations' AND id IN {empty}", [left])
        db.conn.execute(f"DELETE FROM conversations WHERE id IN {empty}", [left])
        db.conn.execute("DELETE FROM acts WHERE id NOT IN (SELECT act FROM changes)")
        db.conn.execute("INSERT INTO turns_fts (turns_fts) VALUES ('optimize')")
    with suppress(sqlite3.OperationalError):
        db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _take_out(db: Database, conversation: int, doomed: Set[int]) -> None:
    """Hang what follows on a doomed turn on the turn before it, and show a turn that stays."""
    stood: dict[int, int | None] = {}
    stands: dict[int, tuple[int | None, int]] = {}
    """Parent and depth of the turns that stay."""
    for turn_id, parent in rows(db, "SELECT id, parent FROM turns WHERE conversation = ? ORDER BY id", [conversation]):
        stood[turn_id] = parent
        above = _standing(parent, stood, doomed)
        if turn_id not in doomed:
            stands[turn_id] = (above, 1 if above is None else stands[above][1] + 1)
    db.conn.executemany(
        "UPDATE turns SET parent = ?, depth = ? WHERE id = ? AND (parent IS NOT ? OR depth != ?)",
        ((above, depth, turn_id, above, depth) for turn_id, (above, depth) in stands.items()),
    )
    ((head,),) = rows(db, "SELECT head FROM conversations WHERE id = ?", [conversation])
    if head in doomed:
        above = _standing(head, stood, doomed)
        below = {above}
        for turn_id, (parent, _) in stands.items():  # a child's id is greater than its parent's
            if parent in below:
                below.add(turn_id)
        shown = max((turn_id for turn_id in below if turn_id is not None), default=None)
        db.conn.execute("UPDATE conversations SET head = ? WHERE id = ?", [shown, conversation])


def _standing(turn_id: int | None, stood: dict[int, int | None], doomed: Set[int]) -> int | None:
    """Return the nearest turn from ``turn_id`` up that stays."""
    while turn_id is not None and turn_id in doomed:
        turn_id = stood[turn_id]
    return turn_id
