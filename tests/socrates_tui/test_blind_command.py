"""Tests of `socrates versions blind`."""

from collections import deque
from pathlib import Path

import pytest

from adapters.registry import Registry
from corpus.picks import Tally
from corpus.store import Corpus
from socrates_tui.home import Home
from tests.adapters.manifests import publish
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.scripted import ScriptedEngine
from tests.socrates_tui.test_ask_command import engine, home

__all__ = ["engine", "home"]

BLIND = ("versions", "blind", "base", "v0001", "正義とは")


def tallies(home: Home) -> dict[tuple[str, str], Tally]:
    with Corpus(home.database) as corpus:
        return corpus.tallies("embedded")


def test_both_replies_are_shown_without_names_and_the_pick_is_kept(home: Home, engine: ScriptedEngine) -> None:
    publish(Registry(home.versions))
    engine.replies = deque(["なぜかね？", "\x1b[2J答えです。"])
    outcome = socrates(*BLIND, terminal=True, typed="3\n1\n")
    assert outcome.status == 0
    shown, _, told = outcome.out.partition("Which is better: 1, 2, or 0 for neither: ")
    assert shown == "1: なぜかね？\n\n2: ␛[2J答えです。\n\n"
    left, right = (call.version for call in engine.history)
    assert told.splitlines()[1] == f"Which is better: 1, 2, or 0 for neither: 1 was {left}, 2 was {right}."
    won = Tally(won=1) if left == "v0001" else Tally(lost=1)
    assert tallies(home)["v0001", "base"] == won
    assert engine.history[0].sampling == engine.history[1].sampling
    assert engine.history[0].sampling.seed is not None


def test_as_json_both_are_told_and_nothing_is_kept(home: Home, engine: ScriptedEngine) -> None:
    publish(Registry(home.versions))
    engine.replies = deque(["a", "b"])
    told = socrates(*BLIND, "--seed", "5", "--json").document
    assert (told["prompt"], told["seed"]) == ("正義とは", 5)
    assert [told[side]["reply"] for side in ("left", "right")] == ["a", "b"]
    assert [told[side]["version"] for side in ("left", "right")] == [call.version for call in engine.history]
    assert tallies(home) == {}


def test_a_turns_prompt_is_asked_in_its_context(home: Home, engine: ScriptedEngine) -> None:
    publish(Registry(home.versions))
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation(system="短く").id
        first = corpus.add_turn(conversation, parent=None, prompt="a", reply="b").id
        second = corpus.add_turn(conversation, parent=first, prompt="c", reply="d").id
    socrates("versions", "blind", "base", "v0001", "--turn", str(second), terminal=True, typed="1\n")
    assert [message["content"] for message in engine.history[1].messages] == ["短く", "a", "b", "c"]
    with Corpus(home.database) as corpus:
        assert corpus.db.execute("SELECT turn, system, prompt FROM picks").fetchall() == [(second, "短く", "c")]


@pytest.mark.parametrize("given", [(), ("Hi", "--turn", "1")])
def test_a_prompt_or_a_turn_is_given(home: Home, given: tuple[str, ...]) -> None:
    assert socrates("versions", "blind", "base", "v0001", *given, terminal=True).status == 2


def test_without_a_terminal_nobody_can_pick(home: Home, engine: ScriptedEngine) -> None:
    outcome = socrates(*BLIND)
    assert (outcome.status, engine.history) == (1, [])
    assert outcome.err == "Picking needs a terminal; --json prints both replies and keeps nothing.\n"


def test_a_version_is_not_set_against_itself(home: Home, engine: ScriptedEngine) -> None:
    outcome = socrates("versions", "blind", "base", "base", "Hi", terminal=True)
    assert outcome.status == 1
    assert "from itself" in outcome.err


def test_leaving_at_the_question_keeps_nothing(home: Home, engine: ScriptedEngine, own_home: Path) -> None:
    publish(Registry(home.versions))
    assert socrates(*BLIND, terminal=True, typed="").status != 0
    assert tallies(home) == {}


def test_comparing_tells_the_picks(home: Home, engine: ScriptedEngine) -> None:
    publish(Registry(home.versions))
    socrates(*BLIND, terminal=True, typed="0\n")
    assert "Of v0001 and base, 1 time neither was picked." in socrates("versions", "compare", "base", "v0001").out
    picks = socrates("versions", "compare", "base", "v0001", "--json").document["picks"]
    assert picks == {"first": 0, "second": 0, "neither": 1, "share": None, "interval": None}


def test_a_pick_is_taken_back_by_undo(home: Home, engine: ScriptedEngine) -> None:
    publish(Registry(home.versions))
    socrates(*BLIND, terminal=True, typed="2\n")
    assert socrates("corpus", "undo").out == "Took back: Kept pick 1.\n"
    assert tallies(home) == {}
