"""The app as far as it weighs the replies that wait for a verdict: in the background, while nobody speaks."""

import logging
from collections.abc import Callable

from textual import on

from adapters.api import Engine
from corpus.losses import Scales
from corpus.store import Corpus
from socrates_errors import CorpusError, SocratesError
from socrates_language import ngettext, tr
from socrates_tui.brief import brief
from socrates_tui.loan import Loan
from socrates_tui.messages import VersionActivated, WeighingEnded, WeighingFailed, WeighingProgressed
from socrates_tui.pins_app import PinsApp
from socrates_tui.screens.review import ReviewScreen
from socrates_tui.weighing import Weighed, scales_of, weigh

log = logging.getLogger(__name__)


class WeighingApp(PinsApp):
    """Lends the engine to a weighing, and shows how far it is."""

    _weighing: Loan | None = None
    weighed: Weighed | None = None
    """How far the weighing is; None where nothing is weighed."""

    def scales(self) -> Scales:
        """Return by whom replies are weighed now."""
        registry, base = self.parts.registry, self.parts.base
        return scales_of(registry, base, self.chat.status.version or registry.active_for(base))

    @on(ReviewScreen.WeighingAsked)
    def _weigh_what_waits(self) -> None:
        if self._weighing is not None:  # the key was pressed twice
            return
        if self.engine is None:
            self.chat.tell(
                tr("Without the model nothing is weighed: Esc goes to the chat, where F9 loads it."), "warning"
            )
            return
        try:
            unweighed = self.parts.corpus.count_unweighed(self.scales())
        except CorpusError as error:
            self.chat.tell(str(error), "error")
            return
        if not unweighed:
            self.chat.tell(tr("Every reply that waits is weighed already."))
            return
        self._tell_weighed(Weighed(0, unweighed))
        self._weighing = Loan(self._weigh, gives_way=True, patient=True)
        self.lend(self._weighing)

    def _weigh(self, engine: Engine, stopped: Callable[[], bool]) -> bool:
        """Weigh what waits until it is ``stopped``; say whether all is weighed, or cannot be."""
        halted = False

        def halt() -> bool:
            nonlocal halted
            halted = halted or stopped()  # the user may be silent again before anybody asks once more
            return halted

        weighed = Weighed(0, 0)
        try:
            with Corpus(self.parts.home.database) as corpus:
                scales = scales_of(self.parts.registry, engine.base, engine.version)
                for weighed in weigh(corpus, engine, scales, stopped=halt, beside=lambda: self.chat.panel.running):
                    self.post_message(WeighingProgressed(weighed))
        except SocratesError as error:
            self.post_message(WeighingFailed(str(error)))
        except Exception as error:  # whatever a library raises, the window stays
            log.exception("nothing is weighed")
            self.post_message(WeighingFailed(tr("The engine failed: {reason}.").format(reason=brief(error))))
        else:
            if halted:
                return False
            self.post_message(WeighingEnded(engine.version, weighed))
        return True

    @on(WeighingProgressed)
    def _weighing_progressed(self, event: WeighingProgressed) -> None:
        if self._weighing is not None:
            self._tell_weighed(event.weighed)

    @on(ReviewScreen.WeighingStopped)
    def _stop_weighing(self) -> None:
        if self._weighing is not None:
            self._weighing.stop.set()
            self._weighing_over()
            self.chat.tell(tr("Nothing more is weighed. What was weighed is kept; w goes on with the rest."))

    @on(WeighingEnded)
    def _weighing_ended(self, event: WeighingEnded) -> None:
        if self._weighing is None:  # it was stopped at its last reply
            return
        self._weighing_over()
        ended = tr("Every reply that waits is weighed by {version}: o puts them into order.")
        sentences = [ended.format(version=event.version)]
        if too_long := event.weighed.too_long:
            sentence = ngettext(
                "{number} is longer than the context and has no loss.",
                "{number} are longer than the context and have no loss.",
                too_long,
            )
            sentences.append(sentence.format(number=f"{too_long:,}"))
        self.chat.tell(" ".join(sentences))

    @on(WeighingFailed)
    def _weighing_failed(self, event: WeighingFailed) -> None:
        self._weighing_over()
        kept = tr("The weighing broke off; what was weighed is kept, and w in the review goes on.")
        self.chat.tell(f"{event.reason} {kept}", "error")

    @on(VersionActivated)
    def _other_scales(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, ReviewScreen):
                screen.refresh_turns()

    def _weighing_over(self) -> None:
        self._weighing = None
        self._tell_weighed(None)

    def _tell_weighed(self, weighed: Weighed | None) -> None:
        self.weighed = self.chat.status.weighed = weighed
        for screen in self.screen_stack:
            if isinstance(screen, ReviewScreen):
                screen.weighing = weighed
