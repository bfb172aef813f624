"""Tests of setting sampling, seed, system text and theme."""

from textual.widgets import Input, TextArea

from socrates_tui.screens.sampling import SamplingScreen
from socrates_tui.settings import Settings
from tests.socrates_tui.stage import Stage, say, shown


async def test_saved_settings_hold_for_the_next_reply_and_the_next_start(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one("#temperature", Input).value = "0"
        app.screen.query_one("#seed", Input).value = "5"
        app.screen.query_one("#system", TextArea).text = "Ask."
        await pilot.press("ctrl+s")
        await say(app, pilot, "Hi")
    call = stage.engine.history[0]
    assert (call.sampling.temperature, call.sampling.seed) == (0.0, 5)
    assert call.messages[0] == {"role": "system", "content": "Ask."}
    assert Settings.load(stage.home.config).sampling.seed == 5


async def test_a_setting_out_of_range_is_told_and_nothing_is_saved(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one("#top_p", Input).value = "7"
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, SamplingScreen)
        assert "top_p" in shown(app)
        app.screen.query_one("#top_p", Input).value = ""
        await pilot.press("enter")
        assert "Top p needs a number." in shown(app)
        await pilot.press("escape")
    assert not stage.home.config.exists()


async def test_another_theme_is_kept(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        app.theme = "textual-light"
        await pilot.pause()
    assert Settings.load(stage.home.config).theme == "textual-light"
