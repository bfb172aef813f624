"""Tests of the drafts: whatever windows there are and whatever becomes of them, no text is lost."""

import json
import os
from pathlib import Path

import pytest

from socrates_tui.drafts import PROMPT, Drafts
from socrates_tui.home import Home


@pytest.fixture
def directory(own_home: Path) -> Path:
    return Home.open(own_home).drafts


def drafts_of(drafts: Drafts) -> dict[str, str | None]:
    return {key: drafts.get(key) for key in drafts.keys()}  # noqa: SIM118


def test_a_draft_is_there_for_the_next_window(directory: Path) -> None:
    first = Drafts(directory)
    first.keep(PROMPT, "half a thought")
    first.close()
    second = Drafts(directory)
    assert second.get(PROMPT) == "half a thought"
    second.keep(PROMPT, "")
    second.close()
    assert drafts_of(Drafts(directory)) == {}


def test_two_windows_keep_their_drafts_apart_and_both_are_there_afterwards(directory: Path) -> None:
    one, other = Drafts(directory), Drafts(directory)
    one.keep(PROMPT, "one")
    other.keep(PROMPT, "other")
    one.keep("rewrite-1", "better")
    assert (one.get(PROMPT), other.get(PROMPT)) == ("one", "other")
    other.close()
    one.close()
    last = Drafts(directory)
    assert last.get("rewrite-1") == "better"
    assert sorted(str(last.get(PROMPT)).split("\n\n")) == ["one", "other"]


def test_a_window_takes_nothing_from_one_that_lives(directory: Path) -> None:
    living = Drafts(directory)
    living.keep(PROMPT, "mine")
    other = Drafts(directory)
    assert other.get(PROMPT) is None
    other.close()
    living.close()
    assert Drafts(directory).get(PROMPT) == "mine"


def test_a_draft_of_a_window_that_was_killed_is_there_for_the_next(directory: Path) -> None:
    child = os.fork()
    if child == 0:
        Drafts(directory).keep(PROMPT, "the last words")
        os._exit(0)
    os.waitpid(child, 0)
    assert Drafts(directory).get(PROMPT) == "the last words"


def test_the_same_text_left_twice_is_taken_over_once(directory: Path) -> None:
    for name in ("a", "b"):
        (directory / f"{name}.json").write_text(json.dumps({PROMPT: "same"}))
    assert Drafts(directory).get(PROMPT) == "same"
    assert not (directory / "a.json").exists()


def test_the_one_file_of_an_older_socrates_is_taken_over(directory: Path) -> None:
    earlier = directory.parent / "drafts.json"
    earlier.write_text(json.dumps({PROMPT: "from before"}))
    assert Drafts(directory).get(PROMPT) == "from before"
    assert not earlier.exists()


def test_a_file_that_cannot_be_read_is_left(directory: Path) -> None:
    unreadable = directory / "x.json"
    unreadable.write_text("{")
    drafts = Drafts(directory)
    assert drafts_of(drafts) == {}
    drafts.keep(PROMPT, "new")
    drafts.close()
    assert unreadable.read_text() == "{"
    assert Drafts(directory).get(PROMPT) == "new"


def test_windows_without_drafts_leave_no_files(directory: Path) -> None:
    for _ in range(3):
        Drafts(directory).close()
    (directory / "killed.lock").touch()
    Drafts(directory).close()
    assert [path.name for path in directory.iterdir()] == ["lock"]
