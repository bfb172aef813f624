"""Tests of the filter that is written in one line."""

from dataclasses import replace
from typing import Any

import pytest

from corpus.filters import EVERYTHING
from socrates_errors import CorpusError
from socrates_tui.filter_words import filter_words


@pytest.mark.parametrize(
    ("line", "wanted", "text"),
    [
        ("", {}, ""),
        ("勇気  とは", {}, "勇気 とは"),
        ("verdict:rewritten tag:友情 勇気", {"verdict": "rewritten", "tags": ("友情",)}, "勇気"),
        ('tag:"too long" 勇気 tag:justice', {"tags": ("too long", "justice")}, "勇気"),
        ("version:v0003 source:lessons.jsonl", {"version": "v0003", "source": "lessons.jsonl"}, ""),
        ("split:held-out conversation:12", {"split": "held-out", "conversation": 12}, ""),
        ("min-length:3 max-length:9", {"min_length": 3, "max_length": 9}, ""),
        ("has-rewrite", {"has_rewrite": True}, ""),
        ("no-rewrite x", {"has_rewrite": False}, "x"),
        ('"has-rewrite" "tag:a"', {}, "has-rewrite tag:a"),
        ("https://example.org 注:これ a: -x --json", {}, "https://example.org 注:これ a: -x --json"),
    ],
)
def test_words_are_the_options_of_the_command_line(line: str, wanted: dict[str, Any], text: str) -> None:
    assert filter_words(line) == (replace(EVERYTHING, **wanted), text)


def test_a_moment_is_read_with_its_zone() -> None:
    wanted, _ = filter_words("since:2026-11-24T10:00:00+09:00 until:2026-11-24T12:00:00+00:00")
    assert wanted.since == "2026-11-24T01:00:00.000000+00:00"
    assert wanted.until == "2026-11-24T12:00:00.000000+00:00"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("verdict:rewr", "verdict: 'rewr' is not one of 'unreviewed', 'approved', 'rewritten', 'dropped'."),
        ("since:soon", "since: Give a date as 2026-11-24, or a moment as 2026-11-24T15:30."),
        ("min-length:-1", "min-length: Input should be greater than or equal to 0"),
        ("tag:", "tag: needs a value behind the colon."),
        ("verdct:rewritten", "There is no verdct: — write verdict: or put the word in double quotes."),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_to_write(line: str, sentence: str) -> None:
    with pytest.raises(CorpusError) as refused:
        filter_words(line)
    assert str(refused.value) == sentence


def test_a_number_that_is_none_is_refused_by_its_name() -> None:
    with pytest.raises(CorpusError, match=r"^conversation: "):
        filter_words("conversation:x")
