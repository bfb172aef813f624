"""The app as far as it sets two versions against each other without their names, and keeps which reply was picked."""

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual import on

from adapters.api import BASE, Chunk, Engine, Message
from corpus.examples import context
from socrates_errors import CorpusError, SocratesError
from socrates_language import tr
from socrates_tui.blind import Question, Side
from socrates_tui.brief import brief
from socrates_tui.drafts import BLIND
from socrates_tui.loan import Loan
from socrates_tui.messages import PairFailed, PairFinished, PairStreamed
from socrates_tui.screens.blind import BlindScreen
from socrates_tui.side_by_side import picks_sentence
from socrates_tui.speaking_app import SpeakingApp

if TYPE_CHECKING:
    from socrates_tui.compose import Parts

log = logging.getLogger(__name__)


class BlindApp(SpeakingApp):
    """Lets two versions reply, shows what they say, and stores the pick."""

    def __init__(self, parts: "Parts") -> None:
        super().__init__(parts)
        self._versions = (BASE, BASE)
        """The two that are set against each other."""
        self._question: Question | None = None
        """What they are asked; None once the screen is left."""
        self._replies: dict[Side, str] = {}
        self._loan: Loan | None = None
        self._blind: BlindScreen
        """Where they reply, once there was one."""

    def set_against(self, first: str, second: str, left: Callable[[], None]) -> None:
        """Let ``first`` and ``second`` reply to what the user asks, until the screen is ``left``."""
        if self.engine is None:
            self.chat.tell(tr("Without the model nobody replies: F9 loads it."), "warning")
            left()
            return
        self._versions = (first, second)

        def closed(_: None) -> None:
            self._let_go()
            left()

        self._blind = BlindScreen(
            tr("{first} and {second}, blind").format(first=first, second=second),
            self.parts.drafts.get(BLIND) or "",
            partial(self.chat.keep_draft, BLIND),
            has_last=self.chat.last is not None,
        )
        self.push_screen(self._blind, closed)

    def _let_go(self) -> None:
        self._question = None
        if self._loan is not None:
            self._loan.stop.set()

    @on(BlindScreen.Asked)
    def _asked_both(self, event: BlindScreen.Asked) -> None:
        settings, last = self.chat.settings, self.chat.last
        try:
            if event.prompt is not None:
                prompt, turn, before = event.prompt, None, context(settings.system_prompt.strip(), [])
            elif last is not None:
                prompt, turn = last.prompt, last.id
                before = self.parts.corpus.context(last.conversation, parent=last.parent)
            else:
                return
        except CorpusError as error:
            self._blind.tell(str(error))
            return
        messages = [*cast("list[Message]", before), Message(role="user", content=prompt)]
        question = Question.put(messages, turn, self._versions, settings.sampling.to_sampling())
        self._question = question
        self._blind.begin(prompt)
        self._loan = Loan(lambda engine, stopped: self._let_both_reply(engine, question, stopped))
        self.lend(self._loan)

    def _let_both_reply(self, engine: Engine, question: Question, stopped: Callable[[], bool]) -> bool:
        replies: dict[Side, str] = {}
        try:
            for side, item in question.ask(engine, stopped, lambda: self.chat.panel.running):
                if isinstance(item, Chunk):
                    self.post_message(PairStreamed(question, side, item.text))
                else:
                    replies[side] = item.reply
            if not stopped():
                self.post_message(PairFinished(question, replies))
        except SocratesError as error:
            self.post_message(PairFailed(question, str(error)))
        except Exception as error:  # the window must not close over a reply
            log.exception("no pair of replies")
            reason = tr("The engine failed: {reason}. Try again.").format(reason=brief(error))
            self.post_message(PairFailed(question, reason))
        return True

    @on(PairStreamed)
    def _pair_streamed(self, event: PairStreamed) -> None:
        if event.question is self._question:
            self._blind.stream(event.side, event.text)

    @on(PairFinished)
    def _pair_finished(self, event: PairFinished) -> None:
        if event.question is self._question:
            self._replies = event.replies
            self._blind.settle(event.replies)

    @on(PairFailed)
    def _pair_failed(self, event: PairFailed) -> None:
        if event.question is self._question:
            self._blind.fail(event.reason, event.question.prompt if event.question.turn is None else "")

    @on(BlindScreen.Picked)
    def _picked(self, event: BlindScreen.Picked) -> None:
        question = self._question
        if question is None or self._blind.state != "picking":  # the key was pressed twice
            return
        try:
            self.parts.corpus.pick(question.pick(self.parts.base, self._replies, event.chosen))
        except CorpusError as error:  # the reply stays to be picked
            self._blind.tell(str(error))
            return
        self._blind.reveal(question.versions, event.chosen, self._standing(question.versions))

    @on(BlindScreen.Undone)
    def _undone(self) -> None:
        question = self._question
        if question is None or self._blind.state != "picked":
            return
        try:
            self.parts.corpus.undo()
        except CorpusError as error:
            self._blind.tell(str(error))
            return
        self._blind.state = "asking"
        taken_back = tr("Taken back.")
        self._blind.tell(f"{taken_back} {self._standing(question.versions)}")

    def _standing(self, versions: tuple[str, str]) -> str:
        first, second = sorted(versions)
        return picks_sentence(first, second, self.parts.corpus.tallies(self.parts.base).get((second, first)))
