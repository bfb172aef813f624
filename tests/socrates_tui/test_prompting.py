"""Tests of what is put into the prompt by a key: earlier prompts, and a turn's prompt to be asked otherwise."""

import pytest

from socrates_errors import EngineError
from socrates_tui.messages import ReplyFailed
from socrates_tui.widgets.prompt import Prompt
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write


async def test_ctrl_up_and_down_go_through_earlier_prompts_and_back_to_what_was_being_written(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        for prompt in ("One", "Two", "Two"):
            await say(app, pilot, prompt)
        await write(pilot, "Th")
        seen = []
        for key in ("ctrl+up", "ctrl+up", "ctrl+up", "ctrl+down", "ctrl+down", "ctrl+down"):
            await pilot.press(key)
            seen.append(app.chat.prompt.text)
        assert seen == ["Two", "One", "One", "Two", "Th", "Th"]


async def test_an_earlier_prompt_that_was_changed_is_not_lost(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("ctrl+up", "x", "ctrl+up", "ctrl+down")
        assert app.chat.prompt.text == "Onex"


async def test_a_turn_is_asked_otherwise_beside_it_and_the_arrows_lead_back(stage: Stage) -> None:
    stage.says("First?", "Second?", "Other?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
        await write(pilot, "kept")
        await pilot.press("up", "up", "o")
        assert app.chat.prompt.text == "One"
        assert "In the place of that prompt" in shown(app)
        await say(app, pilot, " more")
        assert [message.text for message in stage.told(Prompt.Sent)][-1] == "One more"  # type: ignore[attr-defined]
        assert [turn.prompt for turn in app.chat.turns] == ["One more"]
        assert "‹ 2 of 2 ›" in shown(app)
        assert app.chat.prompt.text == "kept"
        await pilot.press("up", "left")
        await until(pilot, lambda: [turn.prompt for turn in app.chat.turns] == ["One", "Two"])
    assert [message["content"] for message in stage.engine.history[-1].messages] == ["One more"]


async def test_while_a_turn_is_asked_otherwise_what_followed_on_it_is_not_shown(stage: Stage) -> None:
    stage.says("First?", "Second?", "Other?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
        stage.engine.hold_after = 0
        await pilot.press("up", "up", "o", "!", "enter")
        await until(pilot, stage.engine.held.is_set)
        await until(pilot, lambda: "One!" in shown(app))
        assert "Second?" not in shown(app)
        await pilot.press("escape")
        await settled(app, pilot)
        assert "Second?" in shown(app)
        assert app.chat.prompt.text == "One!"
        stage.engine.hold_after = None
        await pilot.press("enter")
        await settled(app, pilot)
        assert [turn.prompt for turn in app.chat.turns] == ["One!"]


async def test_escape_leaves_a_turn_as_it_is_and_puts_back_what_was_written(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await write(pilot, "kept")
        await pilot.press("up", "o", "x", "escape")
        assert app.chat.prompt.text == "kept"
        assert "In the place of" not in shown(app)
        await pilot.press("ctrl+up")
        assert app.chat.prompt.text == "Onex"
        await pilot.press("ctrl+down")
        await say(app, pilot, "!")
        assert [turn.prompt for turn in app.chat.turns] == ["One", "kept!"]


async def test_the_prompt_of_a_turn_is_no_draft_until_it_is_changed(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await write(pilot, "kept")
        await pilot.press("up", "o")
        app.chat.keep_drafts()
        assert "One" not in stage.drafts()
        assert "kept" in stage.drafts()
        await pilot.press("x", "ctrl+q")
        await until(pilot, lambda: app._exit)
    async with stage.play() as (app, _):
        assert app.chat.prompt.text == "kept\n\nOnex"


async def test_the_prompt_is_on_disk_at_every_pause_in_writing(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await write(pilot, "Half")
        await until(pilot, lambda: "Half" in stage.drafts())
        await write(pilot, "way")
        await until(pilot, lambda: "Halfway" in stage.drafts())
        app.chat.prompt.clear()
        await until(pilot, lambda: "Half" not in stage.drafts())


async def test_a_reply_is_copied_with_a_notice(stage: Stage) -> None:
    stage.says("君は**どう**思うかね？")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("up", "y")
        assert app.clipboard == "君は**どう**思うかね？"
        assert notices(app) == ["Copied 13 characters."]


async def test_the_context_of_imported_turns_is_estimated(stage: Stage) -> None:
    with stage.corpus() as corpus:
        corpus.add_turn(corpus.create_conversation().id, parent=None, prompt="x" * 400, reply="徳" * 300)
    async with stage.play() as (app, _):
        assert "context ~300/32,768" in text_of(app.chat.status)


@pytest.mark.parametrize("error", [EngineError("The memory is full: close something."), RuntimeError("boom")])
async def test_what_was_said_before_the_engine_failed_is_kept_with_the_reason(stage: Stage, error: Exception) -> None:
    stage.says("What do you mean?")
    stage.engine.fail_after = (2, error)
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert len(stage.told(ReplyFailed)) == 1
        assert notices(app)[0].endswith("What was said until then is kept.")
        assert "broke off" in shown(app)
        assert app.chat.prompt.text == ""
        (turn,) = app.chat.turns
        assert (turn.prompt, turn.reply, turn.stopped_by, turn.version) == ("Hi", "What do", "failed", "base")
        await say(app, pilot, "And?")
        assert len(app.chat.turns) == 2
