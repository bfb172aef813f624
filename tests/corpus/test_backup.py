"""Tests of backing up, restoring, and the backups that are made before other things."""

import os
import shutil
import sqlite3
import stat
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus import copies, shelf
from corpus.backup import KEPT, back_up, back_up_daily, restore
from corpus.migrations import MIGRATIONS
from corpus.store import Corpus
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from tests.corpus.states import state
from tests.corpus.talk import talk


def damage(path: Path) -> None:
    """Overwrite every page but the first ones."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096 * 2)
        file.write(b"\xff" * (size - 4096 * 2))


def age(file: Path, days: float) -> None:
    then = time.time() - days * 24 * 60 * 60
    os.utime(file, (then, then))


def old(path: Path) -> None:
    """Make a corpus of an older Socrates, with one conversation."""
    with Database(path) as db:
        MIGRATIONS.apply(db, stop_before="0002_full_text_search")
        moment = "2026-01-01T00:00:00.000000+00:00"
        db.execute(
            "INSERT INTO conversations VALUES (1, 'old', 't', '', 'chat', 'train', NULL, ?, ?)", [moment, moment]
        )


def test_a_backup_is_whole_its_owners_alone_and_leaves_nothing_beside_it(corpus: Corpus, path: Path) -> None:
    corpus.approve(talk(corpus, ("What is good?", "For whom?"))[0].id)
    backup = back_up(path)
    assert state(backup) == state(path)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert stat.S_IMODE(backup.parent.stat().st_mode) == 0o700
    assert list(backup.parent.iterdir()) == [backup]


def test_a_backup_never_overwrites_a_file(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.txt"
    target.write_text("mine")
    with pytest.raises(CorpusError, match="is there already: name another"):
        back_up(path, target)
    assert target.read_text() == "mine"


def test_a_backup_to_a_directory_that_is_missing_says_what_to_do(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="name a file in a directory that you may write to"):
        back_up(path, tmp_path / "missing" / "backup.db")


def test_what_is_written_while_a_backup_is_made_is_in_it_whole_or_not_at_all(
    corpus: Corpus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(corpus, ("One", "r"))
    counted: list[dict[str, int]] = []

    def count(db: sqlite3.Connection) -> dict[str, int]:
        found = count_rows(db)
        if not counted:
            talk(corpus, ("Two", "r"))
        counted.append(found)
        return found

    count_rows = copies._count_rows
    monkeypatch.setattr(copies, "_count_rows", count)
    assert state(back_up(path)) == state(path)
    assert [found["turns"] for found in counted] == [1, 2, 2]


def test_a_backup_of_a_damaged_corpus_is_refused_and_leaves_no_file(corpus: Corpus, path: Path) -> None:
    talk(corpus, *((f"prompt {number}", "reply " * 100) for number in range(100)))
    corpus.close()
    damage(path)
    with pytest.raises(CorpusDamagedError, match="there is no backup beside it: `socrates corpus repair`"):
        back_up(path)
    assert list(shelf.directory(path).iterdir()) == []


def test_what_a_killed_backup_left_is_removed_by_the_next(corpus: Corpus, path: Path) -> None:
    shelf.directory(path).mkdir()
    left = shelf.directory(path) / ".unfinished-4194999-x.db"  # above the greatest process id there is
    left.write_text("half")
    backup = back_up(path)
    assert list(shelf.directory(path).iterdir()) == [backup]


def test_restoring_puts_the_backup_in_place_and_keeps_what_was(corpus: Corpus, path: Path) -> None:
    talk(corpus, ("First", "r"))
    backup = back_up(path)
    first = state(path)
    talk(corpus, ("Second", "r"))
    second = state(path)
    restored = restore(path, backup)
    assert state(path) == first
    assert restored.kept is not None
    assert state(restored.kept) == second
    assert not restored.damaged


def test_another_program_that_has_the_corpus_open_goes_on_with_what_was_restored(corpus: Corpus, path: Path) -> None:
    talk(corpus, ("First", "r"))
    backup = back_up(path)
    talk(corpus, ("Second", "r"))
    restore(path, backup)
    assert [turn.prompt for turn in corpus.turns()] == ["First"]
    talk(corpus, ("Third", "r"))
    with Corpus(path) as other:
        assert [turn.prompt for turn in other.turns()] == ["Third", "First"]


def test_a_restore_waits_for_nobody_longer_than_others_do(
    corpus: Corpus, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(corpus, ("First", "r"))
    backup = back_up(path)
    monkeypatch.setattr(copies, "PATIENCE_S", 0.01)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CorpusBusyError, match="Wait until that has ended"):
            restore(path, backup)


def test_an_older_backup_is_migrated(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "old.db"
    old(backup)
    before = backup.read_bytes()
    restore(path, backup)
    assert MIGRATIONS.pending(corpus.db) == []
    assert corpus.conversation(1).key == "old"
    assert backup.read_bytes() == before


def test_a_copy_of_the_file_and_its_log_can_be_restored(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    talk(corpus, ("First", "r"))
    copied = tmp_path / "copied.db"
    shutil.copy(path, copied)
    shutil.copy(f"{path}-wal", f"{copied}-wal")
    talk(corpus, ("Second", "r"))
    restore(path, copied)
    assert [turn.prompt for turn in corpus.turns()] == ["First"]


def test_a_corpus_that_is_missing_is_restored(corpus: Corpus, path: Path, tmp_path: Path) -> None:
    talk(corpus, ("First", "r"))
    backup = back_up(path)
    other = tmp_path / "other" / "corpus.db"
    other.parent.mkdir()
    assert restore(other, backup).kept is None
    assert state(other) == state(path)


def test_a_damaged_corpus_is_kept_as_it_is_when_a_backup_is_restored(corpus: Corpus, path: Path) -> None:
    talk(corpus, *((f"prompt {number}", "reply " * 100) for number in range(100)))
    corpus.close()
    backup = back_up(path)
    damage(path)
    damaged = path.read_bytes()
    restored = restore(path, backup)
    assert restored.damaged
    assert restored.kept is not None
    assert restored.kept.read_bytes() == damaged
    assert state(path) == state(backup)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no database" * 1000, "is no backup, or a damaged one: choose another"),
        (b"", "is empty: choose another"),
    ],
)
def test_what_is_no_backup_is_refused(
    corpus: Corpus, path: Path, tmp_path: Path, content: bytes, sentence: str
) -> None:
    backup = tmp_path / "backup.db"
    backup.write_bytes(content)
    with pytest.raises(CorpusError, match=sentence):
        restore(path, backup)
    assert not shelf.backups(path)


def test_a_damaged_backup_is_refused(corpus: Corpus, path: Path) -> None:
    talk(corpus, *((f"prompt {number}", "reply " * 100) for number in range(100)))
    backup = back_up(path)
    before = state(path)
    damage(backup)
    with pytest.raises(CorpusError, match=r"damaged.*: choose another"):
        restore(path, backup)
    assert state(path) == before


def test_the_database_of_another_program_and_of_a_newer_socrates_are_refused(
    corpus: Corpus, path: Path, tmp_path: Path
) -> None:
    other = tmp_path / "songs.db"
    with Database(other) as db:
        db.table("songs").insert({"title": "t"})
    with pytest.raises(CorpusError, match=r"songs\.db is the database of another program: choose another"):
        restore(path, other)
    newer = back_up(path)
    with Database(newer) as db:
        db.table("_sqlite_migrations").insert({"migration_set": "corpus", "name": "9999_later", "applied_at": ""})
    with pytest.raises(CorpusError, match="made by a newer Socrates: upgrade"):
        restore(path, newer)


def test_a_backup_is_made_before_a_migration(path: Path) -> None:
    old(path)
    before = path.read_bytes()
    Corpus(path).close()
    (backup,) = shelf.backups(path)
    assert backup.name == "corpus-before-0002_full_text_search.db"
    restored = path.with_name("again.db")
    shutil.copy(backup, restored)
    with Database(restored) as db:
        assert [row["key"] for row in db.table("conversations").rows] == ["old"]
        assert MIGRATIONS.pending(db)[0].name == "0002_full_text_search"
    path.write_bytes(before)
    Corpus(path).close()
    assert len(shelf.backups(path)) == 2


def test_a_new_corpus_and_one_that_is_up_to_date_make_no_backup(path: Path) -> None:
    Corpus(path).close()
    Corpus(path).close()
    assert not shelf.directory(path).exists()


def test_nothing_is_migrated_when_no_backup_can_be_made(path: Path) -> None:
    old(path)
    shelf.directory(path).write_text("in the way")
    with pytest.raises(CorpusError, match="was not brought up to date, because no backup of it could be made"):
        Corpus(path)
    with Database(path) as db:
        assert MIGRATIONS.pending(db)[0].name == "0002_full_text_search"


def test_a_migration_that_fails_leaves_no_backup_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(db: object) -> None:
        raise RuntimeError

    old(path)
    monkeypatch.setattr(MIGRATIONS, "apply", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError):
            Corpus(path)
    assert shelf.backups(path) == []


def test_the_corpus_is_backed_up_by_itself_once_a_day(corpus: Corpus, path: Path) -> None:
    first = back_up_daily(path)
    assert first is not None
    assert back_up_daily(path) is None
    age(first, 1.1)
    assert back_up_daily(path) is not None


def test_the_newest_automatic_backups_are_kept_and_every_other_one(corpus: Corpus, path: Path) -> None:
    own = back_up(path)
    age(own, 100)
    made = []
    for day in range(KEPT + 2, 0, -1):
        backup = back_up_daily(path)
        assert backup is not None
        age(backup, day)
        made.append(backup)
    assert sorted(shelf.backups(path)) == sorted([own, *made[2:]])
