"""What the user has written and not yet said: kept in files, so that closing the window loses no word."""

import fcntl
import json
import logging
from pathlib import Path
from typing import IO
from uuid import uuid4

from adapters.files import replace_text

PROMPT = "prompt"
"""The key of the text in the prompt."""
BLIND = "blind"
"""The key of the text in the prompt for two versions."""
SYSTEM = "system"
"""The key of a system text that was not saved."""
UNSTORED = "unstored-"
"""What the keys begin with of what waits because another program is writing to the corpus."""

log = logging.getLogger(__name__)


class Drafts:
    """Texts by key, on disk after every change, in a file of this window's own.

    What windows left that are no more is taken over: a window has a lock for as long as it lives.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / f"{uuid4().hex}.json"
        self._texts: dict[str, str] = {}
        with (directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two windows that open at once, one takes over
            files = {path.with_suffix(".json") for path in directory.iterdir() if path.suffix in (".json", ".lock")}
            left = [path for path in files if not _lives(path)]
            earlier = directory.with_suffix(".json")  # of all windows together, in an older Socrates
            for path in sorted([*left, earlier], key=_moment):
                self._take_over(path)
            self._held = _hold(self._path)

    def close(self) -> None:
        """Leave the drafts to the next window."""
        if not self._texts:
            _remove(self._path)
        if self._held is not None:
            self._held.close()

    def keys(self) -> list[str]:
        """Return the keys under which there is a draft."""
        return list(self._texts)

    def get(self, key: str) -> str | None:
        """Return the draft under ``key``, if there is one."""
        return self._texts.get(key)

    def keep(self, key: str, text: str) -> None:
        """Keep ``text`` under ``key``; an empty text removes it."""
        if self._texts.get(key, "") == text:
            return
        if text:
            self._texts[key] = text
        else:
            del self._texts[key]
        self._write()

    def _take_over(self, path: Path) -> None:
        """Add the texts of a file to this window's, then remove it; one that cannot be read stays."""
        try:
            left = {str(key): str(text) for key, text in json.loads(path.read_text(encoding="utf-8")).items()}
        except FileNotFoundError:
            left = {}
        except (OSError, ValueError, AttributeError):
            log.warning("%s cannot be read; its drafts are left there", path)
            return
        for key, text in left.items():
            known = self._texts.get(key, text)
            self._texts[key] = text if known == text else f"{known}\n\n{text}"
        try:
            if left:
                self._write()
            _remove(path)
        except OSError as error:
            log.warning("%s is left where it is: %s", path, error)

    def _write(self) -> None:
        replace_text(self._path, json.dumps(self._texts, ensure_ascii=False, indent=1) + "\n")


def unstored() -> str:
    """Return a new key, for what could not be stored yet."""
    return f"{UNSTORED}{uuid4().hex}"


def rewrite_of(turn: int) -> str:
    """Return the key of the unfinished rewrite of a turn."""
    return f"rewrite-{turn}"


def answer_of(turn: int, version: str) -> str:
    """Return the key of the unfinished rewrite of what ``version`` answered to a pinned turn's prompt."""
    return f"answer-{turn}-{version}"


def _hold(path: Path) -> IO[str] | None:
    """Return the locked lock of a window's file; None where a window that lives has it."""
    lock = path.with_suffix(".lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _lives(path: Path) -> bool:
    """Say whether the window with that file lives."""
    lock = _hold(path)
    if lock is None:
        return True
    lock.close()
    return False


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".lock").unlink(missing_ok=True)


def _moment(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0
