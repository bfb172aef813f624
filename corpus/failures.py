"""What SQLite says of the file, the disk or the lock, turned into sentences that say what to do."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus import shelf
from corpus.sqlite import Database
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_ADVICE = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, then try again",
    sqlite3.SQLITE_READONLY: "it may not be written; give yourself the right to write to it and its directory",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its directory exists and is yours",
    sqlite3.SQLITE_PERM: "it may not be opened; give yourself the right to read and write it",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write it; check the disk, then try again",
}

_WRITE_LOCK = ["120", "120"]
"""The first and last byte of the -shm file that a writer locks (sqlite.org/walformat.html, "WAL Locks")."""
_LONGEST_COMMAND = 60
"""Characters that are shown of a command."""


@contextmanager
def advising(where: Path | Database, failed: str | None = None) -> Iterator[None]:
    """Turn what SQLite says of the corpus at ``where`` into a CorpusError that says what to do.

    ``failed`` names what cannot be done because of the disk, else it is that the corpus cannot be used.
    """
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = _code(error)
        if code not in (*_BUSY, *_DAMAGED, *_ADVICE):
            raise
        path = where if isinstance(where, Path) else _file(where)
        if code in _BUSY:
            raise busy(path) from error
        if code in _DAMAGED:
            raise damaged(path) from error
        raise CorpusError(f"{failed or f'The corpus {path} cannot be used'}: {_ADVICE[code]}.") from error


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether SQLite found the file damaged, or no database at all."""
    return _code(error) in _DAMAGED


def busy(path: Path) -> CorpusBusyError:
    """Return the error of a corpus that another program is writing to, with its name where that can be known."""
    writer = _writer(path)
    by = f" ({writer})" if writer else ""
    return CorpusBusyError(f"The corpus {path} is busy: another program is writing to it{by}.")


def damaged(path: Path) -> CorpusDamagedError:
    """Return the error of a damaged corpus; it names the ways out."""
    repair = "`socrates corpus repair` takes out what can still be read"
    backups = shelf.backups(path)
    if not backups:
        return CorpusDamagedError(f"The corpus {path} is damaged, and there is no backup beside it: {repair}.")
    return CorpusDamagedError(
        f"The corpus {path} is damaged: `socrates corpus restore {backups[0].name}` puts back the newest backup; "
        f"{repair}."
    )


def _code(error: sqlite3.DatabaseError) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _file(db: Database) -> Path:
    ((_, _, name),) = db.conn.execute("PRAGMA database_list").fetchmany(1)
    return Path(name)


def _writer(path: Path) -> str | None:
    """Return the process that is writing to the corpus; None where the system does not tell, as only Linux does."""
    try:
        inode = Path(f"{path}-shm").stat().st_ino
        for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines():
            # Such as "1: POSIX  ADVISORY  WRITE 9183 fe:00:2359363 120 120".
            *_, process, file, first, last = line.split()
            if [first, last] == _WRITE_LOCK and file.endswith(f":{inode}") and process != str(os.getpid()):
                return f"process {process}, `{_command(int(process))}`"
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
