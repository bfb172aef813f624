import pytest

from adapters.registry import Registry, Version
from socrates_tui.app import SocratesApp
from socrates_tui.settings import Settings
from socrates_tui.widgets.tour import STEPS, Tour
from tests.socrates_tui.stage import Stage, say, settled, shown, until


def step(app: SocratesApp) -> int | None:
    return app.chat.query_one(Tour).step


async def test_each_step_follows_on_what_was_done_and_the_tour_ends_with_the_versions(stage: Stage) -> None:
    stage.settings = Settings()
    stage.says("徳とは善い行いです。")
    async with stage.play() as (app, pilot):
        assert STEPS[0] in shown(app).replace("\n", " ")
        await pilot.press(*"What is virtue?", "enter")
        await until(pilot, lambda: step(app) == 1)
        await pilot.press("ctrl+e", "!", "ctrl+s")
        await until(pilot, lambda: step(app) == 2)
        app.use(stage.version(as_of="2026-01-05T09:30:00.000000+00:00"))
        await until(pilot, lambda: step(app) == 3)
        await pilot.press("f3")
        await settled(app, pilot)
        assert step(app) is None
        assert not Settings.load(stage.home.config).tour


async def test_the_versions_are_read_once_for_what_is_counted_and_for_the_tour(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.settings = Settings()
    stage.version(as_of="2026-01-05T09:30:00.000000+00:00")
    read, reads = Registry.versions, []

    def versions(registry: Registry) -> list[Version]:
        reads.append(registry)
        return read(registry)

    async with stage.play() as (app, pilot):
        await say(app, pilot, "What is virtue?")
        monkeypatch.setattr(Registry, "versions", versions)
        await pilot.press("up", "a")
        await until(pilot, lambda: step(app) == 3)
        assert len(reads) == 1


async def test_who_knows_all_ends_the_tour_with_a_key_and_it_stays_away(stage: Stage) -> None:
    stage.settings = Settings()
    async with stage.play() as (app, pilot):
        assert app.chat.query_one(Tour).display
        await pilot.press("f10")
        await settled(app, pilot)
        assert not app.chat.query_one(Tour).display
    stage.settings = Settings.load(stage.home.config)
    async with stage.play() as (app, _pilot):
        assert step(app) is None


async def test_the_settings_begin_the_tour_again(stage: Stage) -> None:
    async with stage.play() as (app, _pilot):
        assert step(app) is None
        app._settings_answered(Settings())
        assert step(app) == 0
