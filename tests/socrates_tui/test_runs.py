"""Tests of the history of the trainings: in the registry, on the screen, on the command line."""

import shutil

import pytest

from adapters.registry import EVALUATION
from socrates_tui.curve import RUN
from socrates_tui.runs import course, duration, past_run, past_runs
from socrates_tui.screens.run import RunScreen
from socrates_tui.screens.runs import RunsScreen
from socrates_tui.widgets.loss_plot import LossPlot
from tests.adapters.manifests import publish
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.making_runs import REASON, trained
from tests.socrates_tui.scripted import STARTED, published, step
from tests.socrates_tui.stage import Stage, retrain, settled, shown, until


def test_the_runs_are_those_of_this_home_the_newest_first(stage: Stage) -> None:
    first = trained(stage.registry)
    publish(stage.registry, corpus={"examples": 9, "as_of": ""})
    second = trained(stage.registry, better=False, reason="It is worse.")
    stage.registry.activate(first)
    newest, oldest = past_runs(stage.registry)
    assert (newest.version, newest.judged, newest.reason, newest.active) == (
        second,
        "kept aside",
        "It is worse.",
        False,
    )
    assert (oldest.version, oldest.judged, oldest.reason, oldest.active) == (first, "passed", REASON, True)
    assert (oldest.held_out_before, oldest.held_out_after) == (3.0, 1.25)
    assert course(oldest) == ["3 examples", "preset quick", "2 epochs", "1 min 20 s", "on cpu"]


def test_a_version_that_tells_little_is_a_run_all_the_same(stage: Stage) -> None:
    run = past_run(stage.registry, stage.version(as_of="2026-01-01T00:00:00.000000+00:00"))
    assert (run.preset, run.epochs, run.seconds, run.passed, run.judged) == (None, None, None, None, "–")
    assert course(run) == ["40 examples"]
    assert run.evaluation() is None


@pytest.mark.parametrize(("seconds", "said"), [(44.6, "45 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (-1, "0 s")])
def test_a_duration_is_said_as_a_person_says_it(seconds: float, said: str) -> None:
    assert duration(seconds) == said


async def test_f12_lists_the_runs_and_why_each_was_kept(stage: Stage) -> None:
    stage.registry.activate(trained(stage.registry))
    trained(stage.registry, better=False, reason="It is worse.", title="Too much")
    async with stage.play((120, 30)) as (app, pilot):
        await pilot.press("f12")
        assert isinstance(app.screen, RunsScreen)
        for words in ("quick", "3.000", "1.250", "1 min 20 s", "kept aside", "passed", "Too much · It is worse."):
            assert words in shown(app)
        await pilot.press("down")
        await pilot.pause()
        assert REASON in shown(app)


async def test_without_a_run_it_is_said_how_to_begin_one(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f12")
        assert "There was no training yet: F5 begins one." in shown(app)
        await pilot.press("enter")
        assert isinstance(app.screen, RunsScreen)


async def test_a_run_is_shown_with_its_judgement_and_its_losses(stage: Stage) -> None:
    trained(stage.registry)
    async with stage.play((100, 50)) as (app, pilot):
        await pilot.press("f12", "enter")
        await settled(app, pilot)
        assert isinstance(app.screen, RunScreen)
        words = " ".join(shown(app).replace("│", " ").split())
        for told in (
            "3 examples · preset quick · 2 epochs · 1 min 20 s · on cpu",
            f"Passed. {REASON} It is not the active version: F3 lets it speak.",
            "held-out loss 3.000 1.250 (3.000 to 3.000) (1.250 to 1.250)",
            "ending in a question 6 6",
            "v0001 minus base: -1.750 on the same 6 held-out examples, between -2.000 and -1.500 at 95 %.",
        ):
            assert told in words
        assert app.screen.query(LossPlot)
        await pilot.press("escape")
        assert isinstance(app.screen, RunsScreen)


async def test_a_parent_that_is_not_the_base_has_a_column_of_its_own(stage: Stage) -> None:
    trained(stage.registry)
    trained(stage.registry, parent="v0001")
    async with stage.play((160, 50)) as (app, pilot):
        await pilot.press("f12", "enter")
        await settled(app, pilot)
        (head,) = (line for line in shown(app).splitlines() if "base" in line and "v0002" in line and "v0001" in line)
        assert head.index("base") < head.index("v0001") < head.index("v0002")


async def test_a_run_of_which_nothing_was_kept_says_so(stage: Stage) -> None:
    name = trained(stage.registry)
    for file in (EVALUATION, RUN):
        (stage.registry.directory / name / file).unlink()
    async with stage.play() as (app, pilot):
        await pilot.press("f12", "enter")
        await settled(app, pilot)
        assert "is not known" in shown(app)
        assert not app.screen.query(LossPlot)


async def test_the_palette_leads_to_the_runs(stage: Stage) -> None:
    trained(stage.registry)
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+p", *"runs")
        await until(pilot, lambda: "Show the trainings so far" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_the_key_does_nothing_in_another_dialog(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4", "f12")
        assert not isinstance(app.screen, RunsScreen)


async def test_after_a_training_the_same_key_shows_what_was_measured(stage: Stage) -> None:
    version = trained(stage.registry)
    stage.training.script = [STARTED, step(4, 1.5), published(version, activate=True)]
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "F12 shows what was measured." in shown(app))
        await settled(app, pilot)
        await pilot.press("f12")
        assert isinstance(app.screen, RunScreen)
        await pilot.press("escape", "escape", "f12")
        assert isinstance(app.screen, RunsScreen)


async def test_a_version_deleted_meanwhile_is_told_of(stage: Stage) -> None:
    version = trained(stage.registry)
    stage.training.script = [published(version, activate=False)]
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await settled(app, pilot)
        shutil.rmtree(stage.registry.directory / version)
        await pilot.press("f12")
        assert app.screen is app.chat
        assert "There is no version" in shown(app)


def test_the_command_lists_the_runs(stage: Stage) -> None:
    stage.registry.activate(trained(stage.registry))
    trained(stage.registry, better=False, reason="It is worse.")
    assert socrates("runs").out.splitlines() == [
        "  v0002  2026-01-01 00:00, 3 examples, preset quick, 2 epochs, 1 min 20 s, on cpu, "
        "held-out loss 3.000 -> 1.250, kept aside",
        "    It is worse.",
        "* v0001  2026-01-01 00:00, 3 examples, preset quick, 2 epochs, 1 min 20 s, on cpu, "
        "held-out loss 3.000 -> 1.250, passed",
        f"    {REASON}",
    ]
    told = socrates("runs", "--json").document["runs"]
    assert [run["version"] for run in told] == ["v0002", "v0001"]
    assert (told[1]["active"], told[1]["passed"], told[1]["seconds"]) == (True, True, 80.0)


def test_the_command_says_how_to_begin_where_there_is_none(stage: Stage) -> None:
    assert socrates("runs").out == "There was no training yet: `socrates train` begins one.\n"
    assert socrates("runs", "--json").document == {"runs": []}
