"""Every act of the app has a key, a line in the help, an entry in the palette and a twin on the command line."""

import shlex
from typing import Any

import pytest
from textual.actions import parse
from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette
from textual.dom import DOMNode
from textual.screen import Screen
from textual.selection import Selection
from textual.widgets import Input
from typer.main import get_command

from socrates_tui.acts import KEYS_ONLY, PLACES, help_groups, offers
from socrates_tui.app import SocratesApp
from socrates_tui.cli import app as command_line
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.screens.dialog import Dialog
from socrates_tui.screens.help import HelpScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.settings import SettingsScreen
from socrates_tui.screens.terms import TermsScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.widgets.lines import Lines
from tests.socrates_tui.bindings import owners
from tests.socrates_tui.stage import Stage, say, settled, shown, text_of, until, write

MOVEMENT = {
    # scrolling
    *("scroll", "scroll_card", "read", "page"),
    # from place to place, and where the keys go
    *("move", "step", "first", "last", "write", "rows", "figures", "focus_previous", "focus_next"),
    # leaving and closing
    *("leave", "close_panel", "leave_revision"),
    # choosing the row under the cursor
    *("choose", "select", "select_cursor"),
}
"""Actions that change and tell nothing, so that keys are enough."""

SAME = {
    "rewrite_last": "rewrite",  # the palette's acts are about the reply in focus, else the last
    "command_palette": None,  # it is the palette
    # The prompt is where the text stands; the palette takes the keys for itself.
    "newline": None,
    "recall": None,
}
"""By action that the palette does not offer under its own name, the one that it offers for it, if any."""

TWINS = {
    # what is said
    "send": "ask",
    "regenerate": "ask --seed",
    "revise": "ask",
    "fork": "corpus fork",
    # what is taught
    "approve": "corpus approve",
    "drop": "corpus drop",
    "rewrite": "corpus rewrite",
    "rewrite_last": "corpus rewrite",
    "save_next": "corpus rewrite",
    "RewriteScreen.save": "corpus rewrite",
    "PinsScreen.rewrite": "corpus rewrite --answer",
    "propose": "corpus propose",
    "undo": "corpus undo",
    "redo": "corpus redo",
    "next_unreviewed": "corpus list --verdict",
    "review": "corpus queue",
    "order": "corpus queue --order",
    "weigh": "corpus weigh",
    "corpus": "corpus list",
    "filter": "corpus list --tag",
    "open": "corpus show",
    "tag": "corpus tag",
    "untag": "corpus untag",
    # conversations
    "conversations": "corpus list --conversations",
    "list": "corpus list --conversations",
    "show_archived": "corpus list --archived",
    "search": "corpus search",
    "pick('rename')": "corpus rename",
    "pick('archive')": "corpus archive",
    # pinned prompts
    "pin": "corpus pin",
    "unpin": "corpus unpin",
    "answer": "versions pins --answer",
    "pins": "versions pins",
    # versions
    "versions": "versions list",
    "roll_back": "versions rollback",
    "use_kept": "versions use",
    "rename": "versions rename",
    "note": "versions note",
    "NoteScreen.save": "versions note",
    "compare": "versions compare",
    "blind": "versions blind",
    "pick('left')": "versions blind",
    "pick('right')": "versions blind",
    "pick('neither')": "versions blind",
    "another": "versions blind",
    "ask_last": "versions blind --turn",
    "export": "versions export",
    "import": "versions import",
    "delete": "versions delete",
    # trainings
    "retrain": "train",
    "preset": "train --preset",
    "runs": "runs",
    "last_run": "runs",
    # settings and help
    "settings": "settings",
    "SettingsScreen.save": "settings set",
    "end_tour": "settings set",
    "help": "--help",
}
"""By action, or class and action where two classes mean different things by it, the command that does it."""

SCREEN_ONLY = {
    "newline": "it writes",
    "recall": "it writes what was written before",
    "flip": "it chooses which of the replies is on the screen; `corpus show` names them all",
    "copy": "it is about the clipboard; `corpus show` prints the reply",
    "skip": "it puts off a reply of this sitting",
    "mark": "marks are gone with the screen; commands take turns by number or by options",
    "mark_all": "as mark",
    "pick('new')": "nothing is stored before something is said",
    "new": "as pick('new')",
    "stop": "a command is stopped by Ctrl+C",
    "cancel_training": "as stop",
    "stop_weighing": "as stop",
    "load": "a command loads the model by itself",
    "command_palette": "the shell is the palette",
    "quit": "a command ends by itself",
}
"""Actions without a twin, and why."""


def name_of(binding: Binding) -> str:
    return parse(binding.action.removeprefix("screen."))[1]


OWNERS = sorted(owners(), key=lambda owner: owner.__name__)
BOUND = [
    pytest.param(owner, binding, id=f"{owner.__name__}.{binding.action}")
    for owner in OWNERS
    for binding in owner.BINDINGS
    if isinstance(binding, Binding) and name_of(binding) not in MOVEMENT
]
SCREENS = [owner for owner in OWNERS if issubclass(owner, Screen)]


def test_the_walk_finds_app_screens_and_widgets() -> None:
    names = {owner.__name__ for owner in OWNERS}
    assert {"SocratesApp", "ChatScreen", "VersionsScreen", "TurnView", "ConversationRows", "Choices"} <= names


@pytest.mark.parametrize("owner", OWNERS)
def test_nothing_is_bound_otherwise_than_by_a_binding(owner: type[DOMNode]) -> None:
    assert all(isinstance(binding, Binding) for binding in owner.BINDINGS)


@pytest.mark.parametrize(("owner", "binding"), BOUND)
def test_an_act_has_a_key_and_says_what_it_does(owner: type[DOMNode], binding: Binding) -> None:
    assert binding.key
    assert binding.description
    assert binding.tooltip


@pytest.mark.parametrize(("owner", "binding"), BOUND)
def test_an_act_has_a_line_in_the_help(owner: type[DOMNode], binding: Binding) -> None:
    groups = help_groups(ChatScreen, SocratesApp.BINDINGS)
    assert any(line.action == binding.action and line.tooltip == binding.tooltip for _, told in groups for line in told)


@pytest.mark.parametrize(("owner", "binding"), BOUND)
def test_an_act_has_an_entry_in_the_palette(owner: type[DOMNode], binding: Binding) -> None:
    if name_of(binding) in SAME:
        wanted = SAME[name_of(binding)]
        assert wanted is None or wanted in {name_of(offered) for _, offered in offers(ChatScreen)}
        return
    if issubclass(owner, App):  # what the app binds is offered over every screen that is no dialog
        assert name_of(binding) not in KEYS_ONLY
        return
    action = binding.action.removeprefix("screen.")
    places = [place for place in PLACES if owner in place.owners]
    assert any(
        action == offered.action.removeprefix("screen.")
        for place in places
        for screen in place.screens
        for _, offered in offers(screen)
    )


@pytest.mark.parametrize(("owner", "binding"), BOUND)
def test_an_act_has_a_twin_on_the_command_line(owner: type[DOMNode], binding: Binding) -> None:
    action = binding.action.removeprefix("screen.")
    keys = {f"{owner.__name__}.{action}", action, name_of(binding)}
    if keys & {*SCREEN_ONLY}:
        assert not keys & {*TWINS}
        return
    twins = [TWINS[key] for key in (f"{owner.__name__}.{action}", action, name_of(binding)) if key in TWINS]
    assert twins, f"{owner.__name__} binds {binding.key} to {action}: name its twin, or why it has none"


@pytest.mark.parametrize("twin", sorted({*TWINS.values()}))
def test_a_twin_exists(twin: str) -> None:
    command: Any = get_command(command_line)
    words = shlex.split(twin)
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {*words} <= known


def test_no_twin_and_no_reason_is_left_over() -> None:
    actions = set[str]()
    for parameters in BOUND:
        owner, binding = parameters.values
        assert isinstance(owner, type)
        assert isinstance(binding, Binding)
        action = binding.action.removeprefix("screen.")
        actions |= {action, name_of(binding), f"{owner.__name__}.{action}"}
    assert {*TWINS, *SCREEN_ONLY, *SAME} <= actions


@pytest.mark.parametrize("screen", SCREENS)
def test_the_help_tells_of_the_open_screen_first(screen: type[Screen[object]]) -> None:
    if issubclass(screen, ConfirmScreen | HelpScreen):  # over these, there is no help
        return
    first, bindings = help_groups(screen, SocratesApp.BINDINGS)[0]
    assert first
    if issubclass(screen, Dialog):
        place = next(place for place in PLACES if issubclass(screen, place.screens))
        assert bindings == place.acts


# Over dialogs


def first_lines(app: SocratesApp) -> list[str]:
    """Return the heading and the first lines of the help."""
    headings, lines = app.screen.query(".help-heading"), app.screen.query(".help-lines")
    said, _ = lines.first(Lines).get_selection(Selection(None, None))
    return [text_of(headings.first()), *said.splitlines()]


async def test_f1_over_the_versions_tells_of_their_keys_first_and_goes_back_to_them(stage: Stage) -> None:
    stage.version()
    async with stage.play((120, 40)) as (app, pilot):
        await pilot.press("f3")
        await settled(app, pilot)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        heading, rename, *_ = first_lines(app)
        assert heading == "Among the versions"
        assert rename.split() == ["r", "Give", "the", "version", "another", "title"]
        await pilot.press("f1", "ctrl+p")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, VersionsScreen)


async def test_the_palette_over_the_versions_renames_the_one_under_the_cursor(stage: Stage) -> None:
    stage.version(title="First")
    async with stage.play((120, 40)) as (app, pilot):
        await pilot.press("f3", "down")
        await settled(app, pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert offered == {"Rename", "Note", "Compare", "Blind", "Pinned", "Export", "Import", "Delete", "Close"}
        await pilot.press("ctrl+p", *"rename")
        await until(pilot, lambda: "Give the version another title" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, TitleScreen))
        await write(pilot, "Second")
        await pilot.press("enter")
        await settled(app, pilot)
        assert stage.registry.get("v0001").title == "Second"


async def test_the_palette_offers_only_what_the_row_can_be_asked_for(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f3")
        await settled(app, pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert offered == {"Pinned", "Import", "Close"}


async def test_the_palette_over_the_conversations_archives_the_one_under_the_cursor(stage: Stage) -> None:
    async with stage.play((120, 40)) as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("f2")
        await settled(app, pilot)
        assert isinstance(app.screen, ConversationsScreen)
        await pilot.press("ctrl+p", *"archive")
        await until(pilot, lambda: "Put the conversation out of sight" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: not app.chat.corpus.conversations())
        await settled(app, pilot)


async def test_help_and_palette_work_where_a_text_is_written_and_take_nothing_of_it(stage: Stage) -> None:
    async with stage.play((120, 40)) as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e", "x", "f1")
        assert isinstance(app.screen, HelpScreen)
        assert first_lines(app)[0] == "In the editor"
        await until(pilot, lambda: "x" in stage.drafts())
        await pilot.press("escape", "ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        await pilot.press("escape")
        assert isinstance(app.screen, RewriteScreen)
        await pilot.press("escape", "f4", "f1")
        assert first_lines(app)[0] == "In the settings"
        await pilot.press("escape")
        assert isinstance(app.screen, SettingsScreen)
        assert isinstance(app.focused, Input)
        await pilot.press("escape")
        await settled(app, pilot)


async def test_over_a_question_there_is_help_and_nothing_else(stage: Stage) -> None:
    stage.terms_accepted = False
    async with stage.play() as (app, pilot):
        assert isinstance(app.screen, TermsScreen)
        app.chat.refresh_bindings()
        await pilot.pause()
        assert "F1 Help" in shown(app).splitlines()[-1]
        await pilot.press("ctrl+p", "ctrl+q")
        assert isinstance(app.screen, TermsScreen)
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("ctrl+q", "escape")
        assert isinstance(app.screen, TermsScreen)
        assert stage.accepted == []


async def test_the_footer_names_the_help_again_when_it_is_closed(stage: Stage) -> None:
    async with stage.play((120, 24)) as (app, pilot):
        await pilot.press("f1")
        app.chat.refresh_bindings()
        await pilot.pause()
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ChatScreen))
        assert "F1 Help" in shown(app).splitlines()[-1]


@pytest.mark.usefixtures("japanese")
async def test_the_palettes_ask_in_japanese(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+p")
        await until(pilot, lambda: "コマンドを探す…" in shown(app))
        await pilot.press("escape")
        app.action_change_theme()
        await until(pilot, lambda: "配色を探す…" in shown(app))


async def test_the_palette_offers_the_help(stage: Stage) -> None:
    async with stage.play((120, 40)) as (app, pilot):
        await pilot.press("ctrl+p")
        assert isinstance(app.screen, CommandPalette)
        assert "Help" in {command.title for command in app.get_system_commands(app.screen_stack[0])}
        await pilot.press("escape")
