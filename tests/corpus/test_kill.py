"""Tests of kill -9 at any moment: afterwards the corpus is sound, and as it was before or would have been after."""

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus import shelf
from corpus.backup import back_up
from corpus.migrations import MIGRATIONS
from corpus.store import Corpus
from tests.corpus.killing import MOMENT, Worker, worker
from tests.corpus.states import state

KILLS = 20
TURNS = 1_500
"""Enough for the moments to fall apart."""


@pytest.fixture(scope="module")
def program() -> Iterator[Worker]:
    with worker() as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with conversations of five exchanges."""
    path = tmp_path_factory.mktemp("file") / "talks.jsonl"
    with path.open("w", encoding="utf-8") as written:
        for number in range(TURNS // 5):
            messages = []
            for place in range(5):
                messages.append({"role": "user", "content": f"正義とは何か {number} {place} " * 3})
                messages.append({"role": "assistant", "content": f"君はどう考えるかね {number} {place} " * 6})
            written.write(json.dumps({"conversation": f"c{number}", "messages": messages}, ensure_ascii=False) + "\n")
    return path


@pytest.fixture(scope="module")
def full(file: Path, program: Worker) -> Path:
    """Return a corpus with all of the file."""
    path = file.parent / "full" / "corpus.db"
    path.parent.mkdir()
    program.do("import", path, file)
    return path


@pytest.fixture
def moments() -> random.Random:
    return random.Random(9)


def copied(path: Path, to: Path) -> Path:
    """Return a copy of a corpus, alone in a fresh home."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir()
    shutil.copy(path, to / "corpus.db")
    return to / "corpus.db"


def killed_at_any_moment(
    program: Worker, moments: random.Random, act: str, before: Path, *, home: Path, other: Path | None = None
) -> None:
    """Kill ``act`` at moments from its beginning to its end; check that all of it or nothing happened."""
    states = [state(before)]
    path = copied(before, home)
    seconds = program.do(act, path, other).seconds
    states.append(state(path))
    assert states[0] != states[1]
    outcomes = []
    killed = 0
    for number in range(KILLS):
        path = copied(before, home)
        end = program.do(act, path, other, kill_after_s=(number + moments.random()) / KILLS * seconds)
        killed += end.killed
        outcomes.append(states.index(state(path)))
        with Corpus(path) as corpus:
            corpus.stats()
    assert killed > KILLS / 2
    assert 0 in outcomes


def test_an_import_happens_or_does_not(program: Worker, moments: random.Random, file: Path, tmp_path: Path) -> None:
    before = tmp_path / "corpus.db"
    Corpus(before).close()
    killed_at_any_moment(program, moments, "import", before, home=tmp_path / "home", other=file)


def test_an_act_on_every_turn_happens_or_does_not(
    program: Worker, moments: random.Random, full: Path, tmp_path: Path
) -> None:
    killed_at_any_moment(program, moments, "drop", full, home=tmp_path / "home")


def test_taking_an_act_on_every_turn_back_happens_or_does_not(
    program: Worker, moments: random.Random, full: Path, tmp_path: Path
) -> None:
    dropped = copied(full, tmp_path / "dropped")
    program.do("drop", dropped)
    killed_at_any_moment(program, moments, "undo", dropped, home=tmp_path / "home")


def test_a_restore_happens_or_does_not_and_the_next_one_leaves_nothing_half_made(
    program: Worker, moments: random.Random, full: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    back_up(full, backup)
    other = copied(full, tmp_path / "other")
    program.do("drop", other)
    home = tmp_path / "home"
    killed_at_any_moment(program, moments, "restore", other, home=home, other=backup)
    program.do("restore", home / "corpus.db", backup)
    assert [name for name in home.rglob("*") if name.name.startswith(".")] == []


def test_a_migration_happens_or_does_not_and_what_was_before_is_kept(
    program: Worker, moments: random.Random, tmp_path: Path
) -> None:
    old = tmp_path / "corpus.db"
    with Database(old) as db:
        MIGRATIONS.apply(db, stop_before="0003_tags_notes_journal_of_everything")
        with db.atomic():
            for number in range(1, TURNS + 1):
                db.execute(
                    "INSERT INTO conversations VALUES (?, ?, 't', '', 'chat', 'train', NULL, ?, ?)",
                    [number, f"c{number}", MOMENT, MOMENT],
                )
                db.execute(
                    """
                    INSERT INTO turns (id, conversation, depth, prompt, reply, verdict, sampling, created)
                    VALUES (?, ?, 1, ?, ?, 'unreviewed', '{}', ?)
                    """,
                    [number, number, f"正義とは何か {number}", f"君はどう考えるかね {number}", MOMENT],
                )
    home = tmp_path / "home"
    killed_at_any_moment(program, moments, "migrate", old, home=home)
    for backup in shelf.backups(home / "corpus.db"):
        assert state(backup) == state(old)
    assert shelf.backups(home / "corpus.db")


def test_a_backup_is_whole_or_not_there(program: Worker, moments: random.Random, full: Path, tmp_path: Path) -> None:
    expected = state(full)
    home = tmp_path / "home"
    seconds = program.do("back up", copied(full, home), home / "backup.db").seconds
    outcomes = []
    for number in range(KILLS):
        path, backup = copied(full, home), home / "backup.db"
        program.do("back up", path, backup, kill_after_s=(number + moments.random()) / KILLS * seconds)
        outcomes.append(backup.exists())
        assert state(path) == expected
        assert not backup.exists() or state(backup) == expected
    assert False in outcomes
