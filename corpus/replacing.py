"""Putting a whole database in the place of a damaged one, whose files are kept."""

import fcntl
import os
import shutil
from pathlib import Path

from corpus import copies, shelf
from socrates_errors import CorpusBusyError, CorpusError

_OPEN_LOCK = 128
"""The byte of the -shm file that every program with the database open locks (sqlite.org/walformat.html)."""


def replace_damaged(path: Path, fresh: Path) -> Path:
    """Put the closed database ``fresh`` at ``path`` and return where the damaged one is kept.

    No connection of this process may be open. Another's would go on with the old files and remove the new ones' log
    when it is closed, so there must be none.
    """
    if _is_open_elsewhere(path):
        raise CorpusBusyError(f"The corpus {path} is open in another program, which must be left first.")
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
        raise CorpusError(f"The corpus {path} cannot be replaced ({error.strerror}): check its directory.") from error
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
