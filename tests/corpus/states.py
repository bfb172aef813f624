"""The whole state of a corpus, whatever its schema, to compare with another."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from corpus.copies import flaw

State = dict[str, list[tuple[Any, ...]]]


def state(path: Path) -> State:
    """Return the schema and every row of every table but those of the search; the corpus must be sound."""
    with closing(sqlite3.connect(path)) as db:
        assert flaw(db) is None
        schema = db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()
        tables = [name for name, sql in schema if sql and sql.startswith("CREATE TABLE") and "_fts_" not in name]
        assert {"conversations", "turns", "rewrites", "acts"} <= set(tables)
        rows = {name: sorted(db.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}
    return {"schema": schema, **{name: found for name, found in rows.items() if name != "_sqlite_migrations"}}
