"""Tests of `socrates corpus backup`, `restore` and `repair`, and of what damage says."""

import os
import sys
from pathlib import Path

import pytest

from corpus.store import Corpus
from tests.corpus.talk import talk
from tests.socrates_tui.commanding import socrates
from tests.terminal import Terminal


@pytest.fixture
def database(own_home: Path) -> Path:
    """Return a corpus with a hundred turns."""
    own_home.mkdir()
    path = own_home / "corpus.db"
    with Corpus(path) as corpus:
        talk(corpus, *((f"prompt {number}", "reply " * 100) for number in range(100)))
    return path


def damage(path: Path, first: int, last: int) -> None:
    """Overwrite the pages from ``first`` up to ``last``."""
    with path.open("r+b") as file:
        file.seek(4096 * first)
        file.write(b"\xff" * 4096 * (last - first))


def test_a_backup_is_listed_and_restored_by_its_name(database: Path) -> None:
    assert socrates("corpus", "restore").out == "There is no backup yet: `socrates corpus backup` makes one.\n"
    made = socrates("corpus", "backup", "--json").document
    assert socrates("corpus", "drop", "1").status == 0
    (listed,) = socrates("corpus", "restore", "--json").document["backups"]
    assert (listed["file"], listed["bytes"]) == (made["file"], made["bytes"])
    name = Path(made["file"]).name
    assert name in socrates("corpus", "restore").out
    restored = socrates("corpus", "restore", name)
    assert restored.out.startswith(f"Restored {made['file']}.\nWhat the corpus was is kept as ")
    assert socrates("corpus", "show", "1", "--json").document["turn"]["verdict"] == "unreviewed"


def test_a_backup_goes_to_the_file_that_is_named_and_overwrites_none(database: Path, tmp_path: Path) -> None:
    target = tmp_path / "mine.db"
    assert socrates("corpus", "backup", str(target)).out.startswith(f"Backed up to {target} (")
    again = socrates("corpus", "backup", str(target))
    assert (again.status, again.err) == (
        1,
        f"{target} is there already: name another file, or remove that one first.\n",
    )
    assert socrates("corpus", "restore", str(target)).status == 0


def test_a_backup_that_is_not_there_is_told(database: Path) -> None:
    outcome = socrates("corpus", "restore", "none.db")
    assert (outcome.status, outcome.err) == (
        1,
        "There is no backup none.db: `socrates corpus restore` lists those there are.\n",
    )


def test_a_home_without_a_corpus_has_nothing_to_back_up_or_repair(own_home: Path) -> None:
    for command in ("backup", "repair"):
        outcome = socrates("corpus", command)
        assert outcome.status == 1
        assert "There is no corpus" in outcome.err


def test_a_corpus_that_cannot_be_opened_names_the_newest_backup_which_is_restored(database: Path) -> None:
    name = Path(socrates("corpus", "backup", "--json").document["file"]).name
    damage(database, 0, 100)
    outcome = socrates("corpus", "list")
    assert (outcome.status, outcome.err) == (
        1,
        f"The corpus {database} is damaged: `socrates corpus restore {name}` puts back the newest backup; "
        "`socrates corpus repair` takes out what can still be read.\n",
    )
    restored = socrates("corpus", "restore", name, "--json").document
    assert restored["damaged"] is True
    assert Path(restored["kept"]).is_file()
    assert len(socrates("corpus", "list", "--limit", "200", "--json").document["turns"]) == 100


def test_a_damaged_corpus_is_repaired_and_what_was_lost_is_told(database: Path) -> None:
    assert socrates("corpus", "repair").out == "The corpus is whole: there is nothing to repair.\n"
    assert socrates("corpus", "repair", "--json").document == {"damaged": False}
    damage(database, 30, 60)
    outcome = socrates("corpus", "repair")
    assert outcome.status == 0
    assert "turns: " in outcome.out
    assert outcome.out.splitlines()[-1].startswith(f"The damaged file is kept as {database.parent}/corpus-damaged-")
    assert socrates("corpus", "list").status == 0
    damage(database, 30, 60)
    repaired = socrates("corpus", "repair", "--json").document
    assert repaired["damaged"] is True
    assert set(repaired["tables"]["turns"]) == {"saved", "lost"}


@pytest.mark.parametrize("first", [0, 30])
def test_the_app_on_a_damaged_corpus_says_so_and_ends(database: Path, first: int) -> None:
    damage(database, first, 100)
    program = [sys.executable, "-m", "socrates_tui"]
    with Terminal(program, os.environ | {"TERM": "xterm-256color"}, columns=200) as terminal:
        assert terminal.wait_for_end() == 1
        said = " ".join(terminal.text.split())
    assert f"The corpus {database} is damaged, and there is no backup beside it: `socrates corpus repair`" in said
    assert "Traceback" not in said
