"""Tests of what is shown before a training: the figures, their turns, the check, the presets, the answers."""

from threading import Event

import pytest
from textual.widgets import Button

from corpus.quality import Finding, Report
from socrates_errors import TrainingError
from socrates_tui.messages import CheckFinished, PreflightFinished, TrainingProgressed
from socrates_tui.retraining import Preflight
from socrates_tui.screens.preflight import PreflightScreen
from socrates_tui.screens.turns import MOST, TurnsScreen
from socrates_tui.widgets.rows import Rows
from socrates_tui.widgets.turn_view import TurnView
from tests.socrates_tui.scripted import STARTED, ScriptedTraining
from tests.socrates_tui.stage import Stage, retrain, settled, shown, until


def teach(stage: Stage, *prompts: str) -> list[int]:
    """Rewrite the replies to ``prompts``, in one conversation; return the turns."""
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation()
        turns: list[int] = []
        for prompt in prompts:
            parent = turns[-1] if turns else None
            turn = corpus.add_turn(conversation.id, parent=parent, prompt=prompt, reply="法です。")
            corpus.rewrite(turn.id, f"{prompt} 君はどう考えるかね？")
            turns.append(turn.id)
        corpus.create_conversation()
        return turns


def row(text: str, name: str) -> str:
    """Return the line of the screen that tells the figure called ``name``."""
    (line,) = (line for line in text.splitlines() if name in line)
    return line


async def test_f5_shows_what_a_training_would_be_made_of_a_figure_a_row(stage: Stage) -> None:
    stage.training.figures = {"tokens": 1204, "memory_bytes": 1_400_000_000, "cut": [1]}
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert isinstance(app.screen, PreflightScreen)
        assert len(stage.told(PreflightFinished)) == 1
        figures = {"Examples": "12", "New": "3", "Held out": "2", "Tokens": "1,204", "Time": "about 2 min"}
        for name, value in (figures | {"Memory": "1.4 GB", "Too long": "0", "Context cut": "1"}).items():
            assert value in row(shown(app), f"{name}  ")
        assert "nothing found" in row(shown(app), "Check")
        await pilot.press("escape")
        assert not app.chat.panel.running


async def test_the_figures_appear_when_they_are_known_and_only_then_it_can_be_started(stage: Stage) -> None:
    class Slow(ScriptedTraining):
        def preflight(self) -> Preflight:
            self.go_on.wait(5)
            return super().preflight()

    stage.training = Slow([STARTED])
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        assert "Counting the examples" in shown(app)
        assert isinstance(app.screen, PreflightScreen)
        stage.training.go_on.set()
        await until(pilot, lambda: "Examples" in shown(app))
        assert not app.chat.panel.running


async def test_the_focus_stays_where_the_user_took_it_while_the_figures_were_counted(stage: Stage) -> None:
    class Slow(ScriptedTraining):
        def preflight(self) -> Preflight:
            self.go_on.wait(5)
            return super().preflight()

    stage.training = Slow([STARTED])
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "up")
        stage.training.go_on.set()
        await until(pilot, lambda: "Examples" in shown(app))
        assert isinstance(app.focused, Rows)


async def test_the_check_is_waited_for_by_nobody(stage: Stage) -> None:
    checked = Event()

    class Slow(ScriptedTraining):
        def check(self) -> Report:
            checked.wait(5)
            return super().check()

    stage.training = Slow([STARTED])
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: stage.told(TrainingProgressed))
        checked.set()
        await settled(app, pilot)


async def test_a_check_that_fails_says_so_and_hinders_nothing(stage: Stage) -> None:
    class Broken(ScriptedTraining):
        def check(self) -> Report:
            raise ValueError("no")

    stage.training = Broken()
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await until(pilot, lambda: stage.told(CheckFinished))
        assert "failed" in row(shown(app), "Check")
        assert not app.screen.query_one("#train", Button).disabled


async def test_the_turns_of_a_figure_can_be_read_and_gone_to(stage: Stage) -> None:
    turns = teach(stage, *(f"問い {number}" for number in range(30)))
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("up", "ctrl+home", "down", "enter")
        assert isinstance(app.screen, TurnsScreen)
        assert "問い 29 君はどう考えるかね？" in shown(app)
        await pilot.press("ctrl+end", "enter")
        await until(pilot, lambda: isinstance(app.focused, TurnView))
        assert isinstance(app.focused, TurnView)
        assert app.focused.turn is not None
        assert app.focused.turn.id == turns[0]
        assert not app.chat.panel.running


async def test_leaving_the_turns_leads_back_to_the_figures(stage: Stage) -> None:
    teach(stage, "正義とは")
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("up", "ctrl+home", "down", "enter", "escape")
        assert isinstance(app.screen, PreflightScreen)


async def test_no_more_turns_are_listed_than_anybody_reads_and_the_number_of_all_is_told(stage: Stage) -> None:
    teach(stage, *map(str, range(MOST + 5)))
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("up", "ctrl+home", "down", "enter")
        assert app.screen.query_one(Rows).row_count == MOST
        assert f"{MOST} of {MOST + 5}" in shown(app)


async def test_what_the_check_found_is_told_with_its_turns_and_what_to_do(stage: Stage) -> None:
    turns = teach(stage, "正義とは", "勇気とは")
    found = Finding("contradiction", tuple(turns), "Both answer the same prompt.", "Keep the one that you mean.")
    stage.training.findings = [found]
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert "1  ›" in row(shown(app), "Contradictions")
        await pilot.press("up", "ctrl+end", "enter")
        assert "Both answer the same prompt. Keep the one that you mean." in shown(app)
        assert "勇気とは" in shown(app)


async def test_a_turn_that_another_program_took_away_is_not_listed(stage: Stage) -> None:
    turns = teach(stage, "正義とは")
    stage.training.figures = {"too_long": [999, turns[0]]}
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("up", "ctrl+home", *["down"] * 7, "enter")
        assert "1 of 2" in shown(app)


async def test_another_preset_is_counted_anew_and_trained_by(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("p")
        await settled(app, pilot)
        assert "quick" in row(shown(app), "Preset      ")
        assert app.focused is not None
        assert app.focused.id == "train", "the user is left where he was"
        await pilot.press("enter")
        await settled(app, pilot)
    assert stage.asked == [("default", False), ("quick", False), ("quick", False)]


async def test_what_a_preset_means_is_told_on_its_row(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        await pilot.press("up", "ctrl+home", "enter")
        await settled(app, pilot)
        assert "begins from the active version" in shown(app)
        await pilot.press("enter")
        await settled(app, pilot)
        assert "notebook" in shown(app)


async def test_without_anything_new_one_can_train_all_the_same(stage: Stage) -> None:
    stage.training = ScriptedTraining([STARTED], ready=False, sentence="Nothing is new.")
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert "Nothing is new since the last training" in shown(app)
        assert "Train all the same" in shown(app)
        await pilot.press("enter")
        await settled(app, pilot)
        assert stage.told(TrainingProgressed)
    assert stage.asked[-1] == ("default", True)


async def test_with_nothing_to_learn_there_is_nothing_to_start(stage: Stage) -> None:
    sentence = "There is nothing to train on yet: approve a reply first."
    stage.training = ScriptedTraining(ready=False, sentence=sentence, figures={"examples": 0})
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert sentence in shown(app)
        await pilot.press("enter")
        await settled(app, pilot)
        assert app.screen is app.chat
        assert stage.told(TrainingProgressed) == []


async def test_that_the_last_training_was_ended_early_is_told(stage: Stage) -> None:
    stage.training.figures = {"unfinished": True}
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert "nothing of it was kept" in shown(app)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TrainingError("A training is under way in this home."), "A training is under way in this home."),
        (ValueError("odd"), "The corpus cannot be read: ValueError: odd."),
    ],
)
async def test_why_nothing_can_be_counted_is_told(stage: Stage, error: Exception, told: str) -> None:
    class Failing(ScriptedTraining):
        def preflight(self) -> Preflight:
            raise error

    stage.training = Failing()
    async with stage.play() as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        assert told in shown(app)
        await pilot.press("enter")
        assert app.screen is app.chat
        assert app.check_action("retrain", ())


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (160, 50)])
async def test_the_answers_are_on_the_screen_at_every_size(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.play(size) as (app, pilot):
        await pilot.press("f5")
        await settled(app, pilot)
        for words in ("Train", "Not now", "Examples", "Close"):
            assert words in shown(app)
