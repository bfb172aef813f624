"""Tests of leaving: nothing that was said, written or asked is lost."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.socrates_tui.scripted import HOLD, STARTED
from tests.socrates_tui.stage import Stage, retrain, say, shown, until, write
from tests.terminal import Terminal


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


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGHUP])
async def test_the_end_that_the_system_demands_keeps_everything_like_that_of_the_user(
    stage: Stage, end: signal.Signals
) -> None:
    stage.says("What do you mean?")
    stage.engine.hold_after = 2
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await write(pilot, "Half a thought")
        os.kill(os.getpid(), end)
        await until(pilot, lambda: app._exit)
    assert app.return_code == 0
    (conversation,) = stage.corpus().conversations()
    assert [turn.reply for turn in stage.corpus().thread(conversation.id)] == ["What do"]
    assert "Half a thought" in stage.drafts()


LOADING = """
import sys, threading
from pathlib import Path
from socrates_tui import cli, compose
from tests.socrates_tui.stage import Stage
stage = Stage(Path(sys.argv[1]))
stage.load = lambda progress: threading.Event().wait()
compose.open_app = lambda *_: stage.app()
sys.argv[1:] = ["--home", sys.argv[1]]
cli.main()
"""


@pytest.mark.parametrize("end", ["ctrl+q", "SIGTERM"])
def test_leaving_waits_for_no_engine_that_loads_and_gives_the_terminal_back(own_home: Path, end: str) -> None:
    command = [sys.executable, "-c", LOADING, str(own_home)]
    with Terminal(command, os.environ | {"TERM": "xterm-256color"}) as terminal:
        terminal.wait_for("Loading the model")
        if end == "ctrl+q":
            terminal.press("\x11")
        else:
            terminal.process.terminate()
        assert terminal.wait_for_end() == 0
        assert b"\x1b[?1049l" in terminal.raw


IN_A_TERMINAL = """
import sys
from pathlib import Path
from threading import Event
from socrates_tui import cli, compose, terminal_driver
from tests.socrates_tui.scripted import ScriptedEngine
from tests.socrates_tui.stage import Stage

class FlowingEngine(ScriptedEngine):
    def reply(self, *asked):
        for item in super().reply(*asked):
            yield item
            Event().wait(0.01)

terminal_driver.LOOK_S = 2  # so that more is drawn meanwhile than Textual lets wait
stage = Stage(Path(sys.argv[1]), engine=FlowingEngine())
stage.says("なぜかね？" * 20_000)
compose.open_app = lambda *_: stage.app()
sys.argv[1:] = ["--home", sys.argv[1]]
cli.main()
"""


@pytest.mark.parametrize("speaking", [False, True], ids=["idle", "speaking"])
def test_the_app_ends_with_its_terminal_and_keeps_everything(own_home: Path, speaking: bool) -> None:
    command = [sys.executable, "-c", IN_A_TERMINAL, str(own_home)]
    with Terminal(command, os.environ | {"TERM": "xterm-256color"}) as terminal:
        terminal.wait_for("Ask, or answer")
        if speaking:
            terminal.press("Hi\r")
            terminal.wait_for("なぜかね？")
        terminal.press("Half a thought")
        terminal.wait_for("Half a thought")
        terminal.hang_up()
        assert terminal.process.wait(timeout=20) == 0
    left = Stage(own_home)
    assert "Half a thought" in left.drafts()
    with left.corpus() as corpus:
        replies = [turn for conversation in corpus.conversations() for turn in corpus.thread(conversation.id)]
    assert [turn.stopped_by for turn in replies] == (["user"] if speaking else [])
    assert all(turn.reply.startswith("なぜかね？なぜかね？") for turn in replies)
