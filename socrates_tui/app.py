"""The app: it owns the training, settings and leaving. Versions are versions_app's, conversations the chat screen's."""

from asyncio import get_running_loop
from collections.abc import Iterable
from functools import partial
from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.driver import Driver
from textual.screen import ModalScreen, Screen
from textual.theme import ThemeProvider

from adapters.registry import Version
from corpus.store import Corpus
from socrates_errors import SocratesError
from socrates_language import tr
from socrates_tui.acts import acts, commands, help_groups, screen_commands
from socrates_tui.drafts import SYSTEM
from socrates_tui.messages import CorpusChanged, SpeechEnded, VersionActivated
from socrates_tui.retraining import newest_own
from socrates_tui.runs import past_run, past_runs
from socrates_tui.screens.blind import BlindScreen
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.corpus import CorpusScreen
from socrates_tui.screens.curating import CuratingScreen
from socrates_tui.screens.help import HelpScreen
from socrates_tui.screens.preflight import GoTo, PreflightScreen, Start
from socrates_tui.screens.review import ReviewScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.run import RunScreen
from socrates_tui.screens.runs import RunsScreen
from socrates_tui.screens.settings import SettingsScreen
from socrates_tui.settings import Settings
from socrates_tui.sitting import measured
from socrates_tui.terminal_driver import TerminalDriver
from socrates_tui.versions_app import VersionsApp
from socrates_tui.widgets.tour import LAST_STEP, Tour, next_step
from socrates_tui.widgets.training_panel import TrainingPanel

if TYPE_CHECKING:
    from socrates_tui.compose import Parts


class SocratesApp(VersionsApp):
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
        Binding("f12", "last_run", "Measured", key_display="F12", tooltip="Show how the new version was judged"),
        Binding("f12", "runs", "Runs", key_display="F12", show=False, tooltip="Show the trainings so far"),
        Binding("f3", "versions", "Versions", key_display="F3", tooltip="Choose which version speaks"),
        Binding(
            "ctrl+g", "roll_back", "Roll back", show=False, tooltip="Let the version before speak; again, the later"
        ),
        # With priority, as a text area takes these two keys for selecting.
        Binding("f6", "review", "Review", key_display="F6", priority=True, tooltip="Review replies nobody judged yet"),
        Binding("f7", "corpus", "Corpus", key_display="F7", priority=True, tooltip="Find and judge turns of all talk"),
        Binding("f4", "settings", "Settings", key_display="F4", show=False, tooltip="See and change every setting"),
        Binding(
            "f10",
            "end_tour",
            "End the tour",
            key_display="F10",
            show=False,
            tooltip="Say no longer what to do next; F4 begins again",
        ),
        # With priority, as no other key of the app reaches over a dialog.
        Binding("f1", "help", "Help", key_display="F1", priority=True, tooltip="Show every key"),
        Binding("ctrl+p", "command_palette", "Palette", show=False, priority=True, tooltip="Search all of this"),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, tooltip="Leave; what is under way ends"),
    ]

    def __init__(self, parts: "Parts") -> None:
        super().__init__(parts)
        self.chat.measure = measured
        self._settings = parts.settings
        self._kept: str | None = None
        """The version that was published but not activated."""
        self._step: int | None = None
        """Of the tour; None where there is none."""
        self.failure: SocratesError | None = None
        """What ended the app, where the user did not."""

    def on_mount(self) -> None:
        """Take on the colours of the settings; leave in order where the system ends the program."""
        self.theme = self._settings.theme if self._settings.theme in self.available_themes else "textual-dark"
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        for end in (SIGTERM, SIGHUP):
            get_running_loop().add_signal_handler(end, self._leave_unasked)

    def get_driver_class(self) -> type[Driver]:
        """Draw on a terminal that may go away."""
        return TerminalDriver

    def on_unmount(self) -> None:
        """Close the corpus and the drafts."""
        self.parts.drafts.close()
        self.parts.corpus.close()

    # Versions

    def action_use_kept(self) -> None:
        """Activate the version that was kept but not activated."""
        if self._kept is not None:
            self.use(self._kept)

    @on(VersionActivated)
    def _version_activated(self, event: VersionActivated) -> None:
        if event.version == self._kept:
            self._kept = None
            self.chat.panel.close()
        self._count_examples()
        self.refresh_bindings()

    @on(SpeechEnded)
    def _leave_in_silence(self) -> None:
        self._leave_when_quiet()

    @on(CorpusChanged)
    @on(ChatScreen.Opened)
    def _count_examples(self) -> None:
        newest = self._newest()
        self.chat.status.new_examples = self._since(newest)
        self._guide(newest)

    def _newest(self) -> Version | None:
        return newest_own(self.parts.registry, self.parts.base)

    def _since(self, version: Version | None) -> int:
        """Count what a training would learn that ``version`` does not know."""
        return self.parts.corpus.count_examples("train", since=version.as_of if version else None)

    # The tour

    def _guide(self, newest: Version | None) -> None:
        """Say what a newcomer, whose newest version that is, has not done yet."""
        wanted = self._settings.tour
        self._step = next_step(self.parts.corpus, trained=newest is not None) if wanted else None
        for tour in self.chat.query(Tour):  # none before the screen is laid out
            tour.step = self._step
        self.refresh_bindings()

    def action_end_tour(self) -> None:
        """Say no longer what to do next."""
        self._set(self._settings.with_changes(tour=False))

    def action_versions(self) -> None:
        """Choose a version; the tour ends with its last step."""
        if self._step == LAST_STEP:
            self.action_end_tour()
        super().action_versions()

    # Turns of all conversations

    def action_review(self) -> None:
        """Review what nobody judged yet."""
        self._curate(
            ReviewScreen(
                self.parts.corpus,
                self.chat.edit,
                lambda: self._since(self._newest()),
                scales=self.scales,
                order=self._settings.review_order,
                weighing=self.weighed,
            )
        )

    @on(ReviewScreen.OrderChosen)
    def _order_chosen(self, event: ReviewScreen.OrderChosen) -> None:
        self._set(self._settings.with_changes(review_order=event.order))

    def action_corpus(self) -> None:
        """Find and judge turns of all conversations."""
        path = self.parts.home.database
        self._curate(CorpusScreen(self.parts.corpus, self.chat.edit, lambda: Corpus(path)))

    def _curate(self, screen: CuratingScreen) -> None:
        def left(turn: int | None) -> None:
            if turn is None:
                self.chat.call_later(self.chat.show_turns)
            else:
                self.chat.call_later(self.chat.go_to, turn)

        self.push_screen(screen, left)

    # Training

    def action_retrain(self) -> None:
        """Say what a training would be made of, and ask."""
        if not self.terms_accepted:
            self.action_load()
            return
        training = partial(self.parts.retraining, force=False)
        self.push_screen(PreflightScreen(self.parts.corpus, self._settings.preset, training), self._training_answered)

    def _training_answered(self, answer: Start | GoTo | None) -> None:
        match answer:
            case Start(preset, force):
                self._kept = None
                self.chat.panel.run(self.parts.retraining(preset, force=force))
                if self.screen is not self.chat:
                    self.chat.tell(tr("The training is under way: the chat shows how far it is."))
                self.refresh_bindings()
            case GoTo(turn):
                while self.screen is not self.chat:  # such as the review
                    self.pop_screen()
                self.chat.call_later(self.chat.go_to, turn)

    @on(TrainingPanel.Published)
    def _published(self, event: TrainingPanel.Published) -> None:
        if event.activate:
            self.use(event.version)
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

        question = tr("Cancel the training? What it has learned so far is lost; what you taught is kept.")
        self.push_screen(ConfirmScreen(tr("Training"), question, tr("Cancel it"), tr("Go on")), answered)

    def action_runs(self) -> None:
        """Look at the trainings so far."""
        self.push_screen(RunsScreen(past_runs(self.parts.registry)))

    def action_last_run(self) -> None:
        """Look at the training that has just ended."""
        if self.chat.panel.version is not None:
            try:
                self.push_screen(RunScreen(past_run(self.parts.registry, self.chat.panel.version)))
            except SocratesError as error:  # such as a version that was deleted meanwhile
                self.chat.tell(str(error), "error")

    # Settings, help, leaving

    def action_settings(self) -> None:
        """Look at every setting, and change it."""
        keep = partial(self.chat.keep_draft, SYSTEM)
        draft = self.parts.drafts.get(SYSTEM)
        screen = SettingsScreen(self._settings, sorted(self.available_themes), draft, keep)
        self.push_screen(screen, self._settings_answered)

    def _settings_answered(self, settings: Settings | None) -> None:
        if settings is None:
            return
        if settings.base != self._settings.base:
            self.chat.tell(tr("{base} is the base from the next start on.").format(base=settings.base))
        if self._set(settings):
            self.chat.keep_draft(SYSTEM, "")
        self.theme = settings.theme

    def _set(self, settings: Settings) -> bool:
        """Go by other settings from now on; return whether they are on disk."""
        self._settings = self.chat.settings = settings
        self._guide(self._newest())
        try:
            settings.save(self.parts.home.config)
        except SocratesError as error:
            self.chat.tell(str(error), "error")
            return False
        return True

    def _theme_changed(self, theme: object) -> None:
        if self.theme != self._settings.theme:
            self._set(self._settings.with_changes(theme=self.theme))

    def action_help(self) -> None:
        """Show every key."""
        self.push_screen(HelpScreen(help_groups(type(self.screen), self.BINDINGS)))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every act that is possible now; over a dialog only its own."""
        yield from screen_commands(self, screen)
        if isinstance(screen, ModalScreen):
            return
        yield from commands(self, self, acts(self.BINDINGS))
        yield SystemCommand(tr("Pinned prompts"), tr("Show what the newest version answers to them"), self.action_pins)
        yield SystemCommand(tr("Theme"), tr("Change the colours"), self.action_change_theme)

    def action_command_palette(self) -> None:
        """Search all that can be done now."""
        self.push_screen(CommandPalette(placeholder=tr("Search for commands…"), id="--command-palette"))

    def search_themes(self) -> None:
        """Choose the colours."""
        self.push_screen(CommandPalette([ThemeProvider], placeholder=tr("Search for themes…")))

    async def action_quit(self) -> None:
        """Leave, once nothing is said and trained any more; asked again, at once."""
        # Behind the keys that were typed just ahead and have not arrived in the text yet.
        (self.focused or self.screen).call_later(self.call_later, self._quit)

    def _quit(self) -> None:
        if any(isinstance(screen, ConfirmScreen) for screen in self.screen_stack):
            return  # a question stands already
        if self.leaving:
            self._leave()
        elif self.chat.panel.running and not self.chat.panel.concluded:
            question = tr("A training is under way. Leave and cancel it? What you taught is kept.")
            self.push_screen(ConfirmScreen(tr("Leave"), question, tr("Leave"), tr("Stay")), self._leave_answered)
        else:
            self._leave_answered(True)

    @on(TerminalDriver.Gone)
    def _leave_unasked(self) -> None:
        self._leave_answered(True)

    def _leave_answered(self, confirmed: bool | None) -> None:
        if not confirmed:
            return
        self.leaving = True
        self.chat.engine = None
        self.chat.stop()
        self.chat.panel.cancel()
        self.workers.cancel_group(self, "engine")
        self._leave_when_quiet()

    def _leave_when_quiet(self) -> None:
        if self.leaving and not self.chat.speaking and not self.chat.panel.running:
            self._leave()

    def _leave(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, BlindScreen | RewriteScreen | SettingsScreen):
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
                return not self.chat.panel.running
            case "cancel_training":
                return self.chat.panel.running
            case "last_run":
                return self.chat.panel.measured
            case "runs":
                return not self.chat.panel.measured
            case "use_kept":
                return self._kept is not None
            case "end_tour":
                return self._step is not None
            case "load":
                return self.engine is None and not self.loading_engine
            case "review" | "corpus":
                over = (CuratingScreen, ModalScreen)  # a text area in a dialog keeps these two keys
                return not any(isinstance(screen, over) for screen in self.screen_stack)
            case "help":  # the palette asks this, too, while it is open
                return not isinstance(self.screen, HelpScreen)
            case "command_palette":
                return not isinstance(self.screen, (HelpScreen, ConfirmScreen, CommandPalette))
        return super().check_action(action, parameters)
