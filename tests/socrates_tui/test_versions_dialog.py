"""Tests of the versions' dialog: what it shows, and what each of its keys leads to."""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Input

from adapters.figures import fingerprint
from socrates_errors import CorpusError
from socrates_tui.app import SocratesApp
from socrates_tui.messages import SwapRefused, VersionCarried, VersionNotCarried, VersionSwapped
from socrates_tui.screens.compare import CompareScreen
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.directory import DirectoryScreen
from socrates_tui.screens.note import NoteScreen
from socrates_tui.screens.other_version import OtherVersionScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.widgets.rows import Rows
from tests.adapters.manifests import publish, record, write_evaluation
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write


async def opened(app: SocratesApp, pilot: Pilot[None], screen: type[Screen[Any]]) -> None:
    """Let the app go on until ``screen`` is open and has read what it shows."""
    await until(pilot, lambda: isinstance(app.screen, screen))
    await settled(app, pilot)


def rows(app: SocratesApp) -> list[list[str]]:
    """Return the words of each row of the table that is shown."""
    table = app.screen.query_one(DataTable)
    return [" ".join(str(cell) for cell in table.get_row_at(row)).split() for row in range(table.row_count)]


def told(app: SocratesApp) -> str:
    """Return what is told of the row under the cursor."""
    return text_of(app.screen.query_one("#version-told"))


async def test_every_version_is_listed_below_what_it_came_of_with_its_figures(stage: Stage) -> None:
    stage.version(title="First try")
    stage.version(parent="v0001", base="google/gemma-3-1b-it")
    stage.version(parent="v0001", title="問い")
    async with stage.play((160, 50)) as (app, pilot):
        await pilot.press("f3")
        await settled(app, pilot)
        assert rows(app) == [
            ["●", "base", "without", "an", "adapter", "–", "–", "–"],
            ["v0001", "First", "try", "40", "1.234", "–", "–", "2026-01-05"],
            ["├─", "v0002", "(google/gemma-3-1b-it)", "40", "1.234", "–", "–", "2026-01-05"],
            ["└─", "v0003", "問い", "40", "1.234", "–", "–", "2026-01-05"],
        ]


async def test_how_much_of_each_versions_replies_was_changed_is_told(stage: Stage) -> None:
    stage.version()
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation().id
        first = corpus.add_turn(conversation, parent=None, prompt="a", reply="abcd", version="v0001").id
        second = corpus.add_turn(conversation, parent=first, prompt="b", reply="abcd", version="v0001").id
        corpus.rewrite(first, "abXX")
        corpus.approve(second)
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down")
        await settled(app, pilot)
        assert rows(app)[1][-3] == "25%"
        assert told(app) == "2 replies judged, 50% left as said; on average 25% of a reply was changed."


async def test_what_was_measured_at_the_judging_and_the_note_are_told(stage: Stage) -> None:
    version = publish(stage.registry, note="asks more\nand shorter")
    write_evaluation(version, record("base", "base", "w", [2.0, 2.0]), record("candidate", "", "c", [1.0, 1.0]))
    stage.registry.activate("v0001")
    async with stage.play() as (app, pilot):
        await pilot.press("f3")
        await settled(app, pilot)
        assert told(app) == "asks more\nand shorter\nIt is active."
        assert rows(app)[0][-3] == "2.000"
        await pilot.press("up")
        await pilot.pause()
        assert told(app) == "It was active before."


async def test_versions_can_be_chosen_where_the_figures_cannot_be_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: object) -> None:
        raise CorpusError("The corpus cannot be read: restore a backup.")

    monkeypatch.setattr("socrates_tui.versions_app.version_figures", fail)
    stage.version()
    async with stage.play() as (app, pilot):
        await pilot.press("f3")
        await until(pilot, lambda: notices(app))
        assert notices(app) == ["The corpus cannot be read: restore a backup."]
        assert len(rows(app)) == 2


async def test_the_title_is_renamed_and_one_is_back_where_one_was(stage: Stage) -> None:
    stage.version(title="Old")
    stage.version()
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "r")
        await opened(app, pilot, TitleScreen)
        app.screen.query_one(Input).value = "問いの版"
        await pilot.press("enter")
        await opened(app, pilot, VersionsScreen)
        assert app.screen.query_one(Rows).cursor_row == 1
        assert "問いの版" in rows(app)[1]
    assert stage.registry.get("v0001").title == "問いの版"


async def test_a_note_is_written_and_told(stage: Stage) -> None:
    stage.version()
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "n")
        await opened(app, pilot, NoteScreen)
        await write(pilot, "asks more")
        await pilot.press("ctrl+s")
        await opened(app, pilot, VersionsScreen)
        await settled(app, pilot)
        assert told(app) == "asks more"
    assert stage.registry.get("v0001").note == "asks more"


async def test_leaving_a_title_or_note_changes_nothing(stage: Stage) -> None:
    stage.version(title="Old")
    async with stage.play() as (app, pilot):
        for key, screen in (("r", TitleScreen), ("n", NoteScreen)):
            await pilot.press("f3", "down", key)
            await opened(app, pilot, screen)
            await pilot.press("x", "escape")
            await opened(app, pilot, VersionsScreen)
            await pilot.press("escape")
    assert (stage.registry.get("v0001").title, stage.registry.get("v0001").note) == ("Old", "")


async def test_a_version_is_deleted_after_a_question(stage: Stage) -> None:
    stage.version()
    stage.version()
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation().id
        corpus.add_turn(conversation, parent=None, prompt="a", reply="b", version="v0002")
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "down", "delete")
        await opened(app, pilot, ConfirmScreen)
        assert "The turns that it spoke (1)" in shown(app)
        await pilot.press("escape")
        await opened(app, pilot, VersionsScreen)
        assert len(stage.registry.versions()) == 2
        await pilot.press("delete", "enter")
        await opened(app, pilot, VersionsScreen)
        assert len(rows(app)) == 2
    assert [version.name for version in stage.registry.versions()] == ["v0001"]


async def test_deleting_the_active_one_or_a_parent_is_refused_with_a_sentence(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.version(parent="v0001")
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "delete")
        await until(pilot, lambda: notices(app))
        assert notices(app)[-1] == "v0001 is active: activate another version first, then delete it."
        stage.registry.activate("base")
        await opened(app, pilot, VersionsScreen)
        await pilot.press("delete")
        await until(pilot, lambda: any("the parent of" in notice for notice in notices(app)))
        assert notices(app)[-1] == "v0001 is the parent of v0002: delete those first."
    assert len(stage.registry.versions()) == 2


async def test_a_damaged_version_is_listed_and_can_only_be_deleted(stage: Stage) -> None:
    stage.version()
    (stage.registry.directory / "v0001" / "version.json").unlink()
    async with stage.play((120, 24)) as (app, pilot):
        await pilot.press("f3", "down")
        await settled(app, pilot)
        assert told(app) == "v0001 is damaged and cannot speak: Delete removes it."
        assert "Rename" not in shown(app)
        await pilot.press("enter", "r", "c", "x")
        await pilot.pause()
        assert isinstance(app.screen, VersionsScreen)
        await pilot.press("delete", "enter")
        await opened(app, pilot, VersionsScreen)
    assert stage.registry.damaged() == []


async def test_a_version_is_exported_to_a_directory_and_imported_again(stage: Stage, tmp_path: Path) -> None:
    publish(stage.registry, title="First")
    there = tmp_path / "there"
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "x")
        await opened(app, pilot, DirectoryScreen)
        app.screen.query_one(Input).value = str(there)
        await pilot.press("enter")
        await until(pilot, lambda: stage.told(VersionCarried))
        assert notices(app) == [f"v0001 is in {there}."]
        await opened(app, pilot, VersionsScreen)
        await pilot.press("i")
        await opened(app, pilot, DirectoryScreen)
        app.screen.query_one(Input).value = str(there)
        await pilot.press("enter")
        await until(pilot, lambda: len(stage.told(VersionCarried)) == 2)
        await opened(app, pilot, VersionsScreen)
        assert app.screen.query_one(Rows).cursor_row == 2
        await settled(app, pilot)
    assert (there / "adapter_model.safetensors").is_file()
    assert [version.title for version in stage.registry.versions()] == ["First", "First"]


async def test_a_directory_that_is_refused_is_asked_for_again(stage: Stage, tmp_path: Path) -> None:
    stage.version()
    async with stage.play() as (app, pilot):
        for key in ("x", "i"):
            await pilot.press("f3", "down", key)
            await opened(app, pilot, DirectoryScreen)
            given = tmp_path if key == "i" else stage.home.directory
            app.screen.query_one(Input).value = str(given)
            await pilot.press("enter")
            await until(pilot, lambda: stage.told(VersionNotCarried))
            await opened(app, pilot, DirectoryScreen)
            assert app.screen.query_one(Input).value == str(given)
            await pilot.press("escape")
            await opened(app, pilot, VersionsScreen)
            await pilot.press("escape")
            stage.heard.clear()
    assert len(stage.registry.versions()) == 1


async def test_a_version_is_compared_with_another_which_is_its_parent_at_first(stage: Stage) -> None:
    first, second = publish(stage.registry, title="First"), publish(stage.registry, parent="v0001")
    (second.directory / "adapter_config.json").write_text("{}")
    losses = [2.0, 2.1, 2.2, 2.3, 2.4]
    write_evaluation(
        second,
        record("base", "base", first.weights_hash, [3.0] * 5),
        record("parent", "v0001", fingerprint(first.directory, first.weights_hash), losses),
        record("candidate", "", fingerprint(second.directory, second.weights_hash), [1.5] * 5),
    )
    async with stage.play((120, 50)) as (app, pilot):
        await pilot.press("f3", "down", "down", "c")
        await opened(app, pilot, OtherVersionScreen)
        assert rows(app) == [["base", "without", "an", "adapter"], ["v0001", "First"]]
        await pilot.press("enter")
        await opened(app, pilot, CompareScreen)
        assert ["held-out", "loss", "2.200", "(2.000", "to", "2.400)", "1.500", "(1.500", "to", "1.500)"] in rows(app)
        assert "v0002 minus v0001: -0.700 on the same 5 held-out examples" in shown(app)
        await pilot.press("escape")
        await opened(app, pilot, VersionsScreen)
        assert app.screen.query_one(Rows).cursor_row == 2


async def test_rolling_back_lets_the_version_before_speak_and_again_the_later(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        for expected in ("v0001", "v0002"):
            await pilot.press("ctrl+g")
            await settled(app, pilot)
            assert f" {expected} " in text_of(app.chat.status)
        await settled(app, pilot)
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+g")
        await until(pilot, lambda: stage.registry.active == "v0001")
        await settled(app, pilot)


async def test_without_a_version_before_there_is_nothing_to_roll_back_to(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+g")
        await pilot.pause()
        assert not app.check_action("roll_back", ())
        assert "Roll back" not in {command.title for command in app.get_system_commands(app.screen)}


async def test_enter_lets_a_version_speak_from_the_next_reply_on_and_back_again(stage: Stage) -> None:
    stage.version()
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "enter")
        await until(pilot, lambda: stage.told(VersionSwapped))
        assert stage.registry.active == "v0001"
        await say(app, pilot, "Hi")
        assert "v0001  not reviewed" in shown(app)
        await pilot.press("f3", "up", "enter")
        await until(pilot, lambda: len(stage.told(VersionSwapped)) == 2)
        await say(app, pilot, "Hi")
    assert stage.registry.active == "base"
    assert [call.version for call in stage.engine.history] == ["v0001", "base"]


async def test_a_switch_asked_for_during_a_reply_waits_for_its_end_and_comes_before_the_next(stage: Stage) -> None:
    stage.version()
    stage.says("One two three", "Four")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await write(pilot, "Next")
        await pilot.press("enter", "f3", "down", "enter")
        await pilot.pause()
        assert notices(app) == ["v0001 speaks after this reply."]
        assert stage.told(VersionSwapped) == []
        assert " base " in text_of(app.chat.status)
        stage.engine.go_on.set()
        await until(pilot, lambda: len(stage.engine.history) == 2)
        await settled(app, pilot)
    assert [call.version for call in stage.engine.history] == ["base", "v0001"]


async def test_a_version_that_cannot_be_swapped_in_is_refused_and_the_old_one_goes_on(stage: Stage) -> None:
    stage.engine.refused = {stage.version()}
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "down", "enter")
        await until(pilot, lambda: stage.told(SwapRefused))
        assert notices(app) == ["v0001 does not speak. v0001 does not fit this base: train it again."]
        await say(app, pilot, "Hi")
        assert "base  not reviewed" in shown(app)
    assert stage.registry.active == "base"


async def test_the_active_version_is_swapped_in_at_the_start(stage: Stage) -> None:
    stage.registry.activate(stage.version())
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert " v0001 " in text_of(app.chat.status)
    assert [call.version for call in stage.engine.history] == ["v0001"]


async def test_without_an_engine_the_choice_is_kept_for_when_there_is_one(stage: Stage) -> None:
    stage.version()
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        await pilot.press("escape", "f3")
        assert isinstance(app.screen, VersionsScreen)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert " v0001 " in text_of(app.chat.status)
    assert stage.registry.active == "v0001"
