"""Tests of the Markdown of a reply: what it looks like, and what drawing it costs while it grows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.geometry import Offset, Size
from textual.selection import Selection

from socrates_tui.widgets import reply_markdown
from socrates_tui.widgets.markdown_lines import Block, blocks
from socrates_tui.widgets.reply_markdown import ReplyMarkdown
from tests.socrates_tui.stage import shown

REPLY = """\
# 正義
君は**正義**と言ったね。
次の行。

1. 一つ
   - 内
2. 二つ

> 引用

```python
x = 1
```

| a | bb |
|---|----|
| 1 | 22 |

終わり
"""
SEEN = """\
正義

君は正義と言ったね。
次の行。

1. 一つ
   ▪ 内
2. 二つ

▌ 引用

 x = 1

a │ bb
──┼───
1 │ 22

終わり"""


class Page(App[None]):
    """A reply and nothing else."""

    CSS_PATH = "../../socrates_tui/socrates.tcss"

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield ReplyMarkdown()


def rows(text: str, width: int) -> list[str]:
    """Return the rows of a reply at a width."""
    reply = ReplyMarkdown(text)
    reply.get_content_height(Size(width, 100), Size(width, 100), width)
    return [row.content.plain.rstrip() for row in reply._rows]


def grow(reply: ReplyMarkdown, text: str) -> None:
    """Append ``text`` after a rest."""
    reply._rested = 0.0
    reply.append(text)


def test_markdown_is_shown_without_its_marks_and_with_every_line_break() -> None:
    assert "\n".join(rows(REPLY, 40)) == SEEN


def test_a_long_line_is_wrapped_by_what_its_characters_take_on_the_screen() -> None:
    assert rows("- 友人を助けることか", 12) == ["• 友人を助け", "  ることか"]
    assert rows("ab cd ef", 5) == ["ab cd", "ef"]


def test_numbers_of_a_list_are_those_that_were_written() -> None:
    assert rows("3. c\n7. d", 20) == ["3. c", "7. d"]


@given(st.text(alphabet="ab君 \n-*#>`1.|", max_size=60), st.integers(1, 8))
def test_whatever_is_written_is_shown_the_same_piece_by_piece_and_at_once(text: str, piece: int) -> None:
    reply = ReplyMarkdown()
    for start in range(0, len(text), piece):
        grow(reply, text[start : start + piece])
    assert reply.source == text
    reply.update(text)
    assert [line.content.plain for line in reply._lines] == [line.content.plain for line in ReplyMarkdown(text)._lines]


def test_only_the_last_block_of_a_growing_reply_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counting(source: str, *, growing: bool = False) -> list[Block]:
        read.append(len(source))
        return blocks(source, growing=growing)

    monkeypatch.setattr(reply_markdown, "blocks", counting)
    reply = ReplyMarkdown()
    for part in ["君はどう思うかね？\n\n", "- 友人を助けることか\n", "- 敵を害することか\n\n"] * 40:
        grow(reply, part)
    assert len(reply.source) > 1000
    assert max(read) < 60
    assert [str(line.content) for line in reply._lines] == [
        str(line.content) for line in ReplyMarkdown(reply.source)._lines
    ]


async def test_what_comes_while_the_screen_rests_is_shown_together() -> None:
    app = Page()
    async with app.run_test() as pilot:
        reply = app.query_one(ReplyMarkdown)
        reply._rested = float("inf")
        reply.append("君は")
        reply.append("どう思うかね？")
        assert reply.source == ""
        reply.flush()
        await pilot.pause()
        assert "君はどう思うかね？" in shown(app)


async def test_a_reply_grows_on_the_screen_and_is_wrapped_anew_at_another_width() -> None:
    app = Page()
    async with app.run_test(size=(20, 10)) as pilot:
        reply = app.query_one(ReplyMarkdown)
        reply.append("君は正義という言葉を口にしたね。")
        await pilot.pause()
        assert reply.size.height == 2
        await pilot.resize_terminal(60, 10)
        await pilot.pause()
        assert reply.size.height == 1


async def test_what_the_mouse_selects_is_copied_without_the_breaks_of_the_screen() -> None:
    app = Page()
    async with app.run_test(size=(20, 10)) as pilot:
        reply = app.query_one(ReplyMarkdown)
        reply.update("- 友人を助けることが正義かね\n- 敵")
        await pilot.pause()
        assert reply.size.height == 3
        assert reply.get_selection(Selection(Offset(2, 0), None)) == ("友人を助けることが正義かね\n• 敵", "\n")
        meta = [segment.style.meta["offset"] for segment in reply.render_line(1) if segment.style is not None]
        assert meta[-1] == (10, 0)


async def test_what_a_growing_reply_shows_is_what_it_shows_at_once() -> None:
    grown, whole = Page(), Page()
    async with grown.run_test(size=(30, 30)) as pilot:
        reply = grown.query_one(ReplyMarkdown)
        for start in range(0, len(REPLY), 3):
            grow(reply, REPLY[start : start + 3])
            await pilot.pause()
        reply.update(REPLY)
        await pilot.pause()
        piece_by_piece = shown(grown)
    async with whole.run_test(size=(30, 30)) as pilot:
        whole.query_one(ReplyMarkdown).update(REPLY)
        await pilot.pause()
        assert shown(whole) == piece_by_piece
