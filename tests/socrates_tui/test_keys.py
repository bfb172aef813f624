"""Tests of the keys: each does something, the help names it, the palette offers it, the footer tells the truth."""

import pytest
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.geometry import Region

from socrates_tui.acts import KEYS_ONLY, acts, help_groups
from socrates_tui.app import SocratesApp
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.conversing import ConversingScreen
from socrates_tui.screens.corpus import CorpusScreen, FilterLine, TurnTable
from socrates_tui.screens.curating import CuratingScreen
from socrates_tui.screens.help import KEY_WIDTH, HelpScreen
from socrates_tui.screens.review import Queue, ReviewScreen
from socrates_tui.screens.teaching import TeachingScreen
from socrates_tui.widgets.lines import Lines
from socrates_tui.widgets.long_list import LongList
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.turn_view import TurnView
from tests.socrates_tui.stage import Stage, say, settled, shown, still, until

OWNERS: list[type[DOMNode]] = [Prompt, TurnView, ChatScreen, TeachingScreen, ConversingScreen, SocratesApp]

AT_TIMES = {
    "flip",
    "stop",
    "close_panel",
    "cancel_training",
    "use_kept",
    "load",
    "list",
    "roll_back",
    "last_run",
    "end_tour",
}
"""Actions that are not possible after the first reply of a new home."""


def bindings(owner: object) -> list[Binding]:
    found: list[BindingType] = owner.BINDINGS  # type: ignore[attr-defined]
    return [binding for binding in found if isinstance(binding, Binding)]


@pytest.mark.parametrize("owner", OWNERS)
def test_every_key_has_an_action_and_says_what_it_does(owner: type) -> None:
    for binding in bindings(owner):
        action = binding.action.partition("(")[0]
        home = ChatScreen if action.startswith("screen.") else owner
        assert callable(getattr(home, f"action_{action.removeprefix('screen.')}"))
        assert binding.tooltip


async def test_the_help_names_every_key_and_what_it_does(stage: Stage) -> None:
    async with stage.play((160, 160)) as (app, pilot):
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        for owner in OWNERS:
            for binding in acts(bindings(owner)):
                assert binding.tooltip in shown(app)


async def test_the_palette_offers_every_act_that_is_possible(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        offered = {command.title for command in app.get_system_commands(app.screen)}
        for owner in (TurnView, ChatScreen, TeachingScreen, ConversingScreen, SocratesApp):
            for binding in bindings(owner):
                name = binding.action.removeprefix("screen.").partition("(")[0]
                if name not in KEYS_ONLY | AT_TIMES:
                    assert binding.description in offered
        assert not offered & {"Stop", "Cancel training", "Use it anyway", "Load the model", "Later"}


async def test_a_command_of_the_palette_does_what_its_key_does(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+p", *"approve")
        await until(pilot, lambda: "Teach the reply as it is" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.chat.turns[0].verdict == "approved")
        await settled(app, pilot)


async def test_the_footer_names_only_what_is_possible_now(stage: Stage) -> None:
    async with stage.play((120, 24)) as (app, pilot):
        assert "Rewrite" not in shown(app).splitlines()[-1]
        await say(app, pilot, "Hi")
        assert "Rewrite" in shown(app).splitlines()[-1]
        assert "Approve" not in shown(app).splitlines()[-1]
        await pilot.press("up")
        assert "Approve" in shown(app).splitlines()[-1]


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (160, 50)])
async def test_the_status_line_is_whole_at_every_size(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.play(size) as (app, pilot):
        await say(app, pilot, "Hi")
        words = " ".join(shown(app).split())
        assert "embedded · base · 12.5 tok/s · context" in words
        assert "/32,768 · 0 new examples" in words


@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_no_key_of_the_footer_is_cut_and_help_is_always_there(stage: Stage, size: tuple[int, int]) -> None:
    async with stage.play(size) as (app, pilot):
        await say(app, pilot, "Hi")
        assert shown(app).splitlines()[-1].rstrip().endswith("F1 Help")
        await pilot.press("ctrl+r")
        await settled(app, pilot)
        await pilot.press("up")
        await pilot.pause()
        line = shown(app).splitlines()[-1].rstrip()
        assert line.endswith("F1 Help")
        assert "e Rewrite  a Approve  d Drop" in line
        assert len(line) <= size[0]
        await pilot.resize_terminal(160, 50)
        await until(pilot, lambda: "F3 Versions" in shown(app).splitlines()[-1])


async def test_the_footer_stays_beneath_a_dialog_and_tells_the_truth_after_it(stage: Stage) -> None:
    async with stage.play((120, 40)) as (app, pilot):
        footer = shown(app).splitlines()[-1]
        assert "F6 Review" in footer
        await pilot.press("f1")
        await settled(app, pilot)
        await still(app, pilot)
        assert isinstance(app.screen, HelpScreen)
        assert shown(app).splitlines()[-1] == footer
        await pilot.press("escape")
        await say(app, pilot, "Hi")
        assert "Rewrite" in shown(app).splitlines()[-1]


@pytest.mark.parametrize(
    ("owner", "screen"),
    [(Queue, ReviewScreen), (TurnTable, CorpusScreen), (FilterLine, CorpusScreen), (LongList, LongList)],
)
def test_every_key_of_the_lists_has_an_action_and_says_what_it_does(owner: type, screen: type) -> None:
    for binding in bindings(owner):
        action = binding.action.partition("(")[0]
        home = screen if action.startswith("screen.") else owner
        assert callable(getattr(home, f"action_{action.removeprefix('screen.')}"))
        assert binding.tooltip


async def test_what_a_key_does_goes_on_below_its_beginning(stage: Stage) -> None:
    async with stage.play((60, 40)) as (app, pilot):
        await pilot.press("f1")
        groups = help_groups(ChatScreen, app.BINDINGS)
        for lines, (_heading, bindings) in zip(app.screen.query(Lines), groups, strict=True):
            rows = [strip.text for strip in lines.render_lines(Region(0, 0, *lines.size))]
            assert sum(bool(row[:KEY_WIDTH].strip()) for row in rows) == len(bindings)
            told = " ".join(row[KEY_WIDTH:].strip() for row in rows)
            assert told == " ".join(binding.tooltip for binding in bindings)
        assert sum(lines.size.height for lines in app.screen.query(Lines)) > sum(len(keys) for _, keys in groups)


async def test_the_help_names_the_keys_of_the_review_and_of_the_corpus(stage: Stage) -> None:
    async with stage.play((160, 120)) as (app, pilot):
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        for owner in (Queue, TurnTable, FilterLine, CuratingScreen):
            for binding in acts(bindings(owner)):
                assert binding.tooltip in shown(app)
