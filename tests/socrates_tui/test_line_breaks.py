"""Tests of where long lines are broken."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich._wrap import divide_line
from rich.cells import cell_len
from textual.geometry import Region
from textual.widget import Widget

from socrates_tui.app import SocratesApp
from socrates_tui.line_breaks import NEVER_FIRST, NEVER_LAST, line_breaks
from tests.socrates_tui.stage import Stage, say, settled, until

REPLY = "君は「正義」と言ったね。では、正義とは何かね？それは（友人を）助けることかね、敵を害することかね！？"


def rows(text: str, width: int) -> list[str]:
    """Return the rows of a text."""
    breaks = line_breaks(text, width)
    return [text[start:end] for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ああああああ。いい", ["あああああ", "あ。いい"]),
        ("ああああああ」。いい", ["あああああ", "あ」。いい"]),
        ("あああああ「いい」う", ["あああああ", "「いい」う"]),
        ("ああああああ「いい」", ["ああああああ", "「いい」"]),
        ("あああああいい「うう」", ["あああああい", "い「うう」"]),
        ("あああああ「う」", ["あああああ", "「う」"]),
        ("ああああああ　いい", ["ああああああ　", "いい"]),
        ("短い 長い長い長い長い", ["短い ", "長い長い長い", "長い"]),
    ],
)
def test_punctuation_stays_with_the_character_it_belongs_to(text: str, expected: list[str]) -> None:
    assert rows(text, 12) == expected


def test_a_row_of_nothing_but_punctuation_is_cut_where_it_is_full() -> None:
    assert rows("？" * 9, 8) == ["？？？？", "？？？？", "？"]


@pytest.mark.parametrize("width", range(8, 60))
def test_no_row_of_a_reply_begins_or_ends_as_none_may(width: int) -> None:
    found = rows(REPLY, width)
    assert all(row[0] not in NEVER_FIRST and row[-1] not in NEVER_LAST for row in found)
    assert all(cell_len(row) <= width for row in found)
    assert all(cell_len(row) > width - 8 for row in found[:-1])


CLUSTERS = ["a", "b", "　", " ", "、", "。", "「", "」", "あ", "正", "👩‍🚀", "é"]
"""What a person sees as one character; half of one has no width of its own."""


@given(st.lists(st.sampled_from(CLUSTERS), max_size=60).map("".join), st.integers(2, 12))
def test_every_row_fits_and_no_character_is_lost(text: str, width: int) -> None:
    found = rows(text, width)
    assert "".join(found) == text
    assert all(found) or not text
    assert all(cell_len(row.rstrip()) <= width for row in found)


@given(st.lists(st.sampled_from(["a", "bc", "ab-c", "abcdefg", " "]), max_size=30), st.integers(7, 20))
def test_words_that_fit_into_a_row_are_broken_as_rich_breaks_them(words: list[str], width: int) -> None:
    text = " ".join(words).strip()
    assert list(words_of(text, line_breaks(text, width))) == list(words_of(text, divide_line(text, width)))


def words_of(text: str, breaks: list[int]) -> Iterator[str]:
    """Yield the rows without the spaces at which they were cut, and without those that held nothing else."""
    for start, end in zip([0, *breaks], [*breaks, len(text)], strict=True):
        if row := text[start:end].rstrip():
            yield row


async def test_chat_rewrite_and_review_break_their_lines_so(stage: Stage) -> None:
    stage.says(REPLY * 3)
    async with stage.play((81, 50)) as (app, pilot):
        app.chat.prompt.text = REPLY * 3
        await say(app, pilot, "")
        await pilot.press("up")
        seen = rows_of(app, ".prompt-text") + rows_of(app, "ReplyMarkdown")
        await pilot.press("e", *"かね")
        await until(pilot, lambda: "".join(rows_of(app, "#rewrite-difference")).endswith("かね"))
        seen += rows_of(app, "#rewrite-original Static") + rows_of(app, "#rewrite-difference")
        await pilot.press("escape", "f6")
        await settled(app, pilot)
        await until(pilot, lambda: len(app.screen.query("ReplyMarkdown")))
        seen += rows_of(app, ".prompt-text") + rows_of(app, "ReplyMarkdown")
    assert len(seen) > 20
    assert [row for row in seen if row[0] in NEVER_FIRST or row[-1] in NEVER_LAST] == []


def rows_of(app: SocratesApp, selector: str) -> list[str]:
    """Return the rows of the first such widget of the screen."""
    widget = app.screen.query(selector).first(Widget)
    strips = widget.render_lines(Region(0, 0, *widget.size))
    return [text for strip in strips if (text := strip.text.strip())]
