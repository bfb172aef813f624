import json
import random
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.database import rows
from corpus.exporting import export_file
from corpus.importing import import_file
from corpus.records import Split
from corpus.similar import letters, likeness
from corpus.split import drawn_key
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import quick, talk

ONE = "あなたにとって正義とは何ですか？"
NEAR = "あなたにとっての正義とは、何ですか。"
FAR = "昨日の会議で上司に叱られました。謝るべきでしょうか。"


def begin(corpus: Corpus, prompt: str, side: Split) -> int:
    return talk(corpus, (prompt, "r"), key=drawn_key(side))[0].conversation


def side(corpus: Corpus, conversation: int) -> Split:
    return corpus.conversation(conversation).split


@pytest.mark.parametrize(("first", "second"), [("held-out", "train"), ("train", "held-out")])
def test_a_conversation_that_opens_like_an_older_one_takes_its_side(
    corpus: Corpus, first: Split, second: Split
) -> None:
    begin(corpus, ONE, first)
    assert side(corpus, begin(corpus, NEAR, second)) == first


def test_a_conversation_that_opens_in_its_own_way_keeps_the_side_of_its_key(corpus: Corpus) -> None:
    begin(corpus, ONE, "held-out")
    assert side(corpus, begin(corpus, FAR, "train")) == "train"


def test_short_openings_of_one_pattern_stay_apart(corpus: Corpus) -> None:
    begin(corpus, "正義とは何ですか", "held-out")
    assert side(corpus, begin(corpus, "勇気とは何ですか", "train")) == "train"
    assert side(corpus, begin(corpus, "正義とは何ですか？", "train")) == "held-out"


def test_another_first_prompt_of_a_conversation_does_not_move_it_but_draws_later_ones(corpus: Corpus) -> None:
    begin(corpus, ONE, "held-out")
    second = begin(corpus, FAR, "train")
    corpus.add_turn(second, parent=None, prompt=NEAR, reply="r")
    assert side(corpus, second) == "train"
    corpus.add_turn(second, parent=None, prompt="徳は教えられるものだとお考えですか。", reply="r")
    third = begin(corpus, "徳は教えられるものだ、とお考えですか？", "held-out")
    assert side(corpus, third) == "train"


def test_a_conversation_begun_earlier_may_follow_one_that_was_spoken_in_earlier(corpus: Corpus) -> None:
    begun = corpus.create_conversation(key=drawn_key("train"))
    begin(corpus, ONE, "held-out")
    corpus.add_turn(begun.id, parent=None, prompt=NEAR, reply="r")
    assert side(corpus, begun.id) == "held-out"


def test_purging_the_older_conversation_leaves_the_newer_where_it_is(corpus: Corpus) -> None:
    (turn,) = talk(corpus, (ONE, "r"), key=drawn_key("held-out"))
    second = begin(corpus, NEAR, "train")
    corpus.drop(turn.id)
    corpus.purge(corpus.plan_purge())
    assert side(corpus, second) == "held-out"
    assert rows(corpus.db, "SELECT DISTINCT conversation FROM openings") == [(second,)]


def test_a_conversation_whose_first_turn_is_purged_opens_with_the_next(corpus: Corpus) -> None:
    first, _ = talk(corpus, (FAR, "r"), (ONE, "r"), key=drawn_key("held-out"))
    corpus.drop(first.id)
    corpus.purge(corpus.plan_purge())
    assert side(corpus, begin(corpus, NEAR, "train")) == "held-out"
    assert side(corpus, begin(corpus, FAR, "train")) == "train"


def test_a_corpus_of_before_moves_nothing_and_draws_what_is_new(path: Path) -> None:
    with quick(path) as corpus:
        begin(corpus, ONE, "held-out")
        second = begin(corpus, FAR, "train")
        corpus.add_turn(second, parent=None, prompt=NEAR, reply="r")
        corpus.db.conn.executescript("DROP TRIGGER openings_delete; DROP TABLE openings")
        corpus.db.execute("DELETE FROM _sqlite_migrations WHERE name = '0004_openings'")
        corpus.db.conn.commit()
        before = [(found.id, found.split) for found in corpus.conversations()]
    with quick(path) as corpus:
        assert [(found.id, found.split) for found in corpus.conversations()] == before
        assert side(corpus, begin(corpus, ONE, "train")) == "held-out"


CHAIN = [
    "".join("夢光風星海"[place % 5] if place < changed else letter for place, letter in enumerate(ONE + FAR))
    for changed in range(0, 14, 2)
]
"""Openings of which each is near its neighbours, and no others: some will lie between two on different sides."""
ALIKE = [
    [opening, opening.replace("、", ""), f"{opening}？", f"さ、{opening}", f"{opening[:-1]}ね。"]
    for opening in (
        "友人との約束を破ってしまいましたが、それは本当に悪いことなのでしょうか。",
        "昨日の会議で上司に叱られました。私は謝るべきなのか、先生に伺いたいです。",
        "徳というものは教えられるのか、それとも生まれつきなのか、分からずにいます。",
    )
]
"""Openings that are near those of their own list, and far from those of the others."""
SIDES = st.sampled_from(["train", "held-out"])
CHAINED = st.sampled_from(CHAIN)
ACTS = st.one_of(
    st.tuples(st.just("begin"), CHAINED, SIDES),
    st.tuples(st.just("import"), CHAINED, st.none() | SIDES),
    st.tuples(st.sampled_from(["follow", "regenerate", "approve", "drop", "rewrite"]), st.integers(0, 30), st.none()),
    st.tuples(st.just("open again"), CHAINED, st.integers(0, 30)),
    st.tuples(st.sampled_from(["undo", "redo", "purge"]), st.none(), st.none()),
)


def record(number: int, opening: str, told: Split | None) -> bytes:
    messages = [{"role": "user", "content": opening}, {"role": "assistant", "content": f"r{number}"}]
    about = {} if told is None else {"split": told}
    return json.dumps({"conversation": f"imported {number}", "messages": messages} | about).encode() + b"\n"


def act(corpus: Corpus, number: int, kind: str, what: Any, how: Any) -> None:
    turns = [found.id for found in reversed(corpus.turns(limit=1000))]
    if kind == "begin":
        begin(corpus, what, how)
    elif kind == "import":
        import_file(corpus, BytesIO(record(number, what, how)))
    elif kind == "undo":
        corpus.undo()
    elif kind == "redo":
        corpus.redo()
    elif kind == "purge":
        corpus.purge(corpus.plan_purge())
    elif turns:
        turn = corpus.turn(turns[(how if kind == "open again" else what) % len(turns)])
        if kind == "open again":
            corpus.add_turn(turn.conversation, parent=None, prompt=what, reply="r")
        elif kind == "follow":
            corpus.add_turn(turn.conversation, parent=turn.id, prompt=f"p{number}", reply="r")
        elif kind == "regenerate":
            corpus.add_turn(turn.conversation, parent=turn.parent, prompt=turn.prompt, reply="r")
        elif kind == "rewrite":
            corpus.rewrite(turn.id, f"w{number}")
        elif kind == "approve":
            corpus.approve(turn.id)
        else:
            corpus.drop(turn.id)


def sides(corpus: Corpus) -> dict[str, Split]:
    return {found.key: found.split for found in corpus.conversations()}


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=25))
def test_no_act_growth_or_deletion_ever_moves_a_conversation(
    acts: list[tuple[str, Any, Any]],
) -> None:
    with TemporaryDirectory() as directory, quick(Path(directory) / "corpus.db") as corpus:
        known: dict[str, Split] = {}
        for number, (kind, what, how) in enumerate(acts):
            try:
                act(corpus, number, kind, what, how)
            except CorpusError:
                continue  # nothing to change is no matter here
            now = sides(corpus)
            assert {key: side for key, side in known.items() if key in now} == {
                key: side for key, side in now.items() if key in known
            }
            known = now


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4), SIDES, st.booleans()), max_size=12))
def test_near_openings_that_come_one_after_the_other_share_a_side(given: list[tuple[int, int, Split, bool]]) -> None:
    with TemporaryDirectory() as directory, quick(Path(directory) / "corpus.db") as corpus:
        for number, (which, variant, wanted, imported) in enumerate(given):
            if imported:
                import_file(corpus, BytesIO(record(number, ALIKE[which][variant], wanted)))
            else:
                begin(corpus, ALIKE[which][variant], wanted)
        opened = dict(rows(corpus.db, "SELECT conversation, prompt FROM turns"))
        for alike in ALIKE:
            found = {found.split for found in corpus.conversations() if opened[found.id] in alike}
            assert len(found) <= 1


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CHAINED, SIDES), min_size=1, max_size=10), st.randoms())
def test_an_export_taken_into_an_empty_home_keeps_every_side(
    given: list[tuple[str, Split]], draw: random.Random
) -> None:
    with TemporaryDirectory() as directory, quick(Path(directory) / "corpus.db") as corpus:
        for opening, wanted in given:
            turns = talk(corpus, (opening, "r"), ("p", "s"), key=drawn_key(wanted))
            corpus.approve(*(turn.id for turn in turns))
        written = BytesIO()
        export_file(corpus, written, format="messages")
        lines = written.getvalue().splitlines(keepends=True)
        draw.shuffle(lines)
        with quick(Path(directory) / "other.db") as other:
            for _ in range(2):
                import_file(other, BytesIO(b"".join(lines)))
                assert sides(other) == sides(corpus)


def test_a_side_that_a_file_tells_gives_way_to_what_is_here_already(corpus: Corpus) -> None:
    begin(corpus, ONE, "held-out")
    import_file(corpus, BytesIO(record(1, NEAR, "train")))
    assert sides(corpus)["imported 1"] == "held-out"


def test_openings_that_are_alike_are_near_and_neighbours_in_the_chain_too() -> None:
    for alike in ALIKE:
        assert all(likeness(letters(one), letters(other)) for one in alike for other in alike)
    for one, opening in enumerate(map(letters, CHAIN)):
        near = [other for other, text in enumerate(map(letters, CHAIN)) if likeness(opening, text)]
        assert near == [other for other in range(len(CHAIN)) if abs(one - other) <= 1]
