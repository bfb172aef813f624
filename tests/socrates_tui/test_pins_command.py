"""Tests of pinning, and of what versions answer to pinned prompts, as commands."""

from collections import deque

import pytest

from adapters.registry import Registry
from corpus.store import Corpus
from socrates_tui.home import Home
from tests.adapters.manifests import publish
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.scripted import ScriptedEngine
from tests.socrates_tui.test_ask_command import engine, home

__all__ = ["engine", "home"]


@pytest.fixture
def turn(home: Home) -> int:
    publish(Registry(home.versions))
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation().id
        return corpus.add_turn(conversation, parent=None, prompt="正義\nとは", reply="秩序です。").id


def test_a_turn_is_pinned_and_unpinned(turn: int) -> None:
    assert socrates("corpus", "pin", str(turn)).out == f"Pinned turn {turn}.\n"
    assert socrates("corpus", "pin", str(turn)).status == 1
    assert socrates("corpus", "unpin", str(turn), "--json").document["act"]["kind"] == "unpin"
    assert socrates("versions", "pins").out.startswith("Nothing is pinned")


def test_the_newest_answer_and_the_one_before_are_shown(turn: int, engine: ScriptedEngine) -> None:
    socrates("corpus", "pin", str(turn))
    assert socrates("versions", "pins").out == f"{turn}  正義 とは\n  the turn: 秩序です。\n"
    engine.replies = deque(["何かね？", "なぜかね？"])
    outcome = socrates("versions", "pins", "--answer", "v0001")
    assert outcome.out == f"{turn}  正義 とは\n  the turn: 秩序です。\n  v0001: 何かね？\n"
    outcome = socrates("versions", "pins", "--answer", "base")
    assert outcome.out == f"{turn}  正義 とは\n  v0001: 何かね？\n  base: なぜかね？\n"


def test_what_was_answered_is_not_asked_again(turn: int, engine: ScriptedEngine) -> None:
    socrates("corpus", "pin", str(turn))
    for _ in range(2):
        (pin,) = socrates("versions", "pins", "--answer", "v0001", "--json").document["pins"]
    assert (pin["turn"], pin["prompt"], pin["text"]) == (turn, "正義\nとは", "秩序です。")
    assert [(answer["version"], answer["turn"]) for answer in pin["answers"]] == [("v0001", None)]
    assert len(engine.history) == 1


def test_an_answer_is_rewritten_in_a_turn_of_its_own(turn: int, engine: ScriptedEngine) -> None:
    socrates("corpus", "pin", str(turn))
    outcome = socrates("corpus", "rewrite", str(turn), "なぜかね？", "--answer", "v0001")
    assert outcome.status == 1
    assert outcome.err == f"v0001 has not answered the prompt of turn {turn}: let it answer first.\n"
    engine.replies = deque(["何かね？"])
    socrates("versions", "pins", "--answer", "v0001")
    outcome = socrates("corpus", "rewrite", str(turn), "なぜかね？", "--answer", "v0001")
    assert outcome.out == f"Kept as turn {turn + 1} what v0001 should have answered.\n"
    again = socrates("corpus", "rewrite", str(turn), "なぜそう思うかね？", "--answer", "v0001", "--json").document
    assert again["turn"]["id"] == turn + 1
    assert again["turn"]["rewrite"] == "なぜそう思うかね？"
