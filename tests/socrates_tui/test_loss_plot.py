"""Tests of the plot of a run's losses, live beside the chat."""

import subprocess
import sys

import pytest
from textual.widgets import Sparkline

from tests.socrates_tui.scripted import EVALUATED, HOLD, STARTED, UNTRAINED, step
from tests.socrates_tui.stage import Stage, retrain, settled, shown, until

SCRIPT = [STARTED, UNTRAINED, *(step(number, 3.0 - number / 4) for number in range(1, 4)), EVALUATED, HOLD]


@pytest.mark.parametrize(
    ("size", "plotted"), [((60, 18), False), ((80, 24), False), ((120, 18), False), ((160, 50), True)]
)
async def test_losses_are_plotted_where_there_is_room_else_drawn_in_a_line(
    stage: Stage, size: tuple[int, int], *, plotted: bool
) -> None:
    stage.training.script = SCRIPT
    async with stage.play(size) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "step 3 of 4" in shown(app))
        assert ("─ smoothed   ● held-out" in shown(app)) is plotted
        assert (shown(app).count("●") > 1) is plotted
        assert "2.4 GB" in shown(app)
        assert app.chat.panel.query_one(Sparkline).data == [2.75, 2.5, 2.25]
        stage.training.cancel()
        await settled(app, pilot)


async def test_a_second_run_is_plotted_from_its_beginning(stage: Stage) -> None:
    stage.training.script = SCRIPT
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "step 3 of 4" in shown(app))
        stage.training.cancel()
        await settled(app, pilot)
        stage.training.cancelled.clear()
        stage.training.script = [STARTED, HOLD]
        await retrain(app, pilot)
        await until(pilot, lambda: "12 examples, 2 held out" in shown(app))
        assert "●" not in shown(app)
        stage.training.cancel()
        await settled(app, pilot)


async def test_after_the_last_epoch_it_is_told_that_the_version_is_being_judged(stage: Stage) -> None:
    stage.training.script = [STARTED, step(1, 3.0), EVALUATED | {"last": True}, HOLD]
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "Judging the new version" in shown(app))
        stage.training.cancel()
        await settled(app, pilot)


def test_plotext_is_not_imported_before_a_run() -> None:
    program = "import sys, socrates_tui.cli, socrates_tui.compose; print('plotext' in str(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


async def test_the_plot_can_be_drawn_in_every_theme(stage: Stage) -> None:
    stage.training.script = SCRIPT
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "step 3 of 4" in shown(app))
        for theme in app.available_themes:
            app.theme = theme
            await pilot.pause()
            assert shown(app).count("●") > 1, theme
        stage.training.cancel()
        await settled(app, pilot)
