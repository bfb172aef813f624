"""Tests for what reaches the terminal from models and files."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socrates_tui.plain_text import plain

ANY_TEXT = st.text(st.characters(codec=None))
BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("君にとって正義とは何かね？\n\tfin", "君にとって正義とは何かね？\n\tfin"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("\x1b[31mred", "␛[31mred"),
        ("a\rb\x00\x7f", "a␍b␀␡"),
        ("\x9b31m\x85", "\N{REPLACEMENT CHARACTER}31m\N{REPLACEMENT CHARACTER}"),
        ("\u202egnp.exe\u202c \u2066x\u2069", "\ufffdgnp.exe\ufffd \ufffdx\ufffd"),
        ("a\u2028b\u2029c", "a␤b␤c"),
        ("\ud800", "\ufffd"),
        ("[bold red]x[/]", "[bold red]x[/]"),
    ],
)
def test_commands_to_the_terminal_become_visible_characters(text: str, shown: str) -> None:
    assert plain(text) == shown


@given(ANY_TEXT)
def test_no_control_character_but_line_feed_and_tab_is_left(text: str) -> None:
    left = {character for character in plain(text) if unicodedata.category(character) in {"Cc", "Zl", "Zp", "Cs"}}
    assert left <= {"\n", "\t"}


@given(ANY_TEXT)
def test_no_character_that_reorders_the_line_is_left(text: str) -> None:
    assert not {unicodedata.bidirectional(character) for character in plain(text)} & BIDI


@given(ANY_TEXT)
def test_it_keeps_the_length_and_every_harmless_character(text: str) -> None:
    shown = plain(text)
    assert len(shown) == len(text)
    assert all(new in (old, "\ufffd", "␤") or "␀" <= new <= "␡" for old, new in zip(text, shown, strict=True))


@given(ANY_TEXT)
def test_making_plain_twice_changes_nothing_more(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(ANY_TEXT)
def test_what_is_left_can_be_written_to_a_terminal(text: str) -> None:
    plain(text).encode("utf-8")
