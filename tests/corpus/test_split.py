from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Split
from corpus.split import content_key, drawn_key, side


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("dialogue-000", "train"),
        ("dialogue-001", "train"),
        ("dialogue-002", "train"),
        ("正義", "train"),
        ("", "held-out"),
    ],
)
def test_a_side_never_changes(key: str, expected: Split) -> None:
    assert side(key) == expected


def test_about_a_sixth_is_held_out() -> None:
    held_out = sum(side(f"dialogue-{number}") == "held-out" for number in range(6_000))
    assert 900 < held_out < 1_100


@pytest.mark.parametrize("wanted", ["train", "held-out"])
def test_a_key_is_drawn_for_the_wanted_side(wanted: Split) -> None:
    key = drawn_key(wanted)
    assert (side(key), UUID(key).version) == (wanted, 4)


@given(st.text(), st.text())
def test_only_what_stands_before_a_tilde_counts(before: str, after: str) -> None:
    assert side(f"{before}~{after}") == side(before)


def test_the_same_texts_have_the_same_key() -> None:
    assert content_key("p", ["p", "r"]) == content_key("p", ["p", "r"])
    assert content_key("p", ["p", "r"]) != content_key("p", ["p", "s"])
    assert content_key("p", ["ab", "c"]) != content_key("p", ["a", "bc"])


def test_nearly_the_same_first_prompts_are_on_the_same_side() -> None:
    keys = [content_key(prompt, [prompt, str(number)]) for number, prompt in enumerate(("What is it?", "what is  it"))]
    assert keys[0] != keys[1]
    assert keys[0].partition("~")[0] == keys[1].partition("~")[0]
