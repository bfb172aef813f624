"""Tests of leaving: nothing that was said, written or asked is lost."""

from tests.socrates_tui.scripted import HOLD, STARTED
from tests.socrates_tui.stage import Stage, retrain, say, shown, until, write


async def test_a_reply_under_way_is_kept_as_stopped(stage: Stage) -> None:
    stage.says("What do you mean?")
    stage.engine.hold_after = 2
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    (conversation,) = stage.corpus().conversations()
    (turn,) = stage.corpus().thread(conversation.id)
    assert (turn.reply, turn.stopped_by) == ("What do", "user")


async def test_what_stands_in_the_prompt_is_there_again_at_the_next_start(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await write(pilot, "Half a thought")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    async with stage.play() as (app, _):
        assert app.chat.prompt.text == "Half a thought"


async def test_a_prompt_that_waited_in_vain_is_in_the_prompt_at_the_next_start(stage: Stage) -> None:
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await pilot.press("escape")
        await write(pilot, "Hello")
        await pilot.press("enter")
        await until(pilot, lambda: "waits for the engine" in shown(app))
    async with stage.play() as (app, _):
        assert app.chat.prompt.text == "Hello"


async def test_an_answered_prompt_is_not_there_again(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    async with stage.play() as (app, _):
        assert app.chat.prompt.text == ""


async def test_leaving_during_a_training_asks_and_cancels_it(stage: Stage) -> None:
    stage.training.script = [STARTED, HOLD]
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "12 examples, 2 held out" in shown(app))
        await pilot.press("ctrl+q")
        assert "Leave and cancel it?" in shown(app)
        await pilot.press("right", "enter")
        await pilot.pause()
        assert not stage.training.cancelled.is_set()
        await pilot.press("ctrl+q", "enter")
        await until(pilot, lambda: app._exit)
    assert stage.training.cancelled.is_set()
