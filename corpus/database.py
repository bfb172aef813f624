"""Opening, reading and changing corpus.db, and what to do when that fails; what is in it is for others."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from corpus import shelf
from corpus.copies import PATIENCE_S, copy
from corpus.failures import advising
from corpus.migrations import MIGRATIONS, first_pending
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr

LARGEST = 2**63 - 1
"""The largest whole number that SQLite keeps."""


def now() -> str:
    """Return the moment as the corpus writes it: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def open_database(path: Path, patience_s: float = PATIENCE_S) -> Database:
    """Open the database at ``path``, made or migrated where that is needed. The connection belongs to this thread.

    From then on it waits ``patience_s`` for another program that is writing.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except OSError as error:
        raise CorpusError(
            tr("The corpus {path} cannot be opened ({error}): check that its directory exists and is yours.").format(
                path=path, error=error.strerror
            )
        ) from error
    with advising(path):
        connection = sqlite3.connect(path, timeout=PATIENCE_S)
        try:
            use_wal(connection)
            connection.execute("PRAGMA foreign_keys = ON")
            db = Database(connection, execute_plugins=False)
            if first_pending(db, str(path)) is not None:
                _migrate(db, path)
            connection.execute(f"PRAGMA busy_timeout = {round(patience_s * 1000)}")
            return db
        except BaseException:
            connection.close()
            raise


def use_wal(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging; alone of all statements, this one does not wait for another process by itself."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _migrate(db: Database, path: Path) -> None:
    """Bring the schema up to date, after a backup of what there is."""
    with writing(db):
        pending = first_pending(db, str(path))  # asked again: another process may have migrated it meanwhile
        if pending is None:
            return
        backup = _back_up_before(pending, path) if db.table_names() else None
        try:
            MIGRATIONS.apply(db)
        except BaseException:
            if backup is not None:
                backup.unlink(missing_ok=True)  # nothing is migrated, and each start would make another
            raise


def _back_up_before(pending: str, path: Path) -> Path:
    backup = shelf.directory(path) / f"corpus-before-{pending}.db"
    try:
        moment = shelf.place(path, f"before-{pending}-")
        if backup.exists():
            backup = moment
        copy(path, backup)
    except (CorpusError, OSError) as error:
        failed = tr(
            "The corpus {path} is of an older Socrates and was not brought up to date, because no backup of it could "
            "be made first."
        ).format(path=path)
        raise CorpusError(f"{failed} {error}") from error
    return backup


@contextmanager
def writing(db: Database) -> Iterator[None]:
    """Make one change that is kept whole or not at all; inside another one, be part of it."""
    with advising(db):
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


@contextmanager
def reading(db: Database) -> Iterator[None]:
    """Let all that is read inside be of one moment, whatever other programs write meanwhile."""
    with advising(db):
        db.conn.execute("BEGIN")
        try:
            yield
        finally:
            db.rollback()


def rows(db: Database, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
    """Return all rows of a query."""
    with advising(db):
        return db.conn.execute(sql, parameters).fetchall()


def text(given: str) -> str:
    """Return ``given`` as it is stored: trimmed, and of characters that UTF-8 can carry.

    A NUL, at which SQLite's functions end a text, becomes U+FFFD, as in HTML and CommonMark.
    """
    try:
        given.encode()
    except UnicodeEncodeError as error:
        raise CorpusError(
            tr("The text is not valid Unicode: give it as UTF-8, without halves of surrogate pairs.")
        ) from error
    return given.replace("\0", "\ufffd").strip()


def one_line(given: str) -> str:
    """Return ``given`` as a title: on one line, each run of white space one space."""
    return " ".join(text(given).split())
