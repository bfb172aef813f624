"""Backing the corpus up and putting a backup back. What is damaged beyond that is corpus.repairing's."""

import fcntl
import os
import shutil
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from corpus import copies, shelf
from corpus.database import open_database, use_wal, writing
from corpus.failures import WAIT, advising, busy
from corpus.migrations import MIGRATIONS, first_pending
from corpus.sqlite import Database
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from socrates_language import tr

AUTOMATIC = "auto-"
"""The kind of backup that is made before a training."""
KEPT = 7
"""So many of the automatic ones are kept."""
_OPEN_LOCK = 128
"""The byte of the -shm file that every program with the database open locks (sqlite.org/walformat.html)."""
_DAY_S = 24 * 60 * 60


@dataclass(frozen=True)
class Restored:
    """What became of the corpus in whose place a backup was put."""

    kept: Path | None
    """Where it is kept: a backup, or the damaged file itself; None where there was none."""
    damaged: bool
    """Whether it was damaged, so that no backup of it could be made."""


def back_up(path: Path, target: Path | None = None) -> Path:
    """Write a whole, checked copy of the corpus at ``path`` to a file that is not there yet, and return its name.

    Without ``target`` it is put with the other backups, under a name that tells the moment.
    """
    if not path.exists():
        raise CorpusError(tr("There is no corpus {path} to back up: name another home with --home.").format(path=path))
    target = target or _place(path)
    copies.copy(path, target)
    return target


def back_up_daily(path: Path) -> Path | None:
    """Back the corpus up unless that was done by itself within a day; return the file, None where it was.

    Only the newest of these backups are kept.
    """
    earlier = shelf.backups(path, AUTOMATIC)
    if earlier and time.time() - earlier[0].stat().st_mtime < _DAY_S:
        return None
    made = back_up(path, _place(path, AUTOMATIC))
    for old in earlier[KEPT - 1 :]:
        old.unlink(missing_ok=True)
    return made


def _place(path: Path, kind: str = "") -> Path:
    try:
        return shelf.place(path, kind)
    except OSError as error:
        raise CorpusError(
            tr("{path} cannot be made ({error}): check its directory.").format(
                path=shelf.directory(path), error=error.strerror
            )
        ) from error


def restore(path: Path, backup: Path) -> Restored:
    """Put the content of ``backup`` in the place of the corpus at ``path``, in one step.

    Another program that has the corpus open goes on with the new content. The backup is checked and, where it is
    older, migrated first. What the corpus was is kept as a backup; where it is too damaged for that, its file is.
    """
    with copies.unfinished(path.parent) as fresh:
        _stage(backup, fresh)
        if not path.exists():
            open_database(path).close()
            _put_in_place(fresh, path)
            return Restored(None, damaged=False)
        try:
            kept = back_up(path, _place(path, "before-restore-"))
        except CorpusDamagedError:
            return Restored(replace_damaged(path, fresh), damaged=True)
        _put_in_place(fresh, path)
        return Restored(kept, damaged=False)


def _stage(backup: Path, fresh: Path) -> None:
    """Copy ``backup`` to the file ``fresh``, checked and up to date."""
    try:
        for file, copied in zip(copies.companions(backup), copies.companions(fresh), strict=True):
            if file == backup or (file.name.endswith("-wal") and file.exists()):
                shutil.copyfile(file, copied)
    except OSError as error:
        raise CorpusError(
            tr(
                "The backup {path} cannot be read ({error}): choose another backup; `socrates corpus restore` lists "
                "them."
            ).format(path=backup, error=error.strerror)
        ) from error
    with copies.opened(fresh) as connection:
        try:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise CorpusError(
                tr(
                    "{path} is no backup, or a damaged one: choose another backup; `socrates corpus restore` lists "
                    "them."
                ).format(path=backup)
            ) from error
        if not tables:
            raise CorpusError(
                tr("{path} is empty: choose another backup; `socrates corpus restore` lists them.").format(path=backup)
            )
        db = Database(connection, execute_plugins=False)
        pending = first_pending(db, str(backup), backup=True)
        if copies.flaw(connection) is not None:
            raise CorpusError(
                tr("The backup {path} is damaged: choose another backup; `socrates corpus restore` lists them.").format(
                    path=backup
                )
            )
        if pending:
            with writing(db):
                MIGRATIONS.apply(db)
        connection.execute("PRAGMA journal_mode = DELETE")  # nothing is left in a log beside it


def _put_in_place(fresh: Path, path: Path) -> None:
    """Write the content of ``fresh`` over that of the corpus in one transaction."""

    def waited(status: int, remaining: int, total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):  # after the whole of the time it waits for a lock
            raise busy(path)

    with copies.opened(fresh) as source, copies.opened(path) as target, advising(path):
        use_wal(target)
        source.backup(target, progress=waited)


def replace_damaged(path: Path, fresh: Path) -> Path:
    """Put the closed database ``fresh`` at ``path`` and return where the damaged one is kept.

    No connection of this process may be open. Another's would go on with the old files and remove the new ones' log
    when it is closed, so there must be none.
    """
    if _is_open_elsewhere(path):
        raise CorpusBusyError(
            tr("The corpus {path} is open in another program, which must be left first.").format(path=path), tr(WAIT)
        )
    aside = path.with_name(f"{path.stem}-damaged-{shelf.stamp()}{path.suffix}")
    try:
        for file, kept in zip(copies.companions(path), copies.companions(aside), strict=True):
            if file.exists():
                _keep(file, kept)
        copies.sync(fresh)
        for file in copies.companions(path)[1:]:
            file.unlink(missing_ok=True)  # the old log would be read into the new database
        fresh.rename(path)
        copies.sync(path.parent)
    except OSError as error:
        raise CorpusError(
            tr("The corpus {path} cannot be replaced ({error}): check its directory.").format(
                path=path, error=error.strerror
            )
        ) from error
    return aside


def _keep(file: Path, kept: Path) -> None:
    """Give ``file`` a second name, so that it is under its own until it is replaced."""
    try:
        os.link(file, kept)
    except OSError:  # a file system without links
        shutil.copy2(file, kept)


def _is_open_elsewhere(path: Path) -> bool:
    try:
        descriptor = os.open(f"{path}-shm", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _OPEN_LOCK)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
