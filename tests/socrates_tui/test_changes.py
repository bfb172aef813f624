"""Tests of the difference between a reply and its rewrite."""

from hypothesis import given
from hypothesis import strategies as st
from textual.content import Content

from socrates_tui.plain_text import plain
from socrates_tui.widgets.changes import ADDED, GAP, REMOVED, changes

TEXT = st.text(st.sampled_from("あいう ab\n"), max_size=30)


def without(content: Content, style: str) -> str:
    gone = {place for span in content.spans if span.style == style for place in range(span.start, span.end)}
    return "".join(character for place, character in enumerate(content.plain) if place not in gone)


@given(TEXT, TEXT)
def test_it_holds_the_rewrite_and_the_reply_whole(before: str, after: str) -> None:
    drawn = changes(before, after)
    assert without(drawn, REMOVED) == after
    assert without(drawn, ADDED) == before


def test_one_changed_word_is_all_that_is_marked() -> None:
    drawn = changes("君は何を知るか", "君は何を問うか")
    assert [(drawn.plain[span.start : span.end], span.style) for span in drawn.spans] == [
        ("知る", REMOVED),
        ("問う", ADDED),
    ]


@given(st.text(st.characters(codec=None), max_size=30))
def test_what_is_drawn_is_plain(text: str) -> None:
    assert changes("", text).plain == plain(text)


def test_single_characters_that_two_changes_share_by_chance_are_read_as_one_change() -> None:
    drawn = changes("各人の物の量", "君のかのね")
    assert [drawn.plain[span.start : span.end] for span in drawn.spans] == ["各人の物の量", "君のかのね"]


def test_of_what_is_alike_only_what_stands_near_a_change_is_shown_if_wanted() -> None:
    before = "a" * 50 + "x" + "b" * 50 + "y" + "c" * 50
    after = before.replace("x", "X").replace("y", "Y")
    assert changes(before, after, around=3).plain == f"{GAP}aaaxXbbb{GAP}bbbyYccc{GAP}"
    assert changes(before, before, around=3).plain == f"aaa{GAP}"
    assert changes("abcdef", "abcdef", around=3).plain == "abcdef"
