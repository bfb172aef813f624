"""Opening, reading and changing corpus.db, and what to do when that fails; what is in it is for others."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus.migrations import MIGRATIONS
from corpus.sqlite import Database
from socrates_errors import CorpusError

LARGEST = 2**63 - 1
"""The largest whole number that SQLite keeps."""

_BUSY_MS = 5_000
_ADVICE = {
    sqlite3.SQLITE_BUSY: "another program is writing to it; wait until that has ended, then try again",
    sqlite3.SQLITE_LOCKED: "another program is writing to it; wait until that has ended, then try again",
    sqlite3.SQLITE_FULL: "the disk is full; make room, then try again",
    sqlite3.SQLITE_READONLY: "it may not be written; give yourself the right to write to it and its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its directory exists and is yours",
    sqlite3.SQLITE_PERM: "it may not be opened; give yourself the right to read and write it",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it; check the disk, then try again",
    sqlite3.SQLITE_CORRUPT: "it is damaged; put back a copy, or move it away to begin a new corpus",
    sqlite3.SQLITE_NOTADB: "it is damaged or no database; put back a copy, or move it away to begin a new corpus",
}


def now() -> str:
    """Return the moment as the corpus writes it: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def open_database(path: Path) -> Database:
    """Open the database at ``path``, made or migrated where that is needed. The connection belongs to this thread."""
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise CorpusError(
            f"The corpus {path} cannot be opened ({error.strerror}): check that its directory exists and is yours."
        ) from error
    with advising(path):
        connection = sqlite3.connect(path, timeout=_BUSY_MS / 1000)
        try:
            _use_wal(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            return _migrated(Database(connection, execute_plugins=False), path)
        except BaseException:
            connection.close()
            raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; alone of all statements, this one does not wait for another process by itself."""
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _migrated(db: Database, path: Path) -> Database:
    # The tables are read first: another process may be migrating this same new file between the two reads.
    tables = set(db.table_names())
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    known = {migration.name for migration in MIGRATIONS.pending(Database(memory=True, execute_plugins=False))}
    if tables and not applied:
        raise CorpusError(f"{path} is the database of another program: move it away, or name another home with --home.")
    if applied - known:
        raise CorpusError(f"{path} was made by a newer Socrates: upgrade Socrates, or name another home with --home.")
    if known - applied:
        with writing(db):
            MIGRATIONS.apply(db)
    return db


@contextmanager
def advising(path: Path | None = None) -> Iterator[None]:
    """Turn what SQLite says about the file, the disk or the lock into a CorpusError that says what to do."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        advice = _ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if advice is None:
            raise
        raise CorpusError(f"The corpus{f' {path}' if path else ''} cannot be used: {advice}.") from error


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """Make one change that is kept whole or not at all; inside another one, be part of it."""
    with advising():
        outermost = not db.conn.in_transaction
        if outermost:
            # atomic() begins a deferred transaction, which cannot wait for another writer once it has read.
            db.conn.execute("BEGIN IMMEDIATE")
        try:
            with db.atomic():
                yield
        except BaseException:
            if outermost:
                db.rollback()
            raise
        if outermost:
            db.commit()


def rows(db: Database, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    with advising():
        return db.conn.execute(sql, parameters).fetchall()


def text(given: str) -> str:
    """Return ``given`` as it is stored: trimmed, and of characters that UTF-8 can carry."""
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            "The text is not valid Unicode: give it as UTF-8, without halves of surrogate pairs."
        ) from error
    return given.strip()


def one_line(given: str) -> str:
    """Return ``given`` as a title: on one line, each run of white space one space."""
    return " ".join(text(given).split())
