"""Tests of how the user is called when a long training ends."""

import pytest

from socrates_tui.desktop import notification
from socrates_tui.widgets import training_panel
from tests.socrates_tui.scripted import HOLD, STARTED, ScriptedTraining
from tests.socrates_tui.stage import Stage, notices, retrain, settled

FAILED = {"event": "failed", "reason": "Memory ran out.", "cancelled": False}


@pytest.mark.parametrize(("long_s", "called"), [(0.0, True), (3600.0, False)], ids=["long", "short"])
async def test_only_a_long_training_rings_the_bell_when_it_ends(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, long_s: float, called: bool
) -> None:
    monkeypatch.setattr(training_panel, "LONG_S", long_s)
    stage.training = ScriptedTraining([STARTED, FAILED])
    async with stage.play() as (app, pilot):
        rung: list[bool] = []
        monkeypatch.setattr(app, "bell", lambda: rung.append(True))
        await retrain(app, pilot)
        await settled(app, pilot)
        assert bool(rung) is called
        assert ("Memory ran out." in notices(app)) is called


@pytest.mark.parametrize("focused", [True, False])
async def test_the_desktop_is_told_while_the_window_is_not_looked_at(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, *, focused: bool
) -> None:
    monkeypatch.setattr(training_panel, "LONG_S", 0.0)
    monkeypatch.setenv("TERM_PROGRAM", "WezTerm")
    stage.training = ScriptedTraining([STARTED, HOLD, FAILED])
    async with stage.play() as (app, pilot):
        written: list[str] = []
        assert app._driver is not None
        monkeypatch.setattr(app._driver, "write", written.append)
        await retrain(app, pilot)
        app.app_focus = focused
        stage.training.go_on.set()
        await settled(app, pilot)
        assert any("Memory ran out." in text for text in written) is not focused


def test_only_a_terminal_that_knows_how_is_asked_for_a_notification() -> None:
    assert notification("v0001 is trained.", {"TERM_PROGRAM": "WezTerm"}) == "\x1b]9;v0001 is trained.\x1b\\"
    assert notification("v0001 is trained.", {"TERM": "xterm-kitty"})
    assert notification("v0001 is trained.", {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}) == ""


def test_no_text_can_command_the_terminal() -> None:
    told = notification("a\x1b]0;b\x07\nc", {"TERM": "foot"})
    assert told == "\x1b]9;a␛]0;b␇ c\x1b\\"
