"""Finding turns by what is in them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from corpus.database import rows
from corpus.records import Turn, Verdict
from corpus.sqlite import Database
from corpus.turns import select

_TRIGRAM = 3
"""Characters below which the trigram index finds nothing."""
_TEXTS = "(turns.prompt || char(10) || turns.reply || char(10) || coalesce(rewrites.text, ''))"


def find(
    db: Database,
    text: str,
    *,
    verdict: Verdict | None,
    version: str | None,
    conversation: int | None,
    limit: int,
    offset: int,
) -> list[Turn]:
    """Return the turns that contain every word of ``text`` in prompt, reply or rewrite, newest first."""
    conditions = ["1"]
    parameters: list[Any] = []
    words = text.replace("\0", " ").split()
    phrases = ['"' + word.replace('"', '""') + '"' for word in words if len(word) >= _TRIGRAM]
    if phrases:
        conditions.append("turns.id IN (SELECT rowid FROM turns_fts WHERE turns_fts MATCH ?)")
        parameters.append(" AND ".join(phrases))
    for word in words:
        if len(word) < _TRIGRAM:
            conditions.append(f"{_TEXTS} LIKE ? ESCAPE '!'")
            parameters.append("%" + re.sub("[!%_]", r"!\g<0>", word) + "%")
    for column, wanted in (("verdict", verdict), ("version", version), ("conversation", conversation)):
        if wanted is not None:
            conditions.append(f"turns.{column} = ?")
            parameters.append(wanted)
    return select(
        db,
        f"WHERE {' AND '.join(conditions)} ORDER BY turns.id DESC LIMIT ? OFFSET ?",
        [*parameters, limit, offset],
    )


@contextmanager
def indexed_at_end(db: Database) -> Iterator[None]:
    """Index the turns that are added inside, in one transaction, all at once.

    Inside a trigger FTS5 writes out its index after every row, which takes more than half the time of an import.
    Turns that were there before must not be changed inside.
    """
    triggers = rows(db, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'turns_fts_%'")
    ((last,),) = rows(db, "SELECT coalesce(max(id), 0) FROM turns")
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    yield
    db.execute(
        """
        INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
            SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id > ? ORDER BY id
        """,
        [last],
    )
    for _, sql in triggers:
        db.execute(sql)
