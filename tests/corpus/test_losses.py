"""Tests of the losses that are kept of replies: their order, what counts as weighed, and what takes them away."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus.database import rows
from corpus.losses import Loss, Scales
from corpus.migrations import MIGRATIONS
from corpus.store import Corpus
from tests.corpus.talk import talk

NOW, BEFORE = Scales("embedded", "v0002", "v0001"), Scales("embedded", "v0001", "base")


def loss(turn: int, of_version: float, of_parent: float, by: Scales = NOW) -> Loss:
    return Loss(turn, by, of_version, of_parent)


@pytest.fixture
def said(corpus: Corpus) -> Corpus:
    """Give a corpus with turns 1, 2 and 3 of one conversation and 4 of another."""
    talk(corpus, ("one", "1"), ("two", "2"), ("three", "3"))
    talk(corpus, ("four", "4"))
    return corpus


def test_the_heaviest_come_first_by_either_figure(said: Corpus) -> None:
    said.keep_losses([loss(1, 2.0, 2.1), loss(2, 3.0, 2.5), loss(4, 1.0, 4.0)])
    assert said.heaviest(NOW, "loss", limit=9) == [2, 1, 4]
    assert said.heaviest(NOW, "disagreement", limit=9) == [4, 2, 1]
    assert said.heaviest(NOW, "disagreement", limit=2) == [4, 2]


def test_what_is_judged_is_not_among_them_until_that_is_taken_back(said: Corpus) -> None:
    said.keep_losses([loss(1, 2.0, 2.0), loss(4, 1.0, 1.0)])
    said.approve(1)
    assert said.heaviest(NOW, "loss", limit=9) == [4]
    said.undo()
    assert said.heaviest(NOW, "loss", limit=9) == [1, 4]


def test_what_was_not_weighed_by_the_versions_of_now_is_counted_newest_first(said: Corpus) -> None:
    said.keep_losses([loss(1, 2.0, 2.0), loss(2, 2.0, 2.0, BEFORE)])
    said.drop(3)
    assert said.unweighed(NOW) == [(4, 2), (2, 1)]
    assert said.unweighed(NOW, limit=1) == [(4, 2)]
    assert said.count_unweighed(NOW) == 2
    assert said.heaviest(BEFORE, "loss", limit=9) == [2]


def test_a_turn_has_the_newest_loss_alone(said: Corpus) -> None:
    said.keep_losses([loss(1, 2.0, 2.0, BEFORE), loss(2, 5.0, 2.0)])
    said.keep_losses([loss(1, 3.0, 2.5)])
    assert said.losses([1, 2, 3]) == {1: loss(1, 3.0, 2.5), 2: loss(2, 5.0, 2.0)}
    assert said.losses([1])[1].disagreement == 0.5


def test_a_turn_that_was_taken_away_meanwhile_gets_none(said: Corpus) -> None:
    said.keep_losses([loss(99, 2.0, 2.0), loss(1, 2.0, 2.0)])
    assert said.losses([99, 1]) == {1: loss(1, 2.0, 2.0)}


def test_another_text_in_the_context_takes_away_the_losses_of_what_follows(said: Corpus) -> None:
    every = [loss(turn, 2.0, 2.0) for turn in (1, 2, 3, 4)]
    changes: list[tuple[Callable[[], object], set[int]]] = [
        (lambda: said.rewrite(1, "better"), {1, 4}),
        (lambda: said.drop(2), {1, 2, 4}),
        (lambda: said.set_system(1, "Ask."), {4}),
        (lambda: said.approve(3), {1, 2, 3, 4}),
    ]
    for change, left in changes:
        said.keep_losses(every)
        change()
        assert {*said.losses([1, 2, 3, 4])} == left
    said.keep_losses(every)
    said.undo()  # the approval
    said.undo()  # the system text
    assert {*said.losses([1, 2, 3, 4])} == {4}


def test_a_purge_takes_the_losses_of_its_turns(said: Corpus) -> None:
    said.keep_losses([loss(turn, 2.0, 2.0) for turn in (1, 4)])
    said.drop(4)
    said.purge(said.plan_purge())
    assert rows(said.db, "SELECT turn FROM losses") == [(1,)]


def test_a_corpus_from_before_there_were_losses_opens_and_takes_them(path: Path) -> None:
    with Database(path) as old:
        MIGRATIONS.apply(old, stop_before="0008_losses")
        moment = "2026-01-01T00:00:00.000000+00:00"
        told = {"key": "old", "title": "t", "system": "", "source": "chat", "split": "train"}
        old.table("conversations").insert(told | {"created": moment, "updated": moment})
        turn = {"conversation": 1, "depth": 1, "prompt": "p", "reply": "r", "verdict": "unreviewed", "sampling": "{}"}
        old.table("turns").insert(turn | {"created": moment})
    with Corpus(path) as corpus:
        assert corpus.unweighed(NOW) == [(1, 1)]
        corpus.keep_losses([loss(1, 2.0, 2.0)])
        assert corpus.heaviest(NOW, "loss", limit=9) == [1]


@pytest.mark.parametrize(("order", "index"), [("loss", "losses_loss"), ("disagreement", "losses_disagreement")])
def test_the_order_is_read_from_an_index_and_nothing_is_sorted(said: Corpus, order: str, index: str) -> None:
    asked: list[str] = []
    said.db.conn.set_trace_callback(asked.append)
    said.heaviest(NOW, order, limit=9)  # type: ignore[arg-type]
    said.db.conn.set_trace_callback(None)
    plan = " ".join(row[3] for row in rows(said.db, f"EXPLAIN QUERY PLAN {asked[-1]}"))
    assert index in plan
    assert "TEMP B-TREE" not in plan
