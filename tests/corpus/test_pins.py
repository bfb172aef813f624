"""Tests of pinned prompts and of what versions answer to them."""

import pytest

from corpus.records import Act
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import talk


def answer(corpus: Corpus, turn: int, version: str, reply: str) -> None:
    corpus.answer_pin(turn, version=version, base="embedded", reply=reply)


def test_pinning_is_an_act_that_is_taken_back_and_done_again(corpus: Corpus) -> None:
    first, second = talk(corpus, ("a", "b"), ("c", "d"))
    act = corpus.pin(first.id, second.id)
    assert act == Act(act.id, "pin", turns=(first.id, second.id))
    assert [pin.turn.id for pin in corpus.pins()] == [first.id, second.id]
    assert corpus.turn(first.id).pinned
    corpus.undo()
    assert corpus.pins() == []
    corpus.redo()
    corpus.unpin(first.id)
    assert [pin.turn.id for pin in corpus.pins()] == [second.id]


def test_what_is_pinned_already_or_not_pinned_changes_nothing(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a", "b"))
    with pytest.raises(CorpusError, match="is not pinned"):
        corpus.unpin(turn.id)
    corpus.pin(turn.id)
    with pytest.raises(CorpusError, match="is pinned already"):
        corpus.pin(turn.id)


def test_a_dropped_turn_is_asked_no_more(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a", "b"))
    corpus.pin(turn.id)
    corpus.drop(turn.id)
    assert corpus.pins() == []
    corpus.undo()
    assert len(corpus.pins()) == 1


def test_the_newest_answer_is_read_against_the_one_before_or_what_the_turn_says(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a", "b"))
    corpus.pin(turn.id)
    corpus.rewrite(turn.id, "B")
    answer(corpus, turn.id, "v0001", "one")
    (pin,) = corpus.pins()
    assert ([found.reply for found in pin.answers], pin.before) == (["one"], "B")
    answer(corpus, turn.id, "v0002", "two")
    answer(corpus, turn.id, "v0001", "one again")
    (pin,) = corpus.pins()
    assert ([found.reply for found in pin.answers], pin.before) == (["one again", "two"], "two")


def test_a_rewrite_of_an_answer_is_a_turn_beside_the_pinned_one_and_moves_nothing(corpus: Corpus) -> None:
    first, second = talk(corpus, ("a", "b"), ("c", "d"))
    corpus.pin(first.id)
    answer(corpus, first.id, "v0002", "答えです。")
    kept = corpus.rewrite_pin(first.id, "v0002", "なぜかね？")
    assert (kept.parent, kept.prompt, kept.reply, kept.version) == (None, "a", "答えです。", "v0002")
    assert (kept.rewrite, kept.verdict, kept.base) == ("なぜかね？", "rewritten", "embedded")
    assert [turn.id for turn in corpus.siblings(first.id)] == [first.id, kept.id]
    assert [turn.id for turn in corpus.thread(first.conversation)] == [first.id, second.id]
    assert corpus.rewrite_pin(first.id, "v0002", "なぜそう思うかね？").id == kept.id
    (pin,) = corpus.pins()
    assert pin.answers[0].turn == kept.id
    assert [example.rejected for example in corpus.examples(None)] == ["答えです。"]


def test_a_refused_rewrite_leaves_no_turn_behind(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a", "b"))
    corpus.pin(turn.id)
    with pytest.raises(CorpusError, match="has not answered"):
        corpus.rewrite_pin(turn.id, "v0002", "x")
    answer(corpus, turn.id, "v0002", "c")
    with pytest.raises(CorpusError, match="unchanged"):
        corpus.rewrite_pin(turn.id, "v0002", "c")
    assert len(corpus.siblings(turn.id)) == 1


def test_purging_takes_a_pin_with_its_answers_and_forgets_a_turn_made_of_one(corpus: Corpus) -> None:
    first, second = talk(corpus, ("a", "b"), ("c", "d"))
    corpus.pin(first.id, second.id)
    answer(corpus, first.id, "v0001", "x")
    answer(corpus, second.id, "v0001", "y")
    corpus.drop(first.id, corpus.rewrite_pin(second.id, "v0001", "Y").id)
    corpus.purge(corpus.plan_purge())
    (pin,) = corpus.pins()
    assert (pin.turn.id, pin.answers[0].turn) == (second.id, None)
    assert corpus.db.execute("SELECT count(*) FROM pin_answers").fetchone() == (1,)
    assert corpus.db.execute("PRAGMA foreign_key_check").fetchall() == []
