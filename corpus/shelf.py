"""Where the backups of a corpus lie and what they are called. Making one is corpus.copies' work."""

from datetime import UTC, datetime
from pathlib import Path


def directory(path: Path) -> Path:
    """Return where the backups of the corpus at ``path`` lie; it need not exist."""
    return path.parent / "backups"


def backups(path: Path, kind: str = "") -> list[Path]:
    """Return the backups of the corpus at ``path``, or those of one kind, newest first."""
    found = directory(path).glob(f"corpus-{kind}*.db")
    return sorted(found, key=lambda backup: (backup.stat().st_mtime_ns, backup.name), reverse=True)


def place(path: Path, kind: str = "") -> Path:
    """Return where a new backup belongs, its name ending in the moment; the directory is made where it is missing."""
    directory(path).mkdir(mode=0o700, exist_ok=True)
    return directory(path) / f"corpus-{kind}{stamp()}.db"


def stamp() -> str:
    """Return the moment as names of files tell it: UTC, to the microsecond, in alphabetical order."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
