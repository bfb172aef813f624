"""Tests of the order in which unreviewed replies come up, and of what is counted."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.losses import Loss, Scales
from corpus.records import Turn
from corpus.store import Corpus
from socrates_tui import sitting
from socrates_tui.sitting import Sitting
from tests.corpus.talk import quick, talk

GOOD = "君にとって正義とは何かね？"
NOW, BEFORE = Scales("embedded", "v0002", "v0001"), Scales("embedded", "v0001", "base")


def scales() -> Scales:
    return NOW


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with quick(tmp_path / "corpus.db") as opened:
        yield opened


def ids(turns: list[Turn]) -> list[int]:
    return [turn.id for turn in turns]


def test_what_seems_worst_comes_first_and_of_the_others_the_newest(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", "はい。" * 30), ("three", GOOD))
    assert ids(Sitting(corpus, scales).queue()) == [2, 3, 1]


def test_the_order_is_that_of_the_measure_it_is_given(corpus: Corpus) -> None:
    talk(corpus, ("bb", GOOD), ("a", GOOD), ("ccc", GOOD))
    assert ids(Sitting(corpus, scales, measure=lambda prompt, reply: len(prompt)).queue()) == [2, 1, 3]


def test_each_reply_is_measured_once(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD))
    measured: list[str] = []

    def measure(prompt: str, reply: str) -> float:
        measured.append(prompt)
        return 0

    sat = Sitting(corpus, scales, measure=measure)
    sat.queue()
    talk(corpus, ("three", GOOD))
    sat.queue()
    assert measured == ["two", "one", "three"]


def test_judged_replies_do_not_wait(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD))
    corpus.approve(2)
    corpus.drop(3)
    sat = Sitting(corpus, scales)
    assert (ids(sat.queue()), sat.left, sat.done) == ([1], 1, 0)


def test_what_is_put_off_comes_up_after_all_others_in_that_order(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD))
    sat = Sitting(corpus, scales)
    sat.put_off(3)
    sat.put_off(2)
    assert ids(sat.queue()) == [1, 3, 2]
    sat.put_off(3)
    assert ids(sat.queue()) == [1, 2, 3]
    corpus.approve(2)
    assert ids(sat.queue()) == [1, 3]


def test_a_rewrite_that_waits_to_be_stored_is_done(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD))
    sat = Sitting(corpus, scales)
    sat.judged([2])
    assert (ids(sat.queue()), sat.left, sat.done) == ([1], 1, 1)
    sat.taken_back([2])
    assert (ids(sat.queue()), sat.left, sat.done) == ([2, 1], 2, 0)


def test_older_replies_move_up_as_the_newer_ones_are_done(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitting, "WINDOW", 2)
    talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD), ("four", GOOD))
    sat = Sitting(corpus, scales)
    assert (ids(sat.queue()), sat.left) == ([4, 3], 4)
    corpus.approve(4)
    sat.put_off(3)
    assert (ids(sat.queue()), sat.left) == ([2, 1, 3], 3)


def weighed(corpus: Corpus, *losses: tuple[int, float, float], by: Scales = NOW) -> None:
    corpus.keep_losses([Loss(turn, by, loss, parent_loss) for turn, loss, parent_loss in losses])


def test_the_highest_loss_or_the_greatest_disagreement_comes_first_and_what_is_not_weighed_last(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD), ("four", GOOD), ("five", GOOD))
    weighed(corpus, (1, 2.0, 2.0), (2, 1.0, 4.0), (4, 3.0, 2.5))
    sat = Sitting(corpus, scales, "loss")
    assert (ids(sat.queue()), sat.unweighed) == ([4, 1, 2, 5, 3], 2)
    assert sat.next_order() == "disagreement"
    assert ids(sat.queue()) == [2, 4, 1, 5, 3]
    assert sat.next_order() == "meter"
    assert sat.next_order() == "loss"


def test_what_other_versions_weighed_counts_as_not_weighed_and_is_told_as_stale(corpus: Corpus) -> None:
    turns = talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD))
    weighed(corpus, (1, 1.0, 1.0))
    weighed(corpus, (2, 9.0, 1.0), by=BEFORE)
    sat = Sitting(corpus, scales, "loss")
    assert (ids(sat.queue()), sat.unweighed) == ([1, 3, 2], 2)
    assert [(figures.loss is not None, figures.stale) for figures in sat.figures(turns)] == [
        (True, False),
        (True, True),
        (False, False),
    ]


def test_in_every_order_what_is_judged_is_gone_and_what_is_put_off_comes_last(corpus: Corpus) -> None:
    talk(corpus, ("one", GOOD), ("two", GOOD), ("three", GOOD), ("four", GOOD))
    weighed(corpus, (1, 1.0, 1.0), (2, 2.0, 1.0), (3, 3.0, 1.0), (4, 4.0, 1.0))
    sat = Sitting(corpus, scales, "loss")
    sat.put_off(4)
    corpus.approve(3)
    assert ids(sat.queue()) == [2, 1, 4]
    sat.judged([2])
    assert ids(sat.queue()) == [1, 4]
