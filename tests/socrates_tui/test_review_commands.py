"""Tests of the review's queue and of weighing, as commands."""

import pytest

from adapters.registry import Registry
from corpus.losses import Loss, Scales
from corpus.store import Corpus
from socrates_tui.home import Home
from tests.adapters.manifests import publish
from tests.corpus.talk import talk
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.scripted import ScriptedEngine
from tests.socrates_tui.test_ask_command import engine, home

__all__ = ["engine", "home"]


@pytest.fixture
def said(home: Home) -> Home:
    """Give a home with a good reply 1 and two plain ones, 2 and 3; v0001 is active."""
    registry = Registry(home.versions)
    registry.activate(publish(registry).name)
    with Corpus(home.database) as corpus:
        talk(corpus, ("正義とは", "君にとって正義とは何かね？"), ("勇気とは", "強さです。"))
        talk(corpus, ("What is virtue?", "Knowledge\nis virtue."))
    return home


def test_the_queue_is_listed_with_its_figures_and_says_what_is_not_weighed(said: Home) -> None:
    with Corpus(said.database) as corpus:
        corpus.keep_losses([Loss(1, Scales("embedded", "v0001", "base"), 2.0, 4.5)])
        corpus.keep_losses([Loss(2, Scales("embedded", "v0009", "base"), 3.0, 3.25)])
    outcome = socrates("corpus", "queue", "--order", "loss")
    heading, first, second, third = outcome.out.splitlines()
    assert heading.split() == ["turn", "style", "loss", "disagreement"]
    assert first.endswith("2.00          2.50  正義とは → 君にとって正義とは何かね？")
    assert second.split()[0::2][:2] == ["3", "–"]
    assert second.endswith("–             –  What is virtue? → Knowledge is virtue.")
    assert third.endswith("(3.00)        (0.25)  勇気とは → 強さです。")
    assert outcome.err == "2 of 3 not weighed by v0001 and base: `socrates corpus weigh` weighs them.\n"


def test_json_tells_by_whom_each_was_weighed(said: Home) -> None:
    with Corpus(said.database) as corpus:
        corpus.keep_losses([Loss(1, Scales("embedded", "v0009", "v0008"), 2.0, 4.5)])
    told = socrates("corpus", "queue", "--order", "disagreement", "--limit", "3", "--json").document
    assert {key: told[key] for key in ("order", "version", "parent", "left", "unweighed")} == {
        "order": "disagreement",
        "version": "v0001",
        "parent": "base",
        "left": 3,
        "unweighed": 3,
    }
    last = told["turns"][-1]
    assert (last["id"], last["loss"], last["disagreement"]) == (1, 2.0, 2.5)
    assert (last["weighed_by"], last["stale"]) == (["v0009", "v0008"], True)
    assert told["turns"][0]["loss"] is None


def test_the_order_is_that_of_the_setting_unless_an_option_names_one(said: Home) -> None:
    def order(*options: str) -> list[int]:
        return [turn["id"] for turn in socrates("corpus", "queue", *options, "--json").document["turns"]]

    assert order()[-1] == 1
    with Corpus(said.database) as corpus:
        corpus.keep_losses([Loss(1, Scales("embedded", "v0001", "base"), 2.0, 4.5)])
    assert socrates("settings", "set", "review_order", "loss").status == 0
    assert order() == [1, 3, 2]
    assert order("--limit", "1") == [1]
    assert order("--order", "meter")[-1] == 1
    assert socrates("corpus", "queue", "--order", "size").status == 2


def test_nothing_left_says_so(home: Home) -> None:
    assert socrates("corpus", "queue").out == "Every reply is reviewed.\n"


def test_weighing_stores_the_losses_and_tells_how_many(said: Home, engine: ScriptedEngine) -> None:
    engine.weights = {("v0001", "強さです。"): 3.0, ("base", "強さです。"): None}
    outcome = socrates("corpus", "weigh")
    assert outcome.out == (
        "Weighed 2 by v0001 and base: `socrates corpus queue --order loss` lists them.\n"
        "1 longer than the context: they have no loss.\n"
    )
    assert outcome.err == "Loading the base\nWeighing\n"
    assert engine.version == "v0001"
    with Corpus(said.database) as corpus:
        assert {*corpus.losses([1, 2, 3])} == {1, 3}
    del engine.weights["base", "強さです。"]
    document = socrates("corpus", "weigh", "--json").document
    assert document == {"version": "v0001", "parent": "base", "weighed": 1, "too_long": 0}
    assert socrates("corpus", "weigh", "--json").document["weighed"] == 0


def test_a_parent_that_cannot_be_swapped_in_is_an_error(said: Home, engine: ScriptedEngine) -> None:
    registry = Registry(said.versions)
    registry.activate(publish(registry, parent="v0001").name)
    engine.refused = {"v0001"}
    outcome = socrates("corpus", "weigh")
    assert outcome.status == 1
    assert outcome.err.endswith("v0001 does not fit this base: train it again.\n")
