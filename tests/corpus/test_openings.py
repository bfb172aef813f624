from pathlib import Path

import pytest

from corpus.database import rows
from corpus.records import Split
from corpus.split import drawn_key
from corpus.store import Corpus
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
