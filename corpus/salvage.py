"""Reading what can still be read of a damaged database. Making sense of it is corpus.repairing's."""

import shutil
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.copies import companions, opened

_MAGIC = b"SQLite format 3\0"
_HEADER = (
    _MAGIC
    + bytes.fromhex("1000 0202 00 402020")  # pages of 4096 bytes, a log, nothing reserved
    + struct.pack(">12I", 0, 0, 0, 0, 1, 4, 0, 0, 1, 0, 0, 0)  # schema format 4, UTF-8
    + bytes(28)
)
"""The header of a corpus (sqlite.org/fileformat.html, "The Database Header"), as far as SQLite cannot do without."""
_ROWS = 1_000
"""Rows that are read at once."""
_LIKELY = 1_000_000
"""The greatest key that is looked for where nothing tells it."""


@dataclass(frozen=True)
class Table:
    """A table to be read, as the schema that it should have says."""

    name: str
    key: str
    """The column of whole numbers by which its rows lie: rowid, or the first of a primary key."""
    columns: Sequence[str]


class Salvage:
    """A damaged database, of which every readable row can be had."""

    def __init__(self, db: sqlite3.Connection, largest: int) -> None:
        self._db = db
        self._largest = largest
        """No key is greater: the file has no more bytes."""
        self.unreadable: set[str] = set()
        """The tables of which not everything could be read."""

    def columns(self, table: str) -> list[str]:
        """Return the columns of a table; none where the schema cannot be read."""
        with suppress(sqlite3.DatabaseError):
            return [row[1] for row in self._db.execute(f'PRAGMA table_info("{table}")')]
        return []

    def applied(self) -> set[str]:
        """Return the names of the migrations that were applied; none where they cannot be read."""
        with suppress(sqlite3.DatabaseError):
            return {name for (name,) in self._db.execute("SELECT name FROM _sqlite_migrations")}
        return set()

    def indexed(self, table: str, *columns: str) -> list[tuple[Any, ...]] | None:
        """Return columns of every row as an index has them; None where no index with these columns can be read."""
        with suppress(sqlite3.DatabaseError):
            for (index,) in self._indexes(table):
                with suppress(sqlite3.DatabaseError):
                    names = {row[2] for row in self._db.execute(f'PRAGMA index_xinfo("{index}")')}
                    if names >= set(columns) - {"rowid"}:
                        query = f'SELECT {", ".join(columns)} FROM "{table}" INDEXED BY "{index}"'
                        return self._db.execute(query).fetchall()
        return None

    def rows(self, table: Table) -> Iterator[tuple[Any, ...]]:
        """Yield the key and the columns of each row that can be read, passing over damaged pages by halving ranges."""
        names = ", ".join(f'"{name}"' for name in table.columns)
        query = f"""
            SELECT {table.key}, {names} FROM "{table.name}" WHERE {table.key} BETWEEN ? AND ?
            ORDER BY {table.key} LIMIT {_ROWS if table.key == "rowid" else -1}
        """
        ranges = [(0, self._last(table))]
        while ranges:
            low, high = ranges.pop()
            try:
                found = self._db.execute(query, [low, high]).fetchall()
            except sqlite3.DatabaseError:
                if low < high:
                    middle = (low + high) // 2
                    ranges += [(middle + 1, high), (low, middle)]
                else:
                    self.unreadable.add(table.name)
                continue
            if table.key == "rowid" and len(found) == _ROWS:
                ranges.append((found[-1][0] + 1, high))
            yield from found

    def _last(self, table: Table) -> int:
        queries = [f'SELECT max({table.key}) FROM "{table.name}"']
        with suppress(sqlite3.DatabaseError):
            queries += [f'{queries[0]} INDEXED BY "{index}"' for (index,) in self._indexes(table.name)]
        for query in queries:
            with suppress(sqlite3.DatabaseError):
                ((last,),) = self._db.execute(query)
                if isinstance(last, int):
                    return min(last, self._largest)
        return min(_LIKELY, self._largest)

    def _indexes(self, table: str) -> list[tuple[str]]:
        return self._db.execute(
            """
            SELECT name FROM sqlite_master
            WHERE type = 'index' AND tbl_name = ? AND coalesce(sql, '') NOT LIKE '% WHERE %'
            """,
            [table],
        ).fetchall()


@contextmanager
def salvaging(path: Path, draft: Path) -> Iterator[Salvage]:
    """Read a copy of the database at ``path``, made in the file ``draft``."""
    for file, copied in zip(companions(path), companions(draft), strict=True):
        if file == path or (file.name.endswith("-wal") and file.exists()):
            shutil.copyfile(file, copied)
    with draft.open("r+b") as written:
        if written.read(len(_MAGIC)) != _MAGIC:
            written.seek(0)
            written.write(_HEADER)
    with opened(draft) as db:
        db.execute("PRAGMA writable_schema = ON")  # or SQLite reads nothing of a file that was cut off
        db.text_factory = lambda stored: stored.decode(errors="replace")
        yield Salvage(db, draft.stat().st_size)
