"""Tests of Gemma's terms and of loading the engine."""

from threading import Event

from textual import events
from textual.widgets import Button

from adapters.api import Engine, Progress
from socrates_errors import BaseUnavailableError
from socrates_tui.messages import EngineFailed, EngineLoaded, EngineProgressed
from socrates_tui.screens.terms import TermsScreen
from tests.socrates_tui.scripted import ScriptedEngine
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, until, write


async def test_a_prompt_written_while_the_engine_loads_waits_and_is_answered_when_it_is_there(stage: Stage) -> None:
    go_on = Event()

    def load(progress: Progress) -> Engine:
        progress("Converting the embedded Gemma, once", 0.25)
        go_on.wait(5)
        return stage.engine

    stage.load = load
    app = stage.app()
    async with app.run_test() as pilot:
        await until(pilot, lambda: "Converting the embedded Gemma, once" in shown(app))
        assert "25%" in shown(app)
        await write(pilot, "Hello")
        await pilot.press("enter")
        await until(pilot, lambda: "waits for the engine" in shown(app))
        assert stage.engine.history == []
        go_on.set()
        await until(pilot, lambda: stage.engine.history)
        await settled(app, pilot)
        assert "Converting" not in shown(app)
        assert "君はどう考えるかね？" in shown(app)


async def test_loading_tells_its_progress_and_its_end(stage: Stage) -> None:
    def load(progress: Progress) -> Engine:
        progress("Loading", None)
        return stage.engine

    stage.load = load
    async with stage.play():
        assert [message.text for message in stage.told(EngineProgressed)] == ["Loading"]  # type: ignore[attr-defined]
        assert len(stage.told(EngineLoaded)) == 1


async def test_a_waiting_prompt_can_be_taken_back(stage: Stage) -> None:
    stage.terms_accepted = False
    app = stage.app()
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, TermsScreen))
        await pilot.press("escape")
        await write(pilot, "Hello")
        await pilot.press("enter")
        await until(pilot, lambda: "waits for the engine" in shown(app))
        await pilot.press("escape")
        await until(pilot, lambda: not app.chat.transcript.views)
        assert app.chat.prompt.text == "Hello"


async def test_the_terms_are_asked_before_the_model_is_loaded_and_kept_when_accepted(stage: Stage) -> None:
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, TermsScreen))
        assert "Gemma" in shown(app)
        assert stage.told(EngineLoaded) == []
        await pilot.press("left", "enter")
        await until(pilot, lambda: stage.told(EngineLoaded))
        assert stage.accepted == [True]
        await say(app, pilot, "Hi")
        assert len(stage.engine.history) == 1


async def test_without_the_terms_nothing_is_loaded_and_f9_asks_again(stage: Stage) -> None:
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await until(pilot, lambda: isinstance(app.screen, TermsScreen))
        await pilot.press("enter")
        await until(pilot, lambda: "not accepted" in shown(app))
        assert stage.accepted == []
        await pilot.press("f5")
        assert isinstance(app.screen, TermsScreen)
        await pilot.press("escape", "f9")
        assert isinstance(app.screen, TermsScreen)
        await pilot.press("left", "enter")
        await until(pilot, lambda: stage.told(EngineLoaded))


async def test_why_there_is_no_engine_stands_in_the_window_and_teaching_still_works(stage: Stage) -> None:
    with stage.corpus() as corpus:
        corpus.add_turn(corpus.create_conversation().id, parent=None, prompt="Hi", reply="I know.")
    attempts = []

    def load(progress: Progress) -> Engine:
        attempts.append(1)
        if len(attempts) == 1:
            raise BaseUnavailableError("There is no network: run `socrates` once with it.")
        return ScriptedEngine()

    stage.load = load
    async with stage.play() as (app, pilot):
        assert len(stage.told(EngineFailed)) == 1
        assert "There is no network: run `socrates` once with it. F9 tries again" in shown(app)
        await pilot.press("up", "a")
        await settled(app, pilot)
        assert "✓ approved" in shown(app)
        await pilot.press("f9")
        await until(pilot, lambda: stage.told(EngineLoaded))
        assert "There is no network" not in shown(app)


async def test_an_unforeseen_failure_to_load_is_told_in_one_line(stage: Stage) -> None:
    def load(progress: Progress) -> Engine:
        raise RuntimeError("first line\nsecond line")

    stage.load = load
    async with stage.play() as (app, _):
        assert "RuntimeError: first line" in shown(app)
        assert "second line" not in shown(app)
        assert notices(app) == []


async def test_a_key_typed_before_the_terms_are_on_the_screen_accepts_nothing(stage: Stage) -> None:
    stage.terms_accepted = False
    app = stage.app()
    async with app.run_test(size=(60, 18)) as pilot:
        for _ in range(20):
            app.post_message(events.Key("enter", "\r"))
            await pilot.pause()
        await settled(app, pilot)
        assert stage.accepted == []
        await pilot.press("f9")
        await until(pilot, lambda: app.focused is not None and app.focused.id == "no")
        for button in app.screen.query(Button):
            assert app.screen.region.contains_region(button.region)
        assert "I accept" in shown(app)
        assert "Not now" in shown(app)
        await pilot.press("escape")
