"""Repairing a damaged corpus: what can still be read of it becomes a whole one, and the damaged file is kept."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import mending
from corpus.backup import replace_damaged
from corpus.copies import flaw, opened, unfinished
from corpus.database import writing
from corpus.failures import advising, is_damage
from corpus.migrations import MIGRATIONS, first_pending
from corpus.salvage import Salvage, Table, salvaging
from corpus.sqlite import Database
from socrates_errors import CorpusDamagedError, CorpusError
from socrates_language import tr


@dataclass(frozen=True)
class Saved:
    """What became of the rows of one table."""

    saved: int
    lost: int | None
    """None where nothing tells how many there were."""


@dataclass(frozen=True)
class Repair:
    """What a repair did."""

    kept: Path
    """Where the damaged file is."""
    tables: dict[str, Saved]
    mended: mending.Mended


def repair(path: Path) -> Repair | None:
    """Put what can still be read of the damaged corpus at ``path`` in its place; None where nothing is damaged."""
    if not path.exists():
        raise CorpusError(
            tr("There is no corpus {path}: `socrates corpus restore` lists the backups there are.").format(path=path)
        )
    if not _is_damaged(path):
        return None
    try:
        with unfinished(path.parent) as fresh, unfinished(path.parent) as copy:
            tables, mended = _salvage(path, copy, fresh)
            return Repair(replace_damaged(path, fresh), tables, mended)
    except OSError as error:
        raise CorpusError(
            tr("The corpus {path} cannot be repaired ({error}): check disk and directory.").format(
                path=path, error=error.strerror
            )
        ) from error


def _is_damaged(path: Path) -> bool:
    with advising(path), opened(path) as db:
        try:
            first_pending(Database(db, execute_plugins=False), str(path))
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
            return True
        return flaw(db) is not None


def _salvage(path: Path, copy: Path, fresh: Path) -> tuple[dict[str, Saved], mending.Mended]:
    with opened(fresh) as new, salvaging(path, copy) as damaged:
        db = Database(new, execute_plugins=False)
        applied = damaged.applied()
        known = [migration.name for migration in MIGRATIONS.pending(db)]
        MIGRATIONS.apply(db, stop_before=[name for name in known if name not in applied][:1] if applied else None)
        with writing(db), mending.without_triggers(db):
            tables = {table.name: _save(damaged, table, new) for table in _tables(new)}
            if not any(saved.saved for saved in tables.values()):
                raise CorpusDamagedError(
                    tr(
                        "Nothing can be read of {path} any more: put a backup back with `socrates corpus restore`, or "
                        "move the file away to begin a new corpus."
                    ).format(path=path)
                )
            mended = mending.mend(new, damaged, is_whole=not any(saved.lost != 0 for saved in tables.values()))
        with writing(db):
            MIGRATIONS.apply(db)
        if (found := flaw(new)) is not None:
            raise CorpusDamagedError(
                tr("What can be read of {path} makes no whole corpus ({reason}): restore a backup.").format(
                    path=path, reason=found
                )
            )
    return tables, mended


def _tables(new: sqlite3.Connection) -> Iterator[Table]:
    names = new.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 ORDER BY name").fetchall()
    for (name,) in names:
        if not name.startswith(("_sqlite_migrations", *mending.DERIVED)):
            columns = [row[1:6:4] for row in new.execute(f'PRAGMA table_info("{name}")')]
            query = "SELECT sql LIKE '%WITHOUT ROWID%' FROM sqlite_master WHERE name = ?"
            ((without_rowid,),) = new.execute(query, [name])
            first = next(column for column, place in columns if place == 1)
            yield Table(name, first if without_rowid else "rowid", [column for column, _ in columns])


def _save(damaged: Salvage, table: Table, new: sqlite3.Connection) -> Saved:
    """Copy the rows of ``table`` that can be read and keep to the schema."""
    had = damaged.columns(table.name)
    columns = [column for column in table.columns if column in had]
    marks = ", ".join("?" * len(columns))
    insert = f'INSERT INTO "{table.name}" ({", ".join(columns)}) VALUES ({marks})'
    saved = refused = 0
    for _, *row in damaged.rows(Table(table.name, table.key, columns)) if columns else ():
        try:
            new.execute(insert, row)
            saved += 1
        except sqlite3.IntegrityError:  # damage made something of it that no row may be
            refused += 1
    there_were = damaged.indexed(table.name, table.key)
    if there_were is not None:
        return Saved(saved, max(0, len(there_were) - saved))
    return Saved(saved, None if table.name in damaged.unreadable or not columns else refused)
