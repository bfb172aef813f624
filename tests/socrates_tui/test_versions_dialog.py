"""Tests of choosing which version speaks."""

from socrates_tui.messages import SwapRefused, VersionSwapped
from socrates_tui.screens.versions import VersionsScreen
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write


async def test_every_version_and_the_base_are_listed_with_their_figures(stage: Stage) -> None:
    stage.version(title="First try")
    stage.version(parent="v0001", base="google/gemma-3-1b-it")
    async with stage.play((160, 50)) as (app, pilot):
        await pilot.press("f3")
        rows = [line for line in shown(app).splitlines() if "v000" in line or "without an adapter" in line]
        assert [row.split("│")[1].split() for row in rows] == [
            ["v0002", "(google/gemma-3-1b-it)", "v0001", "40", "1.234", "2026-01-05"],
            ["v0001", "First", "try", "base", "40", "1.234", "2026-01-05"],
            ["●", "active", "base", "without", "an", "adapter", "–", "–", "–", "–"],
        ]


async def test_enter_lets_a_version_speak_from_the_next_reply_on_and_back_again(stage: Stage) -> None:
    stage.version()
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "up", "enter")
        await until(pilot, lambda: stage.told(VersionSwapped))
        assert stage.registry.active == "v0001"
        await say(app, pilot, "Hi")
        assert "v0001  not reviewed" in shown(app)
        await pilot.press("f3", "down", "enter")
        await until(pilot, lambda: len(stage.told(VersionSwapped)) == 2)
        await say(app, pilot, "Hi")
    assert stage.registry.active == "base"
    assert [call.version for call in stage.engine.history] == ["v0001", "base"]


async def test_a_switch_asked_for_during_a_reply_waits_for_its_end_and_comes_before_the_next(stage: Stage) -> None:
    stage.version()
    stage.says("One two three", "Four")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await write(pilot, "Next")
        await pilot.press("enter", "f3", "up", "enter")
        await pilot.pause()
        assert notices(app) == ["v0001 speaks after this reply."]
        assert stage.told(VersionSwapped) == []
        assert " base " in text_of(app.chat.status)
        stage.engine.go_on.set()
        await until(pilot, lambda: len(stage.engine.history) == 2)
        await settled(app, pilot)
    assert [call.version for call in stage.engine.history] == ["base", "v0001"]


async def test_a_version_that_cannot_be_swapped_in_is_refused_and_the_old_one_goes_on(stage: Stage) -> None:
    stage.engine.refused = {stage.version()}
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "up", "enter")
        await until(pilot, lambda: stage.told(SwapRefused))
        assert notices(app) == ["v0001 does not speak. v0001 does not fit this base: train it again."]
        await say(app, pilot, "Hi")
        assert "base  not reviewed" in shown(app)
    assert stage.registry.active == "base"


async def test_the_active_version_is_swapped_in_at_the_start(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert " v0001 " in text_of(app.chat.status)
    assert [call.version for call in stage.engine.history] == ["v0001"]


async def test_without_an_engine_the_choice_is_kept_for_when_there_is_one(stage: Stage) -> None:
    stage.version()
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await pilot.press("escape", "f3")
        assert isinstance(app.screen, VersionsScreen)
        await pilot.press("up", "enter")
        await pilot.pause()
        assert " v0001 " in text_of(app.chat.status)
    assert stage.registry.active == "v0001"
