"""Whole, checked copies of a database. When one is made and where it is kept is for others."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.failures import advising, damaged, is_damage
from corpus.migrations import first_pending
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr

PATIENCE_S = 5.0
"""How long anything waits for another program that is writing, unless told otherwise."""
_DRAFT = ".unfinished-"
_COMPANIONS = ("", "-wal", "-shm", "-journal")
"""What SQLite appends to the name of a database for the files beside it."""


def copy(path: Path, target: Path) -> None:
    """Write a whole, checked copy of the corpus at ``path`` to ``target``, which must not be there yet.

    It is as the corpus was at one moment; others may read and write meanwhile.
    """
    with _writing(target), unfinished(target.parent) as draft, advising(path, target):
        rows = _vacuum_into(path, draft)
        with opened(draft) as copied:
            first_pending(Database(copied, execute_plugins=False), str(path))
            if flaw(copied) is not None or _count_rows(copied) != rows:
                raise damaged(path)
        sync(draft)
        if target.exists():
            raise _taken(target)
        draft.rename(target)
        sync(target.parent)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        if target.exists():
            raise _taken(target)
        yield
    except OSError as error:
        raise CorpusError(
            tr(
                "The backup {path} cannot be written ({error}): name a file in a directory that you may write to."
            ).format(path=target, error=error.strerror)
        ) from error


def _taken(target: Path) -> CorpusError:
    return CorpusError(tr("{path} is there already: name another file, or remove that one first.").format(path=target))


@contextmanager
def unfinished(directory: Path) -> Iterator[Path]:
    """Give an empty file of the user's own for a database in the making; it is removed, if it is still there.

    What processes that were killed left of theirs is removed too.
    """
    for left in directory.glob(f"{_DRAFT}*"):
        process = left.name.removeprefix(_DRAFT).partition("-")[0]
        if process.isdecimal() and not _alive(int(process)):
            left.unlink(missing_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{_DRAFT}{os.getpid()}-", suffix=".db", dir=directory)
    os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for file in companions(Path(name)):
            file.unlink(missing_ok=True)


def companions(path: Path) -> list[Path]:
    """Return the names of the database at ``path`` and of the files that SQLite keeps beside it."""
    return [Path(f"{path}{ending}") for ending in _COMPANIONS]


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a database that is there; transactions are begun and ended by hand."""
    uri = f"{path.resolve().as_uri()}?mode=rw"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE_S)
    try:
        yield connection
    finally:
        connection.close()


def flaw(db: sqlite3.Connection) -> str | None:
    """Return what is wrong with a database in itself: a damaged page or index, a row that refers to none."""
    try:
        ((found,),) = db.execute("PRAGMA integrity_check(1)")
        if found != "ok":
            return str(found)
        if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
            return tr("a row refers to one that is not there")
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'turns_fts'").fetchone() is not None:
            db.execute("INSERT INTO turns_fts (turns_fts, rank) VALUES ('integrity-check', 1)")
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return str(error)
    return None


def sync(path: Path) -> None:
    """Make the content of a file, or the names in a directory, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _vacuum_into(path: Path, target: Path) -> dict[str, int]:
    """Fill the empty file ``target``; return the number of rows of each table, as they were at the same moment."""
    with opened(path) as source, opened(path) as lock:
        while True:
            before = _version(source)
            rows = _count_rows(source)
            source.execute("VACUUM INTO ?", [str(target)])
            if _version(source) == before:
                return rows
            # Somebody wrote meanwhile, so rows and copy may be of two moments: once more, and nobody writes.
            lock.execute("BEGIN IMMEDIATE")
            os.truncate(target, 0)


def _version(db: sqlite3.Connection) -> int:
    """Return a number that changes when another connection changes the database."""
    ((version,),) = db.execute("PRAGMA data_version")
    return int(version)


def _count_rows(db: sqlite3.Connection) -> dict[str, int]:
    tables = db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0").fetchall()
    return {table: db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for (table,) in tables}


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return True
