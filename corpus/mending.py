"""Making what was saved of a damaged corpus a whole one again: what a row refers to is there, no text is left out."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from corpus.database import now
from corpus.openings import note_anew
from corpus.salvage import Salvage
from corpus.split import side
from corpus.sqlite import Database

LOST = "(lost)"
"""The texts of what stands in for a turn or a conversation that was lost."""

_DEPTHS = """
    WITH RECURSIVE tree (id, depth) AS (
        SELECT id, 1 FROM turns WHERE parent IS NULL
        UNION ALL
        SELECT turns.id, tree.depth + 1 FROM turns JOIN tree ON turns.parent = tree.id
    )
    UPDATE turns SET depth = tree.depth FROM tree WHERE tree.id = turns.id AND turns.depth != tree.depth
"""


@dataclass(frozen=True)
class Mended:
    """What had to be made up for what was lost."""

    conversations: tuple[int, ...]
    """Conversations of which turns were saved, but not their title and system text."""
    turns: tuple[int, ...]
    """Turns of which only rewrites or what followed was saved: they stand there, dropped, without their texts."""
    unreviewed: tuple[int, ...]
    """Turns whose rewrite was lost: they wait for a verdict again."""


DERIVED = ("turn_tags", "turns_fts", "openings")
"""What the names of the tables begin with that are made of the others; ``without_triggers`` fills them at its end."""


@contextmanager
def without_triggers(db: Database) -> Iterator[None]:
    """Let rows be inserted as they were; what is made of them is made at the end."""
    triggers = db.conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        db.conn.execute(f'DROP TRIGGER "{name}"')
    yield
    for _, sql in triggers:
        db.conn.execute(sql)
    tables = db.table_names()
    if "turn_tags" in tables:
        db.conn.execute("INSERT INTO turn_tags SELECT DISTINCT value, turns.id FROM turns, json_each(turns.tags)")
    if "turns_fts" in tables:
        db.conn.execute("INSERT INTO turns_fts (turns_fts) VALUES ('rebuild')")
    if "openings" in tables:
        for (conversation,) in db.conn.execute("SELECT id FROM conversations").fetchall():
            note_anew(db, conversation)


def mend(db: sqlite3.Connection, damaged: Salvage, *, is_whole: bool) -> Mended:
    """Make every reference lead somewhere. Where the rows are not all there, no act can be taken back any more."""
    db.execute("UPDATE turns SET parent = NULL WHERE parent >= id")  # a child's id is greater than its parent's
    unreviewed = _ids(db, "SELECT id FROM turns WHERE rewrite IS NOT NULL AND rewrite NOT IN (SELECT id FROM rewrites)")
    db.execute(
        """
        UPDATE turns SET verdict = 'unreviewed', rewrite = NULL, judged = NULL
        WHERE rewrite IS NOT NULL AND rewrite NOT IN (SELECT id FROM rewrites)
        """
    )
    stood_in = _stand_in_for_turns(db, damaged)
    conversations = _stand_in_for_conversations(db, damaged)
    db.execute(
        """
        UPDATE conversations SET head = (SELECT max(id) FROM turns WHERE conversation = conversations.id)
        WHERE head NOT IN (SELECT id FROM turns)
            OR head IS NULL AND id IN (SELECT conversation FROM turns)
        """
    )
    db.execute(_DEPTHS)
    if not is_whole or stood_in or conversations or unreviewed:
        db.execute("UPDATE acts SET state = 'abandoned'")
    _leave_out_what_refers_to_nothing(db)
    return Mended(conversations, stood_in, unreviewed)


def _stand_in_for_turns(db: sqlite3.Connection, damaged: Salvage) -> tuple[int, ...]:
    """Let a dropped turn stand where one is missing on which turns follow or of which there are rewrites."""
    known = {row[0]: row[1:] for row in damaged.indexed("turns", "id", "conversation", "parent") or ()}
    stood_in: set[int] = set()
    while True:
        missing = db.execute(
            """
            SELECT parent, min(conversation) FROM turns WHERE parent NOT IN (SELECT id FROM turns) GROUP BY parent
            UNION ALL
            SELECT DISTINCT turn, NULL FROM rewrites
            WHERE turn NOT IN (SELECT id FROM turns) AND turn NOT IN (SELECT parent FROM turns WHERE parent IS NOT NULL)
            """
        ).fetchall()
        if not missing:
            return tuple(sorted(stood_in))
        for turn, of_child in missing:
            told, parent = known.get(turn, (None, None))
            conversation = of_child or told or _conversation_for_the_lost(db)
            db.execute(
                """
                INSERT INTO turns (id, conversation, parent, depth, prompt, reply, verdict, sampling, created, judged)
                VALUES (?, ?, ?, 1, ?, ?, 'dropped', '{}', ?, ?)
                """,
                [
                    turn,
                    conversation,
                    parent if parent is not None and parent < turn else None,
                    LOST,
                    LOST,
                    now(),
                    now(),
                ],
            )
            stood_in.add(turn)


def _conversation_for_the_lost(db: sqlite3.Connection) -> int:
    """Return the conversation of turns of which nothing is known, begun where there is none yet."""
    found = db.execute("SELECT id FROM conversations WHERE key = ?", [LOST]).fetchone()
    if found is None:
        ((free,),) = db.execute(
            "SELECT max(coalesce((SELECT max(id) FROM conversations), 0), "
            "coalesce((SELECT max(conversation) FROM turns), 0)) + 1"
        )
        _begin(db, free, LOST)
        return int(free)
    return int(found[0])


def _stand_in_for_conversations(db: sqlite3.Connection, damaged: Salvage) -> tuple[int, ...]:
    """Begin anew the conversations that are missing; their keys, which decide the split, may stand in an index."""
    keys: dict[int, str] = dict(damaged.indexed("conversations", "rowid", "key") or ())
    missing = _ids(
        db, "SELECT DISTINCT conversation FROM turns WHERE conversation NOT IN (SELECT id FROM conversations)"
    )
    for conversation in missing:
        _begin(db, conversation, keys.get(conversation) or f"lost-{conversation}")
    return missing


def _begin(db: sqlite3.Connection, conversation: int, key: str) -> None:
    db.execute(
        """
        INSERT INTO conversations (id, key, title, system, source, split, created, updated)
        VALUES (?, ?, ?, '', 'chat', ?, ?, ?)
        """,
        [conversation, key, LOST, side(key), now(), now()],
    )


def _leave_out_what_refers_to_nothing(db: sqlite3.Connection) -> None:
    """Take out rows of the journal whose act is gone, and of any table that is nobody's text."""
    while found := db.execute('SELECT DISTINCT "table", parent, fkid FROM pragma_foreign_key_check').fetchall():
        for table, parent, number in found:
            (column, target) = next(
                (row[3], row[4]) for row in db.execute(f'PRAGMA foreign_key_list("{table}")') if row[0] == number
            )
            db.execute(f'DELETE FROM "{table}" WHERE "{column}" NOT IN (SELECT "{target}" FROM "{parent}")')


def _ids(db: sqlite3.Connection, query: str) -> tuple[int, ...]:
    return tuple(sorted(row[0] for row in db.execute(query)))
