"""Tests of looking at the settings and changing them, in the app and by the command."""

import pytest
from textual.widgets import Input, Select, Static, TextArea

from socrates_tui.drafts import SYSTEM, Drafts
from socrates_tui.presets import MEANINGS
from socrates_tui.screens.settings import SettingsScreen
from socrates_tui.setting_text import LABELS, allowed, meaning
from socrates_tui.settings import Settings
from tests.socrates_tui.commanding import socrates
from tests.socrates_tui.stage import Stage, notices, say, shown, text_of, until


async def test_saved_settings_hold_for_the_next_reply_and_the_next_start(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one("#temperature", Input).value = "0"
        app.screen.query_one("#seed", Input).value = "5"
        app.screen.query_one("#system_prompt", TextArea).text = "Ask."
        await pilot.press("ctrl+s")
        await say(app, pilot, "Hi")
    call = stage.engine.history[0]
    assert (call.sampling.temperature, call.sampling.seed) == (0.0, 5)
    assert call.messages[0] == {"role": "system", "content": "Ask."}
    assert Settings.load(stage.home.config).sampling.seed == 5


async def test_every_setting_is_there_with_what_it_means(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        told = " ".join(text_of(line) for line in app.screen.query(Static))
        for key, label in LABELS.items():
            assert label in told
            assert meaning(key) in told


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("temperature", "9", "Temperature must be a number from 0 to 5; '9' is not."),
        ("top_k", "1.5", "Top k must be a whole number from 0 on; '1.5' is not."),
        ("top_p", "0", "Top p must be a number above 0 and up to 1; '0' is not."),
        ("top_p", "", "Top p must be a number above 0 and up to 1; it is empty."),
        ("repetition_penalty", "...", "Repetition penalty must be a number from 1 to 2; '...' is not."),
        ("max_new_tokens", "9999", "Longest reply must be a whole number from 1 to 8192; '9999' is not."),
        ("seed", "4294967296", "Seed must be a whole number from 0 to 4294967295, or empty; '4294967296' is not."),
        ("base", "gemma", "Base must be embedded, a hub id"),
    ],
)
async def test_what_is_not_allowed_is_told_and_not_saved(stage: Stage, key: str, text: str, sentence: str) -> None:
    async with stage.play((120, 30)) as (app, pilot):
        await pilot.press("f4")
        field = app.screen.query_one(f"#{key}", Input)
        field.value = text
        await pilot.press("ctrl+s")
        assert isinstance(app.screen, SettingsScreen)
        assert sentence in " ".join(shown(app).replace("│", " ").split())
        assert app.focused is field
        await pilot.press("escape")
    assert not stage.home.config.exists()


async def test_what_the_setting_in_focus_means_is_on_the_screen(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4", *["tab"] * 5)
        await until(pilot, lambda: "or empty." in shown(app))
        assert app.focused is app.screen.query_one("#seed")


async def test_preset_and_theme_are_chosen_from_what_there_is(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one("#preset", Select).value = "quick"
        await until(pilot, lambda: MEANINGS["quick"] in str(app.screen.query_one("#preset-meaning").render()))
        app.screen.query_one("#theme", Select).value = "nord"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.theme == "nord"
        await pilot.press("f5")
        assert stage.asked == [("quick", False)]
    settings = Settings.load(stage.home.config)
    assert (settings.preset, settings.theme) == ("quick", "nord")


async def test_another_base_is_said_to_hold_from_the_next_start_on(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one("#base", Input).value = "google/gemma-2-2b-jpn-it"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert notices(app) == ["google/gemma-2-2b-jpn-it is the base from the next start on."]
    assert Settings.load(stage.home.config).base == "google/gemma-2-2b-jpn-it"


async def test_a_directory_is_a_base_if_there_is_a_checkpoint_in_it(stage: Stage) -> None:
    directory = stage.directory / "gemma"
    directory.mkdir()
    assert socrates("settings", "set", "base", str(directory)).status == 1
    (directory / "config.json").touch()
    assert socrates("settings", "set", "base", str(directory)).status == 0


async def test_a_changed_system_text_survives_escape_as_a_draft(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one(TextArea).text = "問いで返せ。"
        await pilot.press("escape")
        await pilot.pause()
        assert notices(app) == ["The unfinished system text is kept as a draft: F4 opens it again."]
    assert not stage.home.config.exists()
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        area = app.screen.query_one(TextArea)
        assert (area.text, area.border_title) == ("問いで返せ。", "your draft, not saved yet")
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.parts.drafts.get(SYSTEM) is None
    assert Settings.load(stage.home.config).system_prompt == "問いで返せ。"


async def test_a_system_text_is_on_disk_at_every_pause_in_writing(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one(TextArea).text = "問いで返せ。"
        await until(pilot, lambda: "問いで返せ。" in stage.drafts())


async def test_leaving_the_app_keeps_a_system_text_under_way(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one(TextArea).text = "問え。"
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app._exit)
    assert "問え。" in stage.drafts()


async def test_a_system_text_that_was_emptied_and_saved_is_empty_the_next_time(stage: Stage) -> None:
    Drafts(stage.home.drafts).keep(SYSTEM, "An old draft.")
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one(TextArea).text = ""
        await pilot.press("ctrl+s")
        await pilot.press("f4")
        assert app.screen.query_one(TextArea).text == ""


async def test_what_cannot_be_saved_is_kept_as_a_draft(stage: Stage) -> None:
    stage.home.config.mkdir()
    async with stage.play() as (app, pilot):
        await pilot.press("f4")
        app.screen.query_one(TextArea).text = "問え。"
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "cannot be written" in notices(app)[0]
    assert "問え。" in stage.drafts()


async def test_an_unchanged_system_text_leaves_no_draft(stage: Stage) -> None:
    stage.settings = Settings(system_prompt="Ask.")
    async with stage.play() as (app, pilot):
        await pilot.press("f4", "escape")
        await pilot.pause()
        assert notices(app) == []
    assert stage.drafts() == ""


async def test_another_theme_is_kept(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        app.theme = "textual-light"
        await pilot.pause()
    assert Settings.load(stage.home.config).theme == "textual-light"


def test_the_command_lists_every_setting_and_what_it_means(stage: Stage) -> None:
    told = socrates("settings").out
    assert "sampling.temperature = 0.8\n    How freely words are drawn" in told
    assert "preset = default\n" in told
    assert all(f"{key} = " in told for key in LABELS)
    assert socrates("settings", "--json").document["sampling"]["top_k"] == 64


def test_the_command_sets_one_and_refuses_what_is_not_allowed(stage: Stage) -> None:
    assert socrates("settings", "set", "sampling.seed", "7").out == "sampling.seed = 7\n"
    assert socrates("settings", "set", "sampling.seed", "", "--json").document["sampling"]["seed"] is None
    outcome = socrates("settings", "set", "preset", "best")
    assert (outcome.status, outcome.err) == (1, "Preset must be one of default, quick, seed; 'best' is not.\n")
    assert socrates("settings", "set", "colour", "red").err == "colour is no setting: `socrates settings` lists them.\n"
    assert Settings.load(stage.home.config) == Settings()


def test_what_is_allowed_can_be_said_of_every_setting() -> None:
    assert all(allowed(key) for key in LABELS)
