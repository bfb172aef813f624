"""What SQLite says of the file, the disk or the lock, turned into sentences that say what to do."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus import shelf
from corpus.sqlite import Database
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from socrates_language import marked, tr

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_OF_THE_CORPUS = {
    sqlite3.SQLITE_FULL: marked("The corpus {path} cannot be used: the disk is full; make room, then try again."),
    sqlite3.SQLITE_READONLY: marked(
        "The corpus {path} cannot be used: it may not be written; give yourself the right to write to it and its "
        "directory."
    ),
    sqlite3.SQLITE_CANTOPEN: marked(
        "The corpus {path} cannot be used: it cannot be opened; check that its directory exists and is yours."
    ),
    sqlite3.SQLITE_PERM: marked(
        "The corpus {path} cannot be used: it may not be opened; give yourself the right to read and write it."
    ),
    sqlite3.SQLITE_IOERR: marked(
        "The corpus {path} cannot be used: the disk failed to read or write it; check the disk, then try again."
    ),
}
_OF_A_BACKUP = {
    sqlite3.SQLITE_FULL: marked("The backup {path} cannot be written: the disk is full; make room, then try again."),
    sqlite3.SQLITE_READONLY: marked(
        "The backup {path} cannot be written: it may not be written; give yourself the right to write to it and its "
        "directory."
    ),
    sqlite3.SQLITE_CANTOPEN: marked(
        "The backup {path} cannot be written: it cannot be opened; check that its directory exists and is yours."
    ),
    sqlite3.SQLITE_PERM: marked(
        "The backup {path} cannot be written: it may not be opened; give yourself the right to read and write it."
    ),
    sqlite3.SQLITE_IOERR: marked(
        "The backup {path} cannot be written: the disk failed to read or write it; check the disk, then try again."
    ),
}
WAIT = marked("Wait until that has ended, then try again.")
"""What to do while another program has the corpus."""

_WRITE_LOCK = ["120", "120"]
"""The first and last byte of the -shm file that a writer locks (sqlite.org/walformat.html, "WAL Locks")."""
_LONGEST_COMMAND = 60
"""Characters that are shown of a command."""


@contextmanager
def advising(where: Path | Database, backup: Path | None = None) -> Iterator[None]:
    """Turn what SQLite says of the corpus at ``where`` into a CorpusError that says what to do.

    What it says of the disk is about ``backup``, where one is being written.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = _code(error)
        if code not in (*_BUSY, *_DAMAGED, *_OF_THE_CORPUS):
            raise
        path = where if isinstance(where, Path) else _file(where)
        if code in _BUSY:
            raise busy(path) from error
        if code in _DAMAGED:
            raise damaged(path) from error
        if backup is None:
            raise CorpusError(tr(_OF_THE_CORPUS[code]).format(path=path)) from error
        raise CorpusError(tr(_OF_A_BACKUP[code]).format(path=backup)) from error


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether SQLite found the file damaged, or no database at all."""
    return _code(error) in _DAMAGED


def busy(path: Path) -> CorpusBusyError:
    """Return the error of a corpus that another program is writing to, with its name where that can be known."""
    writer = _writer(path)
    if writer is None:
        reason = tr("The corpus {path} is busy: another program is writing to it.").format(path=path)
    else:
        process, command = writer
        reason = tr(
            "The corpus {path} is busy: another program is writing to it (process {process}, `{command}`)."
        ).format(path=path, process=process, command=command)
    return CorpusBusyError(reason, tr(WAIT))


def damaged(path: Path) -> CorpusDamagedError:
    """Return the error of a damaged corpus; it names the ways out."""
    backups = shelf.backups(path)
    if not backups:
        return CorpusDamagedError(
            tr(
                "The corpus {path} is damaged, and there is no backup beside it: `socrates corpus repair` takes out "
                "what can still be read."
            ).format(path=path)
        )
    return CorpusDamagedError(
        tr(
            "The corpus {path} is damaged: `socrates corpus restore {backup}` puts back the newest backup; "
            "`socrates corpus repair` takes out what can still be read."
        ).format(path=path, backup=backups[0].name)
    )


def _code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _file(db: Database) -> Path:
    ((_, _, name),) = db.conn.execute("PRAGMA database_list").fetchmany(1)
    return Path(name)


def _writer(path: Path) -> tuple[int, str] | None:
    """Return the process that is writing to the corpus, and its command line.

    None where the system does not tell, as only Linux does.
    """
    try:
        inode = Path(f"{path}-shm").stat().st_ino
        for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
            # Such as "1: POSIX  ADVISORY  WRITE 9183 fe:00:2359363 120 120".
            *_, process, file, first, last = line.split()
            if [first, last] == _WRITE_LOCK and file.endswith(f":{inode}") and process != str(os.getpid()):
                return int(process), _command(int(process))
    except (OSError, ValueError):
        pass
    return None


def _command(process: int) -> str:
    """Return a process's command line as it was typed, without the interpreter."""
    words = Path(f"/proc/{process}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    if Path(words[0]).name.startswith("python") and len(words) > 1:
        words = words[1:]
    command = " ".join(" ".join([Path(words[0]).name, *words[1:]]).split())
    return command if len(command) <= _LONGEST_COMMAND else command[: _LONGEST_COMMAND - 1] + "…"
