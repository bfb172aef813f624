"""The app as far as it keeps pinned prompts: new versions answer them, and what they say is shown and rewritten."""

import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from textual import on

from adapters.api import Engine
from corpus.store import Corpus
from socrates_errors import CorpusError, SocratesError
from socrates_language import ngettext, tr
from socrates_tui.blind_app import BlindApp
from socrates_tui.brief import brief
from socrates_tui.drafts import answer_of
from socrates_tui.loan import Loan
from socrates_tui.messages import PinsAnswered, PinsFailed
from socrates_tui.pins import answer_pins
from socrates_tui.screens.pins import ChosenPin, PinsScreen
from socrates_tui.screens.rewrite import Edited, RewriteScreen
from socrates_tui.widgets.training_panel import TrainingPanel

log = logging.getLogger(__name__)


class PinsApp(BlindApp):
    """Lets versions answer the pinned prompts while nobody speaks."""

    @on(TrainingPanel.Published)
    def _answer_again(self, event: TrainingPanel.Published) -> None:
        self._let_answer(event.version)

    def _let_answer(self, version: str) -> None:
        try:
            pins = self.parts.corpus.pins()
        except CorpusError as error:
            self.chat.tell(str(error), "error")
            return
        if pins:
            self.lend(Loan(partial(self._answer_pins, version, []), version, gives_way=True))

    def _answer_pins(self, version: str, answered: list[int], engine: Engine, stopped: Callable[[], bool]) -> bool:
        """Add to ``answered`` what is answered until it is ``stopped``; say whether all is."""
        halted = False

        def halt() -> bool:
            nonlocal halted
            halted = halted or stopped()  # the user may be silent again before anybody asks once more
            return halted

        try:
            with Corpus(self.parts.home.database) as corpus:
                longest, beside = self.chat.settings.sampling.max_new_tokens, lambda: self.chat.panel.running
                for turn in answer_pins(corpus, engine, version, longest, stopped=halt, beside=beside):
                    answered.append(turn)
        except SocratesError as error:
            self.post_message(PinsFailed(version, str(error)))
        except Exception as error:  # whatever a library raises, the window stays
            log.exception("pinned prompts were not answered")
            reason = tr("The engine failed: {reason}.").format(reason=brief(error))
            self.post_message(PinsFailed(version, reason))
        else:
            if halted:
                return False
            if answered:
                self.post_message(PinsAnswered(version, len(answered)))
        return True

    @on(PinsAnswered)
    def _pins_answered(self, event: PinsAnswered) -> None:
        answered = ngettext(
            "{number} pinned prompt is answered by {version}: F3, then p shows what it says.",
            "{number} pinned prompts are answered by {version}: F3, then p shows what it says.",
            event.count,
        )
        self.chat.tell(answered.format(number=f"{event.count:,}", version=event.version))

    @on(PinsFailed)
    def _pins_failed(self, event: PinsFailed) -> None:
        refused = tr("{version} does not answer the pinned prompts.").format(version=event.version)
        self.chat.tell(f"{refused} {event.reason}", "error")

    def action_pins(self) -> None:
        """Show the pinned prompts."""
        self.show_pins(lambda: None)

    def show_pins(self, left: Callable[[], None], at: int | None = None) -> None:
        """Show the pinned prompts, with the cursor on the turn ``at``, until the screen is ``left``."""

        def chosen(answer: ChosenPin | None) -> None:
            if answer is None:
                left()
            elif answer.act == "answer":
                self._let_answer(self.chat.status.version)
                answers = tr("{version} answers while you are silent.")
                self.chat.tell(answers.format(version=self.chat.status.version))
            elif answer.turn is None:
                self.show_pins(left)
            elif answer.act == "unpin":
                self._change_pins(lambda corpus: corpus.unpin(answer.turn or 0))
                self.show_pins(left)
            else:
                self._rewrite_answer(answer.turn, left)

        self.push_screen(PinsScreen(self.parts.corpus.pins(), at, self.chat.status.version), chosen)

    def _rewrite_answer(self, turn: int, left: Callable[[], None]) -> None:
        pin = next((pin for pin in self.parts.corpus.pins() if pin.turn.id == turn), None)
        if pin is None:
            self.show_pins(left)
            return
        answer = pin.answers[0]
        key = answer_of(turn, answer.version)
        rewritten = replace(pin.turn, reply=answer.reply, rewrite=None)
        if answer.turn is not None:
            rewritten = self.parts.corpus.turn(answer.turn)

        def edited(result: Edited | None) -> None:
            draft = "" if result is None or result.saved or not result.changed else result.text
            if result is not None and result.saved:
                kept = self._change_pins(lambda corpus: corpus.rewrite_pin(turn, answer.version, result.text))
                draft = "" if kept else result.text
            self.chat.keep_draft(key, draft)
            self.show_pins(left, turn)

        keep = partial(self.chat.keep_draft, key)
        self.push_screen(RewriteScreen(rewritten, self.parts.drafts.get(key), keep), edited)

    def _change_pins(self, act: Callable[[Corpus], object]) -> bool:
        """Do ``act`` and show the conversation anew; say why not, where it cannot be done."""
        try:
            act(self.parts.corpus)
        except CorpusError as error:
            self.chat.tell(str(error), "error")
            return False
        self.chat.call_later(self.chat.show_turns)
        return True
