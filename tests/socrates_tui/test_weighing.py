"""Tests of weighing, without a screen: what the engine is asked, what is stored, and where it goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.registry import Registry
from corpus.losses import Loss, Scales
from corpus.store import Corpus
from socrates_tui.weighing import PIECE, Weighed, scales_of, weigh
from tests.adapters.manifests import publish
from tests.corpus.talk import quick, talk
from tests.socrates_tui.scripted import ScriptedEngine

NOW = Scales("embedded", "v0002", "v0001")


@pytest.fixture
def corpus(tmp_path: Path) -> Iterator[Corpus]:
    with quick(tmp_path / "corpus.db") as opened:
        yield opened


def test_each_unreviewed_reply_is_weighed_by_both_versions_in_its_context(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"), ("two", "2"), ("three", "3"), system="Ask.")
    talk(corpus, ("four", "4"))
    corpus.rewrite(1, "better")
    engine = ScriptedEngine(weights={("v0002", "2"): 3.0, ("v0001", "2"): 2.5, ("v0002", "4"): 0.5})
    asked = engine.losses
    contexts: list[list[str]] = []

    def losses(examples: list[list[dict[str, str]]], *args: object, **options: object) -> object:
        contexts.extend([message["content"] for message in messages] for messages in examples)
        return asked(examples, *args, **options)  # type: ignore[arg-type]

    engine.losses = losses  # type: ignore[method-assign,assignment]
    assert list(weigh(corpus, engine, NOW)) == [Weighed(1, 3), Weighed(3, 3)]
    assert engine.weighed == [("v0002", "v0001", "4"), ("v0002", "v0001", "2", "3")]
    assert contexts == [
        ["four", "4"],
        ["Ask.", "one", "better", "two", "2"],
        ["Ask.", "one", "better", "two", "2", "three", "3"],
    ]
    assert corpus.losses([1, 2, 3, 4]) == {
        2: Loss(2, NOW, 3.0, 2.5),
        3: Loss(3, NOW, 1.0, 1.0),
        4: Loss(4, NOW, 0.5, 1.0),
    }
    assert list(weigh(corpus, engine, NOW)) == []


def test_it_goes_on_where_it_was_stopped(corpus: Corpus) -> None:
    for number in range(3):
        talk(corpus, (f"prompt {number}", f"{number}"))
    engine = ScriptedEngine()
    stopped = iter([False, True])
    assert list(weigh(corpus, engine, NOW, stopped=lambda: next(stopped))) == [Weighed(1, 3)]
    assert corpus.unweighed(NOW) == [(2, 2), (1, 1)]
    engine.weighed.clear()
    assert list(weigh(corpus, engine, NOW)) == [Weighed(1, 2), Weighed(2, 2)]
    assert engine.weighed == [("v0002", "v0001", "1"), ("v0002", "v0001", "0")]


def test_a_long_conversation_is_weighed_in_pieces(corpus: Corpus) -> None:
    talk(corpus, *((f"prompt {number}", f"{number}") for number in range(PIECE + 1)))
    engine = ScriptedEngine()
    assert [weighed.done for weighed in weigh(corpus, engine, NOW)] == [PIECE, PIECE + 1]


def test_a_version_that_weighed_before_is_not_asked_again(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"))
    corpus.keep_losses([Loss(1, Scales("embedded", "v0001", "base"), 2.0, 5.0)])
    engine = ScriptedEngine()
    list(weigh(corpus, engine, NOW))
    assert engine.weighed == [("v0002", "1")]
    assert corpus.losses([1]) == {1: Loss(1, NOW, 1.0, 2.0)}


def test_of_another_base_nothing_is_known(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"))
    corpus.keep_losses([Loss(1, Scales("other", "v0001", "base"), 2.0, 5.0)])
    engine = ScriptedEngine()
    list(weigh(corpus, engine, NOW))
    assert engine.weighed == [("v0002", "v0001", "1")]


def test_what_comes_meanwhile_is_weighed_too_and_what_is_judged_is_not(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"))
    talk(corpus, ("two", "2"))
    engine = ScriptedEngine()
    weighing = weigh(corpus, engine, NOW)
    assert next(weighing) == Weighed(1, 2)
    corpus.approve(1)
    talk(corpus, ("three", "3"))
    assert list(weighing) == [Weighed(2, 2), Weighed(3, 3)]
    assert [weighed[-1] for weighed in engine.weighed] == ["2", "3"]


def test_what_is_longer_than_the_context_is_passed_over_once(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"), ("two", "2"))
    engine = ScriptedEngine(weights={("v0002", "2"): None, ("v0001", "2"): None})
    assert list(weigh(corpus, engine, NOW)) == [Weighed(2, 2, too_long=1)]
    assert {*corpus.losses([1, 2])} == {1}


def test_the_base_alone_is_asked_once(corpus: Corpus) -> None:
    talk(corpus, ("one", "1"))
    engine = ScriptedEngine()
    scales = Scales("embedded", "base", "base")
    list(weigh(corpus, engine, scales))
    assert engine.weighed == [("base", "1")]
    assert corpus.losses([1])[1].disagreement == 0


def test_a_version_is_weighed_against_its_parent_and_else_against_the_base(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "versions")
    first = publish(registry).name
    second = publish(registry, parent=first).name
    orphan = publish(registry, parent="v0999").name
    assert [scales_of(registry, "embedded", name) for name in (second, first, orphan, "base", "v0998")] == [
        Scales("embedded", second, first),
        Scales("embedded", first, "base"),
        Scales("embedded", orphan, "base"),
        Scales("embedded", "base", "base"),
        Scales("embedded", "v0998", "base"),
    ]
