"""The acts that keys are bound to, by where they are possible: the help and the command palette name them from here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from textual.actions import parse
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

from socrates_language import marked, tr
from socrates_tui.screens.blind import BlindScreen
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.compare import CompareScreen
from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.screens.conversing import ConversingScreen
from socrates_tui.screens.corpus import CorpusScreen, FilterLine, TurnTable
from socrates_tui.screens.curating import CuratingScreen
from socrates_tui.screens.directory import DirectoryScreen
from socrates_tui.screens.note import NoteScreen
from socrates_tui.screens.other_version import OtherVersionScreen
from socrates_tui.screens.pins import PinsScreen
from socrates_tui.screens.preflight import PreflightScreen
from socrates_tui.screens.proposals import Choices, ProposalsScreen
from socrates_tui.screens.review import Queue, ReviewScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.run import RunScreen
from socrates_tui.screens.runs import RunsScreen
from socrates_tui.screens.settings import SettingsScreen
from socrates_tui.screens.teaching import TeachingScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.screens.turns import TurnsScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.widgets.conversation_list import ConversationRows
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.rows import Rows
from socrates_tui.widgets.turn_view import TurnView

KEYS_ONLY = frozenset(
    {
        # Moving, and choosing a row.
        *("move", "write", "scroll", "scroll_card", "figures", "rows", "select", "select_cursor"),
        # Writing in the prompt.
        *("newline", "recall"),
        # Closing what Escape closes.
        "leave_revision",
        # What the palette has under another name, and itself.
        *("rewrite_last", "command_palette"),
    }
)
"""Actions that the palette does not offer."""

PLAIN_DIALOGS: tuple[type[DOMNode], ...] = (
    CompareScreen,
    DirectoryScreen,
    OtherVersionScreen,
    RunScreen,
    RunsScreen,
    TitleScreen,
    TurnsScreen,
)
"""Dialogs in which a row is chosen, a line written or a figure read, and nothing else done."""


@dataclass(frozen=True)
class Place:
    """Where some keys mean something: their heading in the help, who binds them, and over which screens they act."""

    title: str
    owners: tuple[type[DOMNode], ...]
    screens: tuple[type[DOMNode], ...]

    @property
    def acts(self) -> list[Binding]:
        """Each action's first binding."""
        return acts(*(owner.BINDINGS for owner in self.owners))


EVERYWHERE = Place(
    marked("Everywhere"),
    (ChatScreen, TeachingScreen, ConversingScreen),
    (ChatScreen,),
)
"""Here the keys of the app stand, too."""

PLACES: Sequence[Place] = (
    Place(marked("In the prompt"), (Prompt,), (ChatScreen,)),
    Place(marked("On a reply"), (TurnView,), (ChatScreen,)),
    EVERYWHERE,
    Place(marked("In the list of conversations"), (ConversationRows,), (ConversationsScreen,)),
    Place(marked("In the editor"), (RewriteScreen,), (RewriteScreen,)),
    Place(marked("Among the proposals"), (Choices, ProposalsScreen), (ProposalsScreen,)),
    Place(marked("In the review"), (Queue, CuratingScreen), (ReviewScreen,)),
    Place(marked("In the corpus"), (TurnTable, FilterLine, CuratingScreen), (CorpusScreen,)),
    Place(marked("Before a training"), (PreflightScreen,), (PreflightScreen,)),
    Place(marked("Among the versions"), (VersionsScreen,), (VersionsScreen,)),
    Place(marked("Where two versions reply"), (BlindScreen,), (BlindScreen,)),
    Place(marked("Among the pinned prompts"), (PinsScreen,), (PinsScreen,)),
    Place(marked("In the settings"), (SettingsScreen,), (SettingsScreen,)),
    Place(marked("In a note"), (NoteScreen,), (NoteScreen,)),
    Place(marked("In every list and dialog"), (Rows, ConversationsScreen, *PLAIN_DIALOGS), PLAIN_DIALOGS),
)
"""Every place, in the order in which the help tells of them."""


def acts(*groups: Iterable[BindingType]) -> list[Binding]:
    """Return each action's first binding."""
    first: dict[str, Binding] = {}
    for bindings in groups:
        for binding in bindings:
            if isinstance(binding, Binding):
                first.setdefault(binding.action.removeprefix("screen."), binding)
    return list(first.values())


def help_groups(screen: type[DOMNode], app: Iterable[BindingType]) -> list[tuple[str, list[Binding]]]:
    """Return the headings of the help with their bindings, those of ``screen`` first; ``app`` is what the app binds."""
    here = [place for place in PLACES if issubclass(screen, place.screens)]
    ordered = [*here, *(place for place in PLACES if place not in here)]
    return [(tr(place.title), acts(place.acts, app) if place is EVERYWHERE else place.acts) for place in ordered]


def offers(screen: type[DOMNode]) -> list[tuple[type[DOMNode], Binding]]:
    """Return what the palette may offer over ``screen`` alone, each act once, with who binds it."""
    found: dict[str, tuple[type[DOMNode], Binding]] = {}
    for place in PLACES:
        for owner in place.owners if issubclass(screen, place.screens) else ():
            for binding in acts(owner.BINDINGS):
                action = binding.action.removeprefix("screen.")
                if parse(action)[1] not in KEYS_ONLY:
                    found.setdefault(action, (owner, binding))
    return list(found.values())


def screen_commands(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """Yield a command for each act that is possible on ``screen`` now."""
    for owner, binding in offers(type(screen)):
        of_screen = isinstance(screen, owner) or binding.action.startswith("screen.")
        namespace = (
            screen if of_screen else next((node for node in screen.walk_children() if isinstance(node, owner)), None)
        )
        if namespace is not None:
            yield from commands(app, namespace, [binding])


def commands(app: App[None], namespace: DOMNode, bindings: Iterable[Binding]) -> Iterator[SystemCommand]:
    """Yield a command for each of the acts of ``namespace`` that is possible now."""
    for binding in bindings:
        action = binding.action.removeprefix("screen.")
        _, name, parameters = parse(action)
        if name not in KEYS_ONLY and namespace.check_action(name, parameters):
            yield SystemCommand(
                tr(binding.description), tr(binding.tooltip), partial(app.run_action, action, namespace)
            )
