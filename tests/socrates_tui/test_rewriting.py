"""Tests of the editor in which a reply becomes what it should have been."""

from dataclasses import dataclass

from textual.widgets import OptionList, Static

from socrates_tui.screens.proposals import ProposalsScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.widgets.plain_area import PlainArea
from socrates_tui.widgets.style_meter import StyleMeter
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until


@dataclass(frozen=True)
class Style:
    score: float
    advice: str


async def test_saving_and_going_on_opens_the_next_reply_that_nobody_reviewed(stage: Stage) -> None:
    stage.says("First", "Second", "Third")
    async with stage.play() as (app, pilot):
        for prompt in ("One", "Two", "Three"):
            await say(app, pilot, prompt)
        await pilot.press("up", "up", "up", "a", "down", "e", "!", "ctrl+down")
        await until(pilot, lambda: "Three" in shown(app) and isinstance(app.screen, RewriteScreen))
        assert app.screen.query_one(PlainArea).text == "Third"
        assert [turn.text for turn in app.chat.turns] == ["First", "Second!", "Third"]
        await pilot.press("ctrl+down")  # unchanged, so it is left as it is
        await until(pilot, lambda: app.screen is app.chat)
        assert notices(app)[-1] == "No other reply of this conversation is left to review."
        assert [turn.verdict for turn in app.chat.turns] == ["approved", "rewritten", "unreviewed"]


async def test_a_proposal_is_shown_as_a_difference_and_made_only_when_chosen(stage: Stage) -> None:
    stage.says("正義とは善いことです。君はどう思いますか？")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("ctrl+e", "f2")
        assert isinstance(app.screen, ProposalsScreen)
        await pilot.press("down")
        await pilot.pause()
        assert app.screen.query_one(OptionList).highlighted == 1
        assert text_of(app.screen.query_one("#proposed", Static)) == "正義とは善いことです。君はどう思いますか？"
        await pilot.press("escape")
        assert app.screen.query_one(PlainArea).text == "正義とは善いことです。君はどう思いますか？"
        await pilot.press("f2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        assert app.screen.query_one(PlainArea).text == "正義とは善いことです。君はどう思うかね？"
        await pilot.press("ctrl+z")
        assert app.screen.query_one(PlainArea).text == "正義とは善いことです。君はどう思いますか？"
        await pilot.press("escape")


async def test_where_nothing_can_be_proposed_the_user_is_told(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("ctrl+e", "f2")
        assert isinstance(app.screen, RewriteScreen)
        assert notices(app)[-1].startswith("There is nothing to propose")
        await pilot.press("escape")


async def test_the_meter_shows_score_and_advice_of_what_is_written(stage: Stage) -> None:
    asked: list[tuple[str, str]] = []

    def measure(prompt: str, reply: str) -> Style:
        asked.append((prompt, reply))
        return Style(72.4, "Ask one question.")

    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        app.chat.measure = measure
        await pilot.press("ctrl+e", "!")
        await until(pilot, lambda: len(asked) >= 2)
        await settled(app, pilot)
        assert asked[-1] == ("One", "君はどう考えるかね？!")
        assert text_of(app.screen.query_one(StyleMeter)) == "Style ███████░░░ 72  Ask one question."
        await pilot.press("escape")


async def test_without_a_measure_there_is_no_meter(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        app.chat.measure = None
        await say(app, pilot, "One")
        await pilot.press("ctrl+e")
        assert not app.screen.query(StyleMeter)
        await pilot.press("escape")


async def test_the_original_stands_left_of_the_editor_where_there_is_room_and_below_it_elsewhere(stage: Stage) -> None:
    async with stage.play((120, 30)) as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("ctrl+e")
        await pilot.pause()
        original, editor = app.screen.query_one("#rewrite-original"), app.screen.query_one("#rewrite-editor")
        assert original.region.right <= editor.region.x
        assert original.region.y == editor.region.y
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: original.region.x == editor.region.x)
        assert original.region.y >= editor.region.bottom
        await pilot.press("escape")
