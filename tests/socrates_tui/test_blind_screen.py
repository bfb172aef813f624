"""Tests of setting two versions against each other without their names."""

import random

import pytest
from textual.pilot import Pilot

from corpus.picks import Tally
from socrates_errors import EngineError
from socrates_tui.app import SocratesApp
from socrates_tui.messages import PairFailed, PairFinished
from socrates_tui.screens.blind import BlindScreen
from socrates_tui.screens.other_version import OtherVersionScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.widgets.prompt import Prompt
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write
from tests.writer import another_program_writing


async def blind(app: SocratesApp, pilot: Pilot[None]) -> BlindScreen:
    """Set v0001, which speaks, against the base."""
    await pilot.press("f3", "b")
    await until(pilot, lambda: isinstance(app.screen, OtherVersionScreen))
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, BlindScreen))
    assert isinstance(app.screen, BlindScreen)
    return app.screen


async def ask(app: SocratesApp, pilot: Pilot[None], text: str) -> None:
    await write(pilot, text)
    await pilot.press("enter")
    await settled(app, pilot)


def tallies(stage: Stage) -> dict[tuple[str, str], Tally]:
    with stage.corpus() as corpus:
        return corpus.tallies("embedded")


def hint(screen: BlindScreen) -> str:
    return text_of(screen.query_one("#blind-hint"))


def titles(screen: BlindScreen) -> list[str]:
    return [str(screen.query_one(f"#blind-{side}").border_title) for side in ("left", "right")]


async def test_both_reply_without_names_one_is_picked_and_they_are_named(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.says("なぜかね？", "答えです。")
    async with stage.play() as (app, pilot):
        screen = await blind(app, pilot)
        await ask(app, pilot, "Hi")
        assert len(stage.told(PairFinished)) == 1
        assert "なぜかね？" in shown(app)
        assert "答えです。" in shown(app)
        assert titles(screen) == ["1", "2"]
        assert hint(screen) == "Which is the better reply?"
        await pilot.press("2")
        await settled(app, pilot)
        left, right = (call.version for call in stage.engine.history)
        assert titles(screen) == [f"1 · {left}", f"2 · {right} ✓"]
        assert stage.engine.version == "v0001"
        assert {left, right} == {"base", "v0001"}
        assert tallies(stage)[right, left] == Tally(won=1)
        assert hint(screen).startswith("v0001 was picked ")
    first, second = stage.engine.history
    assert first.messages == second.messages == [{"role": "user", "content": "Hi"}]
    assert first.sampling == second.sampling
    assert stage.registry.active == "v0001"


async def test_neither_is_picked_and_another_prompt_is_asked(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        screen = await blind(app, pilot)
        await ask(app, pilot, "Hi")
        await pilot.press("0")
        await settled(app, pilot)
        assert hint(screen) == "Of v0001 and base, 1 time neither was picked."
        await pilot.press("n")
        await ask(app, pilot, "Once more 10")
        assert titles(screen) == ["1", "2"]
        await pilot.press("1", "1")
        await settled(app, pilot)
    assert tallies(stage)["v0001", "base"].decided == 1


async def test_a_pick_is_taken_back(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        screen = await blind(app, pilot)
        await ask(app, pilot, "Hi")
        await pilot.press("1")
        await settled(app, pilot)
        await pilot.press("u")
        await settled(app, pilot)
        assert hint(screen) == "Taken back. "
    assert tallies(stage) == {}


async def test_the_last_prompt_of_the_conversation_is_asked_in_its_context(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
        stage.engine.history.clear()
        await blind(app, pilot)
        await pilot.press("ctrl+l")
        await settled(app, pilot)
        assert "Two" in shown(app)
        await pilot.press("1")
        await settled(app, pilot)
    asked = [message["content"] for message in stage.engine.history[0].messages]
    assert asked == ["One", "君はどう考えるかね？", "Two"]
    with stage.corpus() as corpus:
        assert [row[0] for row in corpus.db.execute("SELECT turn FROM picks")] == [2]


async def test_leaving_half_way_lets_the_version_speak_again_that_spoke(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.says("A long reply", "Another")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await blind(app, pilot)
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("escape")
        await settled(app, pilot)
        assert isinstance(app.screen, VersionsScreen)
        assert stage.engine.version == "v0001"
        stage.engine.hold_after = None
        await pilot.press("escape")
        await say(app, pilot, "Now")
    assert stage.engine.history[-1].version == "v0001"
    assert stage.told(PairFinished) == []
    assert tallies(stage) == {}


async def test_what_was_written_and_not_asked_is_there_again(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await blind(app, pilot)
        await write(pilot, "unsaid")
        await pilot.press("escape")
        await settled(app, pilot)
        assert "unsaid" in stage.drafts()
        await pilot.press("escape")
        screen = await blind(app, pilot)
        assert screen.query_one(Prompt).text == "unsaid"
        await pilot.press("enter")
        await settled(app, pilot)
        assert screen.state == "picking"
    assert "unsaid" not in stage.drafts()


async def test_what_is_written_to_both_is_on_disk_at_every_pause_and_on_leaving_the_app(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await blind(app, pilot)
        await write(pilot, "unsaid")
        await until(pilot, lambda: "unsaid" in stage.drafts())
        await write(pilot, "!")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert "unsaid!" in stage.drafts()


async def test_a_reply_under_way_ends_first_and_what_waits_comes_after(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.says("One two three", "left", "right", "Four")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await write(pilot, "Next")
        await pilot.press("enter")
        await blind(app, pilot)
        await write(pilot, "Both")
        await pilot.press("enter")
        await pilot.pause()
        assert len(stage.engine.history) == 1
        stage.engine.hold_after = None
        stage.engine.go_on.set()
        await until(pilot, lambda: len(stage.engine.history) == 4)
        await settled(app, pilot)
    asked = [call.messages[-1]["content"] for call in stage.engine.history]
    assert asked == ["Hi", "Both", "Both", "Next"]
    assert [stage.engine.history[number].version for number in (0, 3)] == ["v0001", "v0001"]


async def test_a_version_that_cannot_reply_is_said_and_the_old_one_speaks_on(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.engine.refused = {"base"}
    async with stage.play() as (app, pilot):
        screen = await blind(app, pilot)
        await ask(app, pilot, "Hi")
        assert len(stage.told(PairFailed)) == 1
        assert hint(screen) == "base does not fit this base: train it again."
        stage.engine.refused = set()
        stage.says(EngineError("The prompt is longer than the context: shorten it."))
        await pilot.press("enter")  # the prompt was given back
        await settled(app, pilot)
        assert hint(screen) == "The prompt is longer than the context: shorten it."
        await pilot.press("enter")
        await settled(app, pilot)
        assert screen.state == "picking"
        assert stage.engine.version == "v0001"


async def test_a_version_that_cannot_speak_again_leaves_the_other_speaking(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "sample", lambda names, count: sorted(names))
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await blind(app, pilot)
        stage.engine.refused = {"v0001"}
        await ask(app, pilot, "Hi")
        assert " base " in text_of(app.chat.status)
        assert notices(app)[-1].startswith("v0001 speaks no longer.")


async def test_whatever_fails_at_the_end_the_window_goes_on(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random, "sample", lambda names, count: sorted(names))
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await blind(app, pilot)

        def use(version: str) -> None:
            if version == "v0001":
                raise OSError(5, "Input/output error")
            stage.engine.version = version

        monkeypatch.setattr(stage.engine, "use", use)
        await ask(app, pilot, "Hi")
        assert notices(app)[-1].startswith("v0001 speaks no longer: ")
        await pilot.press("escape", "escape")
        await say(app, pilot, "Hi")
    assert stage.engine.history[-1].version == "base"


async def test_a_pick_that_cannot_be_stored_waits_to_be_picked_again(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        screen = await blind(app, pilot)
        await ask(app, pilot, "Hi")
        with another_program_writing(stage.home.database):
            await pilot.press("1")
            await settled(app, pilot)
            assert "writing" in hint(screen)
            assert titles(screen) == ["1", "2"]
        await pilot.press("1")
        await settled(app, pilot)
        assert screen.state == "picked"
    assert tallies(stage)["v0001", "base"].decided == 1


async def test_without_a_model_nobody_replies_and_that_is_said(stage: Stage) -> None:
    stage.version()
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await pilot.press("escape", "f3", "b", "enter")
        await until(pilot, lambda: notices(app))
        assert notices(app) == ["Without the model nobody replies: F9 loads it."]
        assert isinstance(app.screen, VersionsScreen)


async def test_the_win_rate_is_shown_among_the_versions(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play((120, 30)) as (app, pilot):
        await blind(app, pilot)
        await ask(app, pilot, "Hi")
        await pilot.press("1" if stage.engine.history[0].version == "v0001" else "2")
        await settled(app, pilot)
        await pilot.press("escape")
        await settled(app, pilot)
        assert "v0001 was picked 1 of 1 time over base (100%, between 21% and 100% at 95 %)" in shown(app)


async def test_leaving_the_app_while_both_reply_waits_for_nobody(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await blind(app, pilot)
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.leaving)
    assert app.return_code == 0
