"""Tests of repairing a damaged corpus: what can be read is saved, and what is lost is told."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus.backup import back_up, replace_damaged
from corpus.mending import LOST
from corpus.migrations import MIGRATIONS
from corpus.repairing import Repair, Saved, repair
from corpus.store import Corpus
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from tests.corpus.states import State, state
from tests.corpus.talk import quick, talk

PAGE = 4096


@pytest.fixture
def taught(path: Path) -> State:
    """Fill the corpus with conversations of four turns, some judged, in pages of every kind; return its state."""
    with quick(path) as corpus:
        for number in range(60):
            exchanges = [(f"prompt {number} {place}", f"reply {number} {place} " * 40) for place in range(4)]
            turns = talk(corpus, *exchanges, key=f"key-{number}")
            corpus.approve(turns[0].id)
            corpus.rewrite(turns[1].id, f"rewrite {number} " * 40)
            corpus.drop(turns[2].id)
            corpus.tag("good", turns[3].id)
            corpus.note(turns[3].id, "a note")
    return state(path)


def pages_of(path: Path, name: str) -> list[int]:
    """Return the numbers of the leaf pages of a table or index, in their order."""
    with closing(sqlite3.connect(path)) as db:
        query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path"
        try:
            return [number for (number,) in db.execute(query, [name])]
        except sqlite3.OperationalError:  # a SQLite without dbstat
            pytest.skip("this SQLite does not tell what its pages are for")


def overwrite(path: Path, *pages: int, content: bytes = b"\xff" * PAGE) -> None:
    with path.open("r+b") as file:
        for number in pages:
            file.seek((number - 1) * PAGE)
            file.write(content)


def mended(path: Path) -> Repair:
    done = repair(path)
    assert done is not None
    return done


def only_missing(before: State, after: State) -> None:
    """Check that nothing was invented and no text changed: every turn is one of before, or stands in for a lost one."""
    texts = {(row[0], row[4], row[5]) for row in before["turns"]}
    assert {(row[0], row[4], row[5]) for row in after["turns"] if row[4] != LOST} <= texts
    assert set(after["rewrites"]) <= set(before["rewrites"])


def test_a_corpus_that_is_whole_is_left_as_it_is(path: Path, taught: State) -> None:
    before = path.read_bytes()
    assert repair(path) is None
    assert path.read_bytes() == before


def test_a_corpus_that_is_missing_is_told(path: Path) -> None:
    with pytest.raises(CorpusError, match="There is no corpus"):
        repair(path)


@pytest.mark.parametrize("index", ["turns_filter", "turns_fts_data", "rewrites_turn", "turn_tags"])
def test_a_damaged_index_loses_nothing(path: Path, taught: State, index: str) -> None:
    overwrite(path, pages_of(path, index)[0])
    done = mended(path)
    assert state(path) == taught
    assert {table: rows.saved for table, rows in done.tables.items()} == {
        table: len(rows) for table, rows in taught.items() if table in done.tables
    }
    assert all(not rows.lost for rows in done.tables.values())


def test_acts_can_be_taken_back_after_a_repair_that_lost_nothing(path: Path, taught: State) -> None:
    overwrite(path, pages_of(path, "turns_filter")[0])
    mended(path)
    with Corpus(path) as corpus:
        act = corpus.undo()
    assert act is not None
    assert act.kind == "note"


@pytest.mark.parametrize("place", [0, 7, -1])
def test_a_damaged_page_of_turns_loses_its_turns_alone(path: Path, taught: State, place: int) -> None:
    overwrite(path, pages_of(path, "turns")[place])
    done = mended(path)
    after = state(path)
    only_missing(taught, after)
    lost = done.tables["turns"].lost
    assert lost is not None
    assert 0 < lost < 10
    assert done.tables["turns"] == Saved(len(taught["turns"]) - lost, lost)
    assert done.tables["rewrites"].lost == 0
    assert after["rewrites"] == taught["rewrites"]


def test_turns_and_rewrites_of_a_lost_turn_hang_on_a_dropped_one_that_says_so(path: Path, taught: State) -> None:
    overwrite(path, pages_of(path, "turns")[7])
    done = mended(path)
    with Corpus(path) as corpus:
        for turn_id in done.mended.turns:
            stand_in = corpus.turn(turn_id)
            assert (stand_in.prompt, stand_in.reply, stand_in.verdict) == (LOST, LOST, "dropped")
        turn = corpus.turn(next(turn for turn in done.mended.turns if corpus.rewrites(turn)))
        assert corpus.rewrites(turn.id)[0].startswith("rewrite")
        assert {len(corpus.thread(found.id)) for found in corpus.conversations()} >= {4}
        for example in corpus.examples(None):
            assert LOST not in str(example.messages)


def test_no_act_is_taken_back_after_a_repair_that_lost_something(path: Path, taught: State) -> None:
    overwrite(path, pages_of(path, "turns")[7])
    mended(path)
    with Corpus(path) as corpus:
        assert corpus.undo() is None


def test_turns_of_a_lost_conversation_are_in_one_with_its_key(path: Path, taught: State) -> None:
    overwrite(path, pages_of(path, "conversations")[0])
    done = mended(path)
    after = state(path)
    assert after["turns"] == taught["turns"]
    assert done.mended.conversations
    lost = set(done.mended.conversations)
    keys = {row[0]: row[1] for row in taught["conversations"]}
    assert {row[0]: row[1] for row in after["conversations"] if row[0] in lost} == {
        conversation: keys[conversation] for conversation in lost
    }
    with Corpus(path) as corpus:
        assert corpus.conversation(done.mended.conversations[0]).title == LOST
        assert len(corpus.conversations()) == 60


def test_a_turn_whose_rewrite_is_lost_waits_for_a_verdict(path: Path, taught: State) -> None:
    overwrite(path, pages_of(path, "rewrites")[2])
    done = mended(path)
    assert done.mended.unreviewed
    with Corpus(path) as corpus:
        assert {corpus.turn(turn).verdict for turn in done.mended.unreviewed} == {"unreviewed"}
    assert len(state(path)["turns"]) == len(taught["turns"])


def test_verdicts_are_kept_where_there_is_no_rewrite(path: Path) -> None:
    with quick(path) as corpus:
        for number in range(20):
            corpus.approve(talk(corpus, (f"prompt {number}", "reply " * 100))[0].id)
    before = state(path)
    overwrite(path, pages_of(path, "turns_filter")[0])
    assert mended(path).mended.unreviewed == ()
    assert state(path) == before


def test_a_lost_header_loses_nothing(path: Path, taught: State) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))
    with pytest.raises(CorpusDamagedError):
        Corpus(path)
    mended(path)
    assert state(path) == taught


def test_a_file_that_was_cut_off_keeps_what_is_left(path: Path, taught: State) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size // PAGE // 2 * PAGE + 100)
    mended(path)
    after = state(path)
    only_missing(taught, after)
    assert len(after["turns"]) > len(taught["turns"]) / 4


def test_the_log_beside_a_damaged_corpus_is_read(path: Path, taught: State) -> None:
    corpus = Corpus(path)
    talk(corpus, ("in the log", "r"), key="last")
    log = Path(f"{path}-wal").read_bytes()
    corpus.close()
    overwrite(path, pages_of(path, "turns")[7])
    Path(f"{path}-wal").write_bytes(log)
    mended(path)
    with Corpus(path) as corpus:
        assert corpus.turns(limit=1)[0].prompt == "in the log"


def test_a_corpus_of_an_older_socrates_is_repaired_and_migrated(path: Path) -> None:
    with Database(path) as old:
        MIGRATIONS.apply(old, stop_before="0003_tags_notes_journal_of_everything")
        with old.atomic():
            moment = "2026-01-01T00:00:00.000000+00:00"
            old.execute(
                "INSERT INTO conversations VALUES (1, 'old', 't', '', 'chat', 'train', NULL, ?, ?)", [moment, moment]
            )
            for number in range(1, 200):
                old.execute(
                    """
                    INSERT INTO turns (id, conversation, depth, prompt, reply, verdict, sampling, created)
                    VALUES (?, 1, 1, ?, ?, 'unreviewed', '{}', ?)
                    """,
                    [number, f"prompt {number}", "reply " * 50, moment],
                )
    overwrite(path, pages_of(path, "turns")[3])
    mended(path)
    with Corpus(path) as corpus:
        assert MIGRATIONS.pending(corpus.db) == []
        assert 180 < corpus.stats()["turns"] < 199
        assert corpus.conversation(1).key == "old"


def test_a_file_of_which_nothing_can_be_read_is_left_and_a_backup_named(path: Path, taught: State) -> None:
    path.write_bytes(b"\xff" * path.stat().st_size)
    before = path.read_bytes()
    with pytest.raises(CorpusDamagedError, match=r"Nothing can be read .* put a backup back"):
        repair(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_damaged_corpus_that_another_program_has_open_is_not_replaced(
    path: Path, taught: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpus.backup._is_open_elsewhere", lambda path: True)
    with pytest.raises(CorpusBusyError, match="is open in another program, which must be left first"):
        replace_damaged(path, path)


def randomly(seed: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        draw = random.Random(seed)
        pages = path.stat().st_size // PAGE
        chosen = draw.sample(range(2, pages + 1), draw.randint(1, 5))
        overwrite(path, *chosen, content=draw.choice([bytes(PAGE), draw.randbytes(PAGE), b"\xff" * 700]))

    return damage


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_damaged_the_repaired_corpus_is_whole_and_says_nothing_new(
    path: Path, taught: State, seed: int
) -> None:
    backup = back_up(path)
    randomly(seed)(path)
    with suppress(CorpusDamagedError):
        repair(path)
        only_missing(taught, state(path))
        with Corpus(path) as corpus:
            talk(corpus, ("goes on", "r"))
        return
    assert state(backup) == taught
