"""The app as far as it speaks: it loads the engine, swaps its versions, lends it. What it is asked is app's concern."""

import gc
import logging
from typing import TYPE_CHECKING

from textual import on, work
from textual.app import App
from textual.screen import Screen
from textual.worker import WorkerCancelled, get_current_worker

from adapters import terms
from adapters.api import BASE, Engine
from socrates_errors import SocratesError
from socrates_language import marked, tr
from socrates_tui.brief import brief
from socrates_tui.left_behind import left_behind
from socrates_tui.loan import Loan
from socrates_tui.messages import (
    EngineFailed,
    EngineLoaded,
    EngineProgressed,
    LoanEnded,
    SpeechEnded,
    SwapRefused,
    VersionActivated,
    VersionSwapped,
)
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.terms import TermsScreen

if TYPE_CHECKING:
    from socrates_tui.compose import Parts

DECLINED = marked(
    "The model is not loaded, because Gemma's terms are not accepted. F9 shows them again; you can go on teaching."
)

log = logging.getLogger(__name__)


class SpeakingApp(App[None]):
    """Owns the engine and the version that speaks; the conversation is the chat screen's."""

    def __init__(self, parts: "Parts") -> None:
        super().__init__()
        self.parts = parts
        self.terms_accepted = parts.terms_accepted
        self.engine: Engine | None = None
        self.loading_engine = False
        self.wanted: str | None = None
        """The version to speak from the next reply on, while the engine does not have it yet."""
        self.leaving = False
        """Whether nothing more is to be said."""
        self._swapping = False
        self._loans: list[Loan] = []
        """What waits for the engine; the first may have it."""
        self._lent = False
        self.chat = ChatScreen(parts.corpus, parts.settings, parts.drafts)

    def get_default_screen(self) -> Screen[None]:
        """Open with the conversation."""
        return self.chat

    @on(ChatScreen.Opened)
    def _opened(self) -> None:
        """Begin what is slow, now that the conversation is on the screen."""
        self.chat.status.base = self.parts.base
        self.chat.status.version = self.parts.registry.active_for(self.parts.base)
        self.action_load()

    def action_load(self) -> None:
        """Load the engine, once the terms are accepted."""
        if self.loading_engine or self.engine is not None:
            return
        if self.terms_accepted:
            self.loading_engine = True
            self.chat.notice.progress(tr("Loading the model"), None)
            self._load()
        else:
            self.push_screen(TermsScreen(terms.TEXT), self._terms_answered)
        self.refresh_bindings()

    def _terms_answered(self, accepted: bool | None) -> None:
        if accepted:
            self.parts.accept_terms()
            self.terms_accepted = True
            self.action_load()
        else:
            self.chat.notice.trouble(tr(DECLINED))
            self.refresh_bindings()

    @work(group="engine", exit_on_error=False)
    async def _load(self) -> None:
        worker = get_current_worker()

        def progress(text: str, fraction: float | None) -> None:
            if worker.is_cancelled:
                raise WorkerCancelled
            self.post_message(EngineProgressed(text, fraction))

        try:
            engine = await left_behind(lambda: self.parts.load_engine(progress))
            self.post_message(EngineLoaded(engine))
        except WorkerCancelled:
            pass
        except SocratesError as error:
            self.post_message(EngineFailed(str(error)))
        except Exception as error:  # whatever a library raises, the window stays
            log.exception("no engine")
            reason = tr("The model cannot be loaded: {reason}. `socrates doctor` says more.")
            self.post_message(EngineFailed(reason.format(reason=brief(error))))

    @on(EngineProgressed)
    def _engine_progressed(self, event: EngineProgressed) -> None:
        self.chat.notice.progress(event.text, event.fraction)

    @on(EngineLoaded)
    def _engine_loaded(self, event: EngineLoaded) -> None:
        self.loading_engine = False
        gc.freeze()  # modules and models stay: looking through them for garbage would keep a key waiting for 0.2 s
        self.engine = event.engine
        self.chat.status.base = event.engine.base
        self.chat.status.context_limit = event.engine.context_tokens
        self.chat.notice.close()
        wanted = self.parts.registry.to_speak(self.parts.base)
        if wanted == event.engine.version:
            self._let_speak()
            self._swap_when_silent()
        else:
            self.use(wanted)

    @on(EngineFailed)
    def _engine_failed(self, event: EngineFailed) -> None:
        self.loading_engine = False
        again = tr("F9 tries again; you can go on teaching.")
        self.chat.notice.trouble(f"{event.reason} {again}")
        self.refresh_bindings()

    # Versions

    def use(self, version: str) -> None:
        """Let ``version`` speak from the next reply on; a reply under way ends first."""
        if self.engine is None:
            self._activate(version)
            return
        self.wanted = version
        self.chat.engine = None
        if self.chat.speech is not None:
            self.chat.tell(tr("{version} speaks after this reply.").format(version=version))
        self._swap_when_silent()

    def _swap_when_silent(self) -> None:
        if self.engine is None or self.chat.speaking or self._swapping or self._lent:
            return
        if self.wanted is not None:
            self._swapping = True
            self.chat.notice.progress(tr("Swapping in {version}").format(version=self.wanted), None)
            self._swap(self.engine, self.wanted)
        elif self._loans and not self.leaving and not (self._loans[0].gives_way and self.chat.waiting):
            self._lent = True
            loan = self._loans[0]
            if not (loan.patient or (loan.gives_way and loan.version == self.engine.version)):
                self.chat.engine = None
            self._work(self.engine, loan)

    @work(thread=True, group="engine", exit_on_error=False)
    def _swap(self, engine: Engine, version: str) -> None:
        try:
            engine.use(version)
            self.post_message(VersionSwapped(version))
        except SocratesError as error:
            self.post_message(SwapRefused(version, str(error)))
        except Exception as error:
            log.exception("no swap")
            reason = tr("The version cannot be read: {reason}.").format(reason=brief(error))
            self.post_message(SwapRefused(version, reason))

    @on(VersionSwapped)
    def _version_swapped(self, event: VersionSwapped) -> None:
        self._activate(event.version)
        self._swap_ended(event.version)

    @on(SwapRefused)
    def _swap_refused(self, event: SwapRefused) -> None:
        assert self.engine is not None
        self.chat.status.version = self.engine.version
        refused = tr("{version} does not speak.").format(version=event.version)
        self.chat.tell(f"{refused} {event.reason}", "error")
        self._swap_ended(event.version)

    def _swap_ended(self, version: str) -> None:
        self._swapping = False
        self.chat.notice.close()
        if self.wanted == version:
            self.wanted = None
            self._let_speak()
        self._swap_when_silent()

    def _activate(self, version: str) -> None:
        try:
            self.parts.registry.activate(version)
        except SocratesError as error:  # such as a version that was deleted meanwhile
            self.chat.tell(str(error), "error")
            return
        self.chat.status.version = version
        base, trained = tr("The base speaks, without an adapter."), tr("{version} speaks now.")
        self.chat.tell(base if version == BASE else trained.format(version=version))
        self.post_message(VersionActivated(version))

    def _let_speak(self) -> None:
        if not self.leaving:
            self.chat.engine = self.engine
        self.refresh_bindings()

    @on(SpeechEnded)
    def _speech_ended(self) -> None:
        self._swap_when_silent()

    # Lending

    def lend(self, loan: Loan) -> None:
        """Let ``loan`` have the engine as soon as nothing is said."""
        if loan.gives_way:
            patient = (place for place, other in enumerate(self._loans) if other.patient)
            self._loans.insert(len(self._loans) if loan.patient else next(patient, len(self._loans)), loan)
        else:
            self._loans.insert(0, loan)
            self.chat.engine = None
        self._swap_when_silent()

    @work(thread=True, group="engine", exit_on_error=False)
    def _work(self, engine: Engine, loan: Loan) -> None:
        def stopped() -> bool:
            spoken = self.chat.waiting or self.chat.speaking
            first = spoken or self.wanted is not None or self._loans[0] is not loan
            return self.leaving or loan.stop.is_set() or (loan.gives_way and first)

        speaks = engine.version
        done = loan.work(engine, stopped)
        try:
            if engine.version != speaks and not self.leaving:
                engine.use(speaks)
            self.post_message(LoanEnded(loan, done))
        except SocratesError as error:  # such as a version that another program deleted meanwhile
            silent = tr("{version} speaks no longer.").format(version=speaks)
            self.post_message(LoanEnded(loan, done, f"{silent} {error}"))
        except Exception as error:
            log.exception("no swap back")
            silent = tr("{version} speaks no longer: {reason}.").format(version=speaks, reason=brief(error))
            self.post_message(LoanEnded(loan, done, silent))

    @on(LoanEnded)
    def _loan_ended(self, event: LoanEnded) -> None:
        assert self.engine is not None
        self._lent = False
        if event.done or event.loan.stop.is_set():
            self._loans.remove(event.loan)
        if event.trouble:
            self.chat.status.version = self.engine.version
            self.chat.tell(event.trouble, "error")
        if self.wanted is None and all(loan.gives_way for loan in self._loans):
            self._let_speak()
        self._swap_when_silent()
