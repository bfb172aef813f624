"""The stage for the tests of the screens."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from socrates_language import VARIABLE, use
from tests.socrates_tui.stage import Stage


@pytest.fixture
def stage(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """Give the app with a scripted engine, in a home of its own and in UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    yield Stage(own_home)
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def japanese(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the app speak Japanese."""
    monkeypatch.setenv(VARIABLE, "ja")
    use("ja")
    yield
    use("en")
