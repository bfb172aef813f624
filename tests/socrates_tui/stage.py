"""The app on a scripted engine, a real corpus and a real registry, for the tests of the screens."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from textual.app import App
from textual.message import Message
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import DataTable, Input, TextArea

from adapters.api import Engine, Progress
from adapters.recipe import Preset
from adapters.registry import Registry
from corpus.store import Corpus
from socrates_language import tr
from socrates_tui.app import SocratesApp
from socrates_tui.compose import PATIENCE_S, Parts, build_app
from socrates_tui.drafts import Drafts
from socrates_tui.home import Home
from socrates_tui.screens.review import ReviewScreen
from socrates_tui.settings import Settings
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.turn_card import SeenTurn
from tests.socrates_tui.scripted import ScriptedEngine, ScriptedTraining


@dataclass
class Stage:
    """What a test of the app puts in and looks at."""

    directory: Path
    engine: ScriptedEngine = field(default_factory=ScriptedEngine)
    training: ScriptedTraining = field(default_factory=ScriptedTraining)
    settings: Settings = field(default_factory=lambda: Settings(tour=False))
    base: str = "embedded"
    terms_accepted: bool = True
    accepted: list[bool] = field(default_factory=list)
    load: Callable[[Progress], Engine] | None = None
    """What loads the engine, in the place of having it at once."""
    asked: list[tuple[Preset, bool]] = field(default_factory=list)
    """By which preset, and whether by force, each training was made."""
    heard: list[Message] = field(default_factory=list)
    """Every message that was posted."""

    def __post_init__(self) -> None:
        self.home = Home.open(self.directory)
        self.registry = Registry(self.home.versions)

    def corpus(self) -> Corpus:
        """Open the corpus a second time."""
        return Corpus(self.home.database)

    def app(self) -> SocratesApp:
        """Return a new app on all this."""
        return build_app(
            Parts(
                home=self.home,
                settings=self.settings,
                base=self.base,
                corpus=Corpus(self.home.database, patience_s=PATIENCE_S),
                registry=self.registry,
                drafts=Drafts(self.home.drafts),
                load_engine=self.load or (lambda progress: self.engine),
                retraining=self.retrain,
                terms_accepted=self.terms_accepted,
                accept_terms=lambda: self.accepted.append(True),
            )
        )

    def retrain(self, preset: Preset, *, force: bool) -> ScriptedTraining:
        """Return the training, and remember how it was asked for."""
        self.asked.append((preset, force))
        return self.training

    def drafts(self) -> str:
        """Return every draft that is on disk."""
        return "".join(path.read_text(encoding="utf-8") for path in self.home.drafts.glob("*.json"))

    def says(self, *replies: str | Exception) -> None:
        """Let the engine say ``replies``, one after the other."""
        self.engine.replies = deque(replies)

    def told(self, kind: type[Message]) -> list[Message]:
        """Return the messages of one kind, in the order in which they were posted."""
        return [message for message in self.heard if type(message) is kind]

    @asynccontextmanager
    async def play(self, size: tuple[int, int] = (80, 24)) -> AsyncIterator[tuple[SocratesApp, Pilot[None]]]:
        """Run the app until its conversation is open and, where it can be had, its engine too."""
        app = self.app()

        def hear(message: Message) -> None:
            if message not in self.heard:
                self.heard.append(message)

        async with app.run_test(size=size, notifications=True, message_hook=hear) as pilot:
            await settled(app, pilot)
            yield app, pilot

    def version(self, *, parent: str = "base", base: str = "embedded", title: str = "", as_of: str = "") -> str:
        """Publish a version and return its name."""
        with self.registry.draft() as draft:
            for name in ("adapter_config.json", "adapter_model.safetensors"):
                (draft / name).write_text("{}", encoding="utf-8")
            manifest = {
                "title": title,
                "parent": parent,
                "base": {"id": base, "weights_hash": ""},
                "corpus": {"examples": 40, "as_of": as_of},
                "held_out": {"candidate": 1.234},
                "created": "2026-01-05T09:30:00+00:00",
            }
            return self.registry.publish(draft, manifest).name


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Let the app go on until something is true."""
    for _ in range(1000):
        await pilot.pause()
        if true():
            await pilot.pause()
            return
        await pilot.pause(0.005)
    raise AssertionError("it never came true")


def drawn(app: App[None]) -> bool:
    """Tell whether, on every screen, tables know how wide their columns are and lines of keys have their keys.

    Both learn it when there is nothing else to do.
    """
    tables = (table for screen in app.screen_stack for table in screen.query(DataTable))
    lines = (line for screen in app.screen_stack for line in screen.query(KeyLine))
    return not any(table._require_update_dimensions for table in tables) and all(line.children for line in lines)


async def settled(app: SocratesApp, pilot: Pilot[None]) -> None:
    """Let the app go on until nothing is being loaded, said, trained or drawn."""

    def quiet() -> bool:
        return drawn(app) and not any(worker.is_running for worker in app.workers)

    await until(pilot, lambda: app.chat.is_mounted and quiet())
    await until(pilot, quiet)


async def still(app: App[None], pilot: Pilot[None]) -> None:
    """Leave nothing on any screen that changes with time, and let the app go on until all is drawn."""
    app.clear_notifications()
    for screen in app.screen_stack:  # a large dialog leaves what is beneath it to be seen
        await screen.query("ToastHolder").remove()  # only the topmost screen was cleared of them
        for area in screen.query(TextArea):
            area.cursor_blink = False
            area.notify_style_update()  # lines drawn in the dark half of a blink are kept otherwise
        for line in screen.query(Input):
            line.cursor_blink = False
            line._cursor_visible = True  # whichever half of a blink it was in
    await until(pilot, lambda: drawn(app))


async def write(pilot: Pilot[None], text: str) -> None:
    """Type ``text``."""
    await pilot.press(*("space" if character == " " else character for character in text))


async def say(app: SocratesApp, pilot: Pilot[None], text: str) -> None:
    """Type ``text``, send it, and wait for the reply."""
    await write(pilot, text)
    await pilot.press("enter")
    await settled(app, pilot)


async def retrain(app: SocratesApp, pilot: Pilot[None]) -> None:
    """Press F5, wait until the training can be started, and start it."""
    await pilot.press("f5")
    await until(pilot, lambda: tr("Examples") in shown(app))
    await pilot.press("enter")
    await pilot.pause()


async def reviewing(app: SocratesApp, pilot: Pilot[None]) -> ReviewScreen:
    """Open the review, and return it once a reply is seen there."""
    await pilot.press("f6")
    await until(pilot, lambda: isinstance(app.screen, ReviewScreen) and app.screen.query(SeenTurn))
    assert isinstance(app.screen, ReviewScreen)
    return app.screen


def shown(app: App[None]) -> str:
    """Return what is on the screen, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def notices(app: App[None]) -> list[str]:
    """Return the notifications that are on the screen."""
    return [notification.message for notification in app._notifications]


def text_of(widget: Widget) -> str:
    """Return what a widget renders, as text."""
    return str(widget.render())
