import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus.migrations import MIGRATIONS
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import talk


def test_a_new_database_has_every_migration_and_is_its_owners_alone(corpus: Corpus, path: Path) -> None:
    assert MIGRATIONS.pending(corpus.db) == []
    assert [stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()] == [0o600] * 3
    assert corpus.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert corpus.db.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert corpus.db.execute("PRAGMA busy_timeout").fetchone() == (5_000,)
    assert corpus.db.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_database_that_others_may_read_is_made_private(corpus: Corpus, path: Path) -> None:
    corpus.close()
    path.chmod(0o644)
    with Corpus(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_old_database_is_migrated_and_keeps_what_it_holds(path: Path) -> None:
    with Database(path) as old:
        MIGRATIONS.apply(old, stop_before="0002_full_text_search")
        old.table("conversations").insert(
            {
                "key": "old",
                "title": "t",
                "system": "",
                "source": "chat",
                "split": "train",
                "created": "2026-01-01T00:00:00.000000+00:00",
                "updated": "2026-01-01T00:00:00.000000+00:00",
            }
        )
        old.table("turns").insert(
            {
                "conversation": 1,
                "depth": 1,
                "prompt": "正義とは何ですか",
                "reply": "r",
                "verdict": "unreviewed",
                "sampling": "{}",
                "created": "2026-01-01T00:00:00.000000+00:00",
            }
        )
    with Corpus(path) as corpus:
        assert [hit.turn.prompt for hit in corpus.search("正義とは")] == ["正義とは何ですか"]
        corpus.rewrite(1, "better")
        assert [hit.turn.id for hit in corpus.search("better")] == [1]


def test_a_newer_database_is_refused(corpus: Corpus, path: Path) -> None:
    later = {"migration_set": "corpus", "name": "9999_from_later", "applied_at": ""}
    corpus.db.table("_sqlite_migrations").insert(later)
    corpus.close()
    with pytest.raises(CorpusError, match="newer Socrates: upgrade"):
        Corpus(path)


def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with Database(path) as other:
        other.table("songs").insert({"title": "t"})
    with pytest.raises(CorpusError, match="another program"):
        Corpus(path)
    with Database(path) as other:
        assert other.table_names() == ["songs"]


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(CorpusError, match="there is no backup beside it: `socrates corpus repair`"):
        Corpus(path)


def test_a_damaged_database_is_told_to_the_user(corpus: Corpus, path: Path) -> None:
    talk(corpus, *((f"prompt {number}", "reply " * 100) for number in range(100)))
    corpus.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    with pytest.raises(CorpusError, match="damaged"), Corpus(path) as damaged:
        damaged.turns()


def test_a_directory_that_is_missing_is_told_to_the_user(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="check that its directory exists"):
        Corpus(tmp_path / "missing" / "corpus.db")


def test_a_new_database_may_be_opened_by_many_at_once(path: Path) -> None:
    failures: list[Exception] = []
    start = threading.Barrier(4)

    def open_it() -> None:
        start.wait()
        try:
            with Corpus(path) as corpus:
                talk(corpus, ("p", "r"))
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Corpus(path) as corpus:
        assert corpus.stats()["turns"] == 4


def test_a_connection_belongs_to_its_thread(corpus: Corpus) -> None:
    failures: list[Exception] = []

    def use_it() -> None:
        try:
            corpus.turns()
        except Exception as error:
            failures.append(error)

    thread = threading.Thread(target=use_it)
    thread.start()
    thread.join()
    assert [type(failure) for failure in failures] == [sqlite3.ProgrammingError]


def test_importing_the_store_loads_nothing_heavy_and_hides_nothing() -> None:
    program = (
        "import sys, corpus.store, corpus.importing, corpus.exporting\n"
        "heavy = {'numpy', 'pandas', 'torch', 'transformers', 'textual', 'datasets'} & set(sys.modules)\n"
        "import numpy, pandas\n"
        "print(sorted(heavy), numpy.__name__, pandas.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[] numpy pandas\n"
