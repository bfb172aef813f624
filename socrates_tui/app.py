"""The app: it owns the engine, the version that speaks and the training. Conversations are the chat screen's."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import WorkerCancelled, get_current_worker

from adapters import terms
from adapters.api import BASE, Engine
from socrates_errors import SocratesError
from socrates_tui.acts import acts, commands
from socrates_tui.brief import brief
from socrates_tui.messages import (
    CorpusChanged,
    EngineFailed,
    EngineLoaded,
    EngineProgressed,
    PreflightFailed,
    PreflightFinished,
    SpeechEnded,
    SwapRefused,
    VersionSwapped,
)
from socrates_tui.retraining import newest_own
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.help import HelpScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.sampling import SamplingScreen
from socrates_tui.screens.teaching import TeachingScreen
from socrates_tui.screens.terms import TermsScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.settings import Settings
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.training_panel import Training, TrainingPanel
from socrates_tui.widgets.turn_view import TurnView

if TYPE_CHECKING:
    from socrates_tui.compose import Parts

DECLINED = (
    "The model is not loaded, because Gemma's terms are not accepted. F9 shows them again; you can go on teaching."
)

log = logging.getLogger(__name__)


class SocratesApp(App[None]):
    """Teach a local Gemma to tutor the Socratic way."""

    TITLE = "Socrates"
    CSS_PATH = "socrates.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  (no ClassVar in textual)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (24, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+t", "retrain", "Retrain", key_display="F5", tooltip="Train a new version on what you taught"),
        Binding("f5,ctrl+t", "cancel_training", "Cancel training", key_display="F5", tooltip="Cancel the training"),
        Binding("f8", "use_kept", "Use it anyway", key_display="F8", tooltip="Use the version only kept"),
        Binding("f9", "load", "Load the model", key_display="F9", tooltip="Load the model, again if that failed"),
        Binding("f3", "versions", "Versions", key_display="F3", tooltip="Choose which version speaks"),
        Binding("f4", "settings", "Settings", key_display="F4", show=False, tooltip="Sampling, seed and system text"),
        Binding("f1", "help", "Help", key_display="F1", tooltip="Show every key"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, tooltip="Search all of this"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, tooltip="Leave; what is under way ends"),
    ]

    def __init__(self, parts: "Parts") -> None:
        super().__init__()
        self._parts = parts
        self._settings = parts.settings
        self._terms_accepted = parts.terms_accepted
        self._engine: Engine | None = None
        self._loading = False
        self._wanted: str | None = None
        """The version to speak from the next reply on, while the engine does not have it yet."""
        self._swapping = False
        self._preparing = False
        self._kept: str | None = None
        """The version that was published but not activated."""
        self._leaving = False
        self.failure: SocratesError | None = None
        """What ended the app, where the user did not."""
        self.chat = ChatScreen(parts.corpus, parts.settings, parts.drafts)

    def get_default_screen(self) -> Screen[None]:
        """Open with the conversation."""
        return self.chat

    def on_mount(self) -> None:
        """Take on the colours of the settings."""
        self.theme = self._settings.theme if self._settings.theme in self.available_themes else "textual-dark"
        self.theme_changed_signal.subscribe(self, self._theme_changed)

    @on(ChatScreen.Opened)
    def _opened(self) -> None:
        """Begin what is slow, now that the conversation is on the screen."""
        self.chat.status.base = self._parts.base
        self.chat.status.version = self._parts.registry.active_for(self._parts.base)
        self.action_load()

    def on_unmount(self) -> None:
        """Close the corpus and the drafts."""
        self._parts.drafts.close()
        self._parts.corpus.close()

    # The engine

    def action_load(self) -> None:
        """Load the engine, once the terms are accepted."""
        if self._loading or self._engine is not None:
            return
        if self._terms_accepted:
            self._loading = True
            self.chat.notice.progress("Loading the model", None)
            self._load()
        else:
            self.push_screen(TermsScreen(terms.TEXT), self._terms_answered)
        self.refresh_bindings()

    def _terms_answered(self, accepted: bool | None) -> None:
        if accepted:
            self._parts.accept_terms()
            self._terms_accepted = True
            self.action_load()
        else:
            self.chat.notice.trouble(DECLINED)
            self.refresh_bindings()

    @work(thread=True, group="engine", exit_on_error=False)
    def _load(self) -> None:
        worker = get_current_worker()

        def progress(text: str, fraction: float | None) -> None:
            if worker.is_cancelled:
                raise WorkerCancelled
            self.post_message(EngineProgressed(text, fraction))

        try:
            self.post_message(EngineLoaded(self._parts.load_engine(progress)))
        except WorkerCancelled:
            pass
        except SocratesError as error:
            self.post_message(EngineFailed(str(error)))
        except Exception as error:  # whatever a library raises, the window stays
            log.exception("no engine")
            self.post_message(EngineFailed(f"The model cannot be loaded: {brief(error)}. `socrates doctor` says more."))

    @on(EngineProgressed)
    def _engine_progressed(self, event: EngineProgressed) -> None:
        self.chat.notice.progress(event.text, event.fraction)

    @on(EngineLoaded)
    def _engine_loaded(self, event: EngineLoaded) -> None:
        self._loading = False
        self._engine = event.engine
        self.chat.status.base = event.engine.base
        self.chat.status.context_limit = event.engine.context_tokens
        self.chat.notice.close()
        wanted = self._parts.registry.active
        if wanted == event.engine.version:
            self._let_speak()
        else:
            self._use(wanted)

    @on(EngineFailed)
    def _engine_failed(self, event: EngineFailed) -> None:
        self._loading = False
        self.chat.notice.trouble(f"{event.reason} F9 tries again; you can go on teaching.")
        self.refresh_bindings()

    # Versions

    def action_versions(self) -> None:
        """Choose a version."""
        screen = VersionsScreen(self._parts.registry.versions(), self.chat.status.version, self._parts.base)
        self.push_screen(screen, self._version_chosen)

    def _version_chosen(self, version: str | None) -> None:
        if version is not None and version != (self._wanted or self.chat.status.version):
            self._use(version)

    def action_use_kept(self) -> None:
        """Activate the version that was kept but not activated."""
        if self._kept is not None:
            self._use(self._kept)

    def _use(self, version: str) -> None:
        """Let ``version`` speak from the next reply on; a reply under way ends first."""
        if self._engine is None:
            self._activate(version)
            return
        self._wanted = version
        self.chat.engine = None
        if self.chat.speech is not None:
            self.chat.tell(f"{version} speaks after this reply.")
        self._swap_when_silent()

    def _swap_when_silent(self) -> None:
        if self._wanted is not None and self._engine is not None and not self.chat.speaking and not self._swapping:
            self._swapping = True
            self.chat.notice.progress(f"Swapping in {self._wanted}", None)
            self._swap(self._engine, self._wanted)

    @work(thread=True, group="engine", exit_on_error=False)
    def _swap(self, engine: Engine, version: str) -> None:
        try:
            engine.use(version)
            self.post_message(VersionSwapped(version))
        except SocratesError as error:
            self.post_message(SwapRefused(version, str(error)))
        except Exception as error:
            log.exception("no swap")
            self.post_message(SwapRefused(version, f"The version cannot be read: {brief(error)}."))

    @on(VersionSwapped)
    def _version_swapped(self, event: VersionSwapped) -> None:
        self._activate(event.version)
        self._swap_ended(event.version)

    @on(SwapRefused)
    def _swap_refused(self, event: SwapRefused) -> None:
        assert self._engine is not None
        self.chat.status.version = self._engine.version
        self.chat.tell(f"{event.version} does not speak. {event.reason}", "error")
        self._swap_ended(event.version)

    def _swap_ended(self, version: str) -> None:
        self._swapping = False
        self.chat.notice.close()
        if self._wanted == version:
            self._wanted = None
            self._let_speak()
        else:
            self._swap_when_silent()

    def _activate(self, version: str) -> None:
        try:
            self._parts.registry.activate(version)
        except SocratesError as error:  # such as a version that was deleted meanwhile
            self.chat.tell(str(error), "error")
            return
        self.chat.status.version = version
        if version == self._kept:
            self._kept = None
            self.chat.panel.close()
        self.chat.tell("The base speaks, without an adapter." if version == BASE else f"{version} speaks now.")
        self._count_examples()
        self.refresh_bindings()

    def _let_speak(self) -> None:
        if not self._leaving:
            self.chat.engine = self._engine
        self.refresh_bindings()

    @on(SpeechEnded)
    def _speech_ended(self) -> None:
        self._swap_when_silent()
        self._leave_when_quiet()

    @on(CorpusChanged)
    def _count_examples(self) -> None:
        newest = newest_own(self._parts.registry, self._parts.base)
        self.chat.status.new_examples = self._parts.corpus.count_examples(
            "train", since=newest.as_of if newest else None
        )

    # Training

    def action_retrain(self) -> None:
        """Say what a training would be made of, and ask."""
        if not self._terms_accepted:
            self.action_load()
            return
        self._preparing = True
        self.refresh_bindings()
        self._look_ahead(self._parts.retraining(self._settings))

    @work(thread=True, group="training", exit_on_error=False)
    def _look_ahead(self, training: Training) -> None:
        try:
            self.post_message(PreflightFinished(training.preflight()))
        except SocratesError as error:
            self.post_message(PreflightFailed(str(error)))
        except Exception as error:
            log.exception("no preflight")
            self.post_message(PreflightFailed(f"The corpus cannot be read: {brief(error)}."))

    @on(PreflightFinished)
    def _preflight_finished(self, event: PreflightFinished) -> None:
        if self.screen is not self.chat:  # a dialog was opened meanwhile; its Enter must not start a training
            self._training_answered(False)
            self.chat.tell(event.preflight.sentence)
            return
        yes, no = ("Train", "Not now") if event.preflight.ready else (None, "Close")
        self.push_screen(ConfirmScreen("Retrain", event.preflight.sentence, yes, no), self._training_answered)

    @on(PreflightFailed)
    def _preflight_failed(self, event: PreflightFailed) -> None:
        self._preparing = False
        self.chat.tell(event.reason, "error")
        self.refresh_bindings()

    def _training_answered(self, confirmed: bool | None) -> None:
        self._preparing = False
        if confirmed:
            self._kept = None
            self.chat.panel.run(self._parts.retraining(self._settings))
        self.refresh_bindings()

    @on(TrainingPanel.Published)
    def _published(self, event: TrainingPanel.Published) -> None:
        if event.activate:
            self._use(event.version)
        else:
            self._kept = event.version
        self._count_examples()

    @on(TrainingPanel.Ended)
    def _training_ended(self) -> None:
        self.refresh_bindings()
        self._leave_when_quiet()

    def action_cancel_training(self) -> None:
        """Ask whether to cancel the training, and cancel it."""

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self.chat.panel.cancel()

        question = "Cancel the training? What it has learned so far is lost; what you taught is kept."
        self.push_screen(ConfirmScreen("Training", question, "Cancel it", "Go on"), answered)

    # Settings, help, leaving

    def action_settings(self) -> None:
        """Sampling, seed and system text."""
        self.push_screen(SamplingScreen(self._settings), self._set)

    def _set(self, settings: Settings | None) -> None:
        if settings is not None:
            self._settings = self.chat.settings = settings
            try:
                settings.save(self._parts.home.config)
            except SocratesError as error:
                self.chat.tell(str(error), "error")

    def _theme_changed(self, theme: object) -> None:
        if self.theme != self._settings.theme:
            self._set(self._settings.with_changes(theme=self.theme))

    def action_help(self) -> None:
        """Show every key."""
        groups = [
            ("In the prompt", acts(Prompt.BINDINGS)),
            ("On a reply", acts(TurnView.BINDINGS)),
            ("Everywhere", acts(ChatScreen.BINDINGS, TeachingScreen.BINDINGS, self.BINDINGS)),
        ]
        self.push_screen(HelpScreen(groups))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every act that is possible now."""
        yield from commands(self, self.chat, acts(TurnView.BINDINGS, ChatScreen.BINDINGS, TeachingScreen.BINDINGS))
        yield from commands(self, self, acts(self.BINDINGS))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    async def action_quit(self) -> None:
        """Leave, once nothing is said and trained any more; asked again, at once."""
        # Behind the keys that were typed just ahead and have not arrived in the text yet.
        (self.focused or self.screen).call_later(self.call_later, self._quit)

    def _quit(self) -> None:
        if isinstance(self.screen, ConfirmScreen):
            return  # the question stands already
        if self._leaving:
            self._leave()
        elif self.chat.panel.running:
            question = "A training is under way. Leave and cancel it? What you taught is kept."
            self.push_screen(ConfirmScreen("Leave", question, "Leave", "Stay"), self._leave_answered)
        else:
            self._leave_answered(True)

    def _leave_answered(self, confirmed: bool | None) -> None:
        if not confirmed:
            return
        self._leaving = True
        self.chat.engine = None
        self.chat.stop()
        self.chat.panel.cancel()
        self.workers.cancel_group(self, "engine")
        self._leave_when_quiet()

    def _leave_when_quiet(self) -> None:
        if self._leaving and not self.chat.speaking and not self.chat.panel.running:
            self._leave()

    def _leave(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, RewriteScreen):
                screen.keep()
        if self.chat.is_mounted:
            self.chat.keep_drafts()
        self.exit(return_code=0 if self.failure is None else 1)

    def _handle_exception(self, error: Exception) -> None:
        """Leave over a failure that nothing caught, such as a corpus that turns out damaged; no draft is lost."""
        if not isinstance(error, SocratesError):
            super()._handle_exception(error)
        elif self.failure is None:
            self.failure = error
            self._leave()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        match action:
            case "retrain":
                return not self._preparing and not self.chat.panel.running
            case "cancel_training":
                return self.chat.panel.running
            case "use_kept":
                return self._kept is not None
            case "load":
                return self._engine is None and not self._loading
            case "command_palette":
                return self.screen is self.chat
        return True
