"""The main screen: what is said between the user and the engine, and how everything else stands."""

from contextlib import suppress
from dataclasses import asdict, replace
from threading import Event
from typing import Any, ClassVar, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from adapters import api
from adapters.api import Engine, Finished, Sampling
from corpus.records import Act, Turn
from corpus.store import Corpus
from socrates_errors import CorpusBusyError, CorpusError
from socrates_language import ngettext, tr
from socrates_tui.drafts import PROMPT, Drafts
from socrates_tui.messages import ReplyFailed, ReplyFinished, ReplyStreamed, SpeechEnded
from socrates_tui.screens.prompting import PromptingScreen
from socrates_tui.settings import SEEDS, Settings
from socrates_tui.speech import Speech, speak
from socrates_tui.widgets.conversation_list import ConversationList
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.notice import Notice
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.status_line import StatusLine, about_tokens
from socrates_tui.widgets.tour import Tour
from socrates_tui.widgets.training_panel import TrainingPanel
from socrates_tui.widgets.transcript import Transcript
from socrates_tui.widgets.turn_view import TurnView


class ChatScreen(PromptingScreen):
    """Asks the engine and keeps its replies."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "regenerate", "Again", priority=True, show=False, tooltip="Ask for another reply"),
        Binding("escape", "stop", "Stop", priority=True, tooltip="Stop the reply; else take back what waits"),
        Binding("escape", "close_panel", "Close", priority=True, tooltip="Close what is told of the last training"),
        Binding("escape", "leave_revision", "Leave it", priority=True, tooltip="Do not ask otherwise after all"),
        Binding("escape", "write", "Prompt", show=False, tooltip="Go back to the prompt"),
    ]

    class Opened(Message):
        """The screen is drawn, with the newest conversation."""

    engine: var[Engine | None] = var(None, init=False)
    """What speaks; None while nothing can."""

    def __init__(self, corpus: Corpus, settings: Settings, drafts: Drafts) -> None:
        super().__init__(corpus, drafts)
        self.settings = settings
        self.speech: Speech | None = None
        """What is being said now."""
        self._waiting: list[Speech] = []
        self._left_out: dict[int, int] = {}
        """By conversation, how many of its oldest turns were not read for its newest reply."""

    def compose(self) -> ComposeResult:
        """Lay out the screen from top to bottom."""
        yield Static(id="title")
        with Container(id="body"):
            yield ConversationList(self.corpus.conversations, narrow=True)
            yield Transcript()
            yield TrainingPanel()
        yield Notice()
        yield Tour()
        yield Prompt(self.drafts.get(PROMPT) or "", past=self.past_prompts, placeholder=tr("Ask, or answer …"))
        yield StatusLine()
        yield KeyLine()

    def on_mount(self) -> None:
        """Open the newest conversation; its turns are shown once the screen has been drawn."""
        newest = self.corpus.conversations(limit=1)
        self.conversation = newest[0] if newest else None  # for a prompt that is sent before that
        self.prompt.focus()
        self.prompt.move_cursor(self.prompt.document.end)
        self.call_after_refresh(self._begin)

    async def _begin(self) -> None:
        await self.open(self.conversation)
        await self.store_unstored()
        self.post_message(self.Opened())

    @property
    def status(self) -> StatusLine:
        """The line that always tells how things stand."""
        return self.query_one(StatusLine)

    @property
    def notice(self) -> Notice:
        """Why nothing can be said yet."""
        return self.query_one(Notice)

    @property
    def panel(self) -> TrainingPanel:
        """The training under way."""
        return self.query_one(TrainingPanel)

    @on(Prompt.Paused)
    def keep_drafts(self) -> None:
        """Keep what was written or asked and not answered, for the next start."""
        asked = [speech for speech in self._speeches if not speech.again and not speech.stored_as]
        unsaid = [*(speech.prompt for speech in asked), self.set_aside, self.unsent]
        self.keep_draft(PROMPT, "\n\n".join(filter(None, unsaid)))

    @property
    def _speeches(self) -> list[Speech]:
        return [*([] if self.speech is None else [self.speech]), *self._waiting]

    @property
    def speaking(self) -> bool:
        """Whether the engine speaks; a reply that waits to be stored is spoken."""
        return self.speech is not None and not self.speech.stored_as

    @property
    def waiting(self) -> bool:
        """Whether a prompt waits for its reply."""
        return bool(self._waiting)

    def stop(self) -> None:
        """Let the engine stop, if it speaks."""
        if self.speech is not None and not self.speech.stored_as:
            self.speech.stop.set()
            self.speech.tell(tr("stops …"))

    def _here(self, speech: Speech) -> bool:
        return self.conversation is not None and speech.conversation == self.conversation.id

    def unanswered(self) -> list[TurnView]:
        """Give every prompt of this conversation that has no reply yet a view; take it from the others."""
        for speech in self._speeches:
            if not self._here(speech):
                speech.view = None
            elif speech.view is None:
                speech.view = TurnView(speech.prompt, said=speech.said, state=speech.state)
        return [speech.view for speech in self._speeches if speech.view is not None]

    def hidden(self) -> int | None:
        """Return the turn in whose place another is being said."""
        return None if self.speech is None else self.speech.replaces

    async def show_turns(self, focus: int | None = None) -> None:
        """Show the conversation, and how much of the context it takes."""
        await super().show_turns(focus)
        last = self.last
        counted = last is None or last.prompt_tokens is not None
        self.status.context_estimated = not counted
        if last is None or last.prompt_tokens is None:
            self.status.context_used = sum(about_tokens(turn.prompt) + about_tokens(turn.text) for turn in self.turns)
        else:
            self.status.context_used = last.prompt_tokens + (last.reply_tokens or 0)
        self.status.left_out = 0 if self.conversation is None else self._left_out.get(self.conversation.id, 0)

    @on(Prompt.Sent)
    async def _prompt_sent(self, event: Prompt.Sent) -> None:
        if self.conversation is None:
            try:
                self.conversation = self.corpus.create_conversation(system=self.settings.system_prompt)
            except CorpusError as error:
                self.prompt.text = event.text
                self.tell(str(error), "error")
                return
        state = tr("waits for the engine") if self.engine is None else tr("waits its turn")
        replaces = None if self.revised is None else self.revised.id
        self._waiting.append(Speech(self.conversation.id, event.text, replaces=replaces, state=state))
        self.leave_revision()
        self.keep_drafts()
        await self.show_turns()
        self.transcript.anchor()
        await self._speak_next()

    @on(Prompt.Left)
    def _prompt_left(self) -> None:
        if views := self.transcript.views:
            views[-1].focus()

    async def watch_engine(self) -> None:
        """Answer what was asked in the meantime."""
        await self._speak_next()

    async def _speak_next(self) -> None:
        if self.engine is None or self.speech is not None or not self._waiting:
            self.refresh_bindings()
            return
        speech = self._waiting.pop(0)
        try:
            if speech.replaces is None:
                thread = self.corpus.thread(speech.conversation)
                speech.parent = thread[-1].id if thread else None
            else:
                speech.parent = self.corpus.turn(speech.replaces).parent
        except CorpusError as error:  # such as a conversation that another program took away
            self._give_back(speech)
            self.tell(str(error), "error")
            return
        await self._speak(self.engine, speech)

    async def _speak(self, engine: Engine, speech: Speech) -> None:
        if self.speech is not None:  # the key was pressed twice
            return
        self.speech = speech
        speech.tell(tr("thinks …"))
        await self.show_turns()
        try:
            context = self.corpus.context(speech.conversation, parent=speech.parent)
        except CorpusError as error:  # such as a turn that another program took away
            self.speech = None
            self._give_back(speech)
            self.tell(str(error), "error")
            await self.show_turns()
            return
        messages = [*cast("list[api.Message]", context), api.Message(role="user", content=speech.prompt)]
        speech.sampling = self._sampling(speech)
        self._ask(engine, messages, speech.sampling, speech.stop)

    def _sampling(self, speech: Speech) -> Sampling:
        """Return how the reply is drawn; where the settings fix a seed, another reply to a prompt takes the next."""
        sampling = self.settings.sampling.to_sampling()
        if sampling.seed is None or speech.replaces is None:
            return sampling
        return replace(sampling, seed=(sampling.seed + len(self.corpus.siblings(speech.replaces))) % SEEDS)

    @work(thread=True, group="speech", exit_on_error=False)
    def _ask(self, engine: Engine, messages: list[api.Message], sampling: Sampling, stop: Event) -> None:
        speak(engine, messages, sampling, self.post_message, stopped=stop.is_set, beside=lambda: self.panel.running)

    @on(ReplyStreamed)
    def _reply_streamed(self, event: ReplyStreamed) -> None:
        if self.speech is not None:
            if not self.speech.said:
                self.speech.tell(tr("speaks …"))
            self.speech.said += event.text
            if self.speech.view is not None:
                self.speech.view.stream(event.text)

    @on(ReplyFinished)
    async def _reply_finished(self, event: ReplyFinished) -> None:
        speech, finished = self.speech, event.finished
        if speech is None:
            return
        if finished.tokens_per_s:
            self.status.tokens_per_s = finished.tokens_per_s
        self._tell_left_out(speech.conversation, finished.turns_left_out)
        if finished.reply:
            await self._keep(speech, self._fields(speech, finished))
            return
        self._give_back(speech)
        if finished.stopped_by != "user":
            self.tell(tr("The reply was empty, so nothing was kept: ask again, or in other words."), "warning")
        await self._reply_kept(speech, None)

    async def _keep(self, speech: Speech, fields: dict[str, Any]) -> None:
        """Store the reply as a whole turn."""
        turn = None
        try:
            turn = self.corpus.add_turn(**fields)
        except CorpusBusyError as error:
            speech.stored_as = self.store_later("add_turn", **fields)
            self.corpus.spare(speech.conversation)
            speech.tell(tr("waits to be stored …"))
            kept = tr("The reply is kept, and stored as soon as that has ended.")
            self.tell(f"{error.reason} {kept}", "warning")
            self.keep_drafts()
            self.post_message(SpeechEnded(None))
            return
        except CorpusError as error:
            self._give_back(speech)
            lost = tr("The reply could not be kept.")
            self.tell(f"{lost} {error}", "error")
        await self._reply_kept(speech, turn)

    def _tell_left_out(self, conversation: int, turns: int) -> None:
        """Say so when a conversation no longer fits into the context, and each time more of it does not."""
        if turns > self._left_out.get(conversation, 0):
            sentence = ngettext(
                "The conversation is longer than the context: its oldest turn was not read for this reply.",
                "The conversation is longer than the context: its {number} oldest turns were not read for this reply.",
                turns,
            )
            self.tell(sentence.format(number=f"{turns:,}"), "warning")
        self._left_out[conversation] = turns

    async def _reply_kept(self, speech: Speech, turn: Turn | None) -> None:
        self.speech = None
        if turn is not None and speech.view is not None:
            speech.view.settle(turn, self.place(turn))
        await self._speech_ended(turn)

    async def stored(self, key: str, arguments: dict[str, Any], stored: Turn | Act | None) -> None:
        """Go on after a reply that waited to be stored."""
        if self.speech is not None and self.speech.stored_as == key:
            await self._reply_kept(self.speech, stored if isinstance(stored, Turn) else None)
        else:
            await super().stored(key, arguments, stored)

    @on(ReplyFailed)
    async def _reply_failed(self, event: ReplyFailed) -> None:
        speech = self.speech
        if speech is None:
            return
        if said := speech.said.strip():
            kept = tr("What was said until then is kept.")
            self.tell(f"{event.reason} {kept}", "error")
            await self._keep(speech, self._asked(speech) | {"reply": said, "stopped_by": "failed"})
        else:
            self.speech = None
            self._give_back(speech)
            self.tell(event.reason, "error")
            await self._speech_ended(None)

    async def _speech_ended(self, turn: Turn | None) -> None:
        self.keep_drafts()
        await self.show_turns()
        self.post_message(SpeechEnded(turn))
        await self._speak_next()

    def _asked(self, speech: Speech) -> dict[str, Any]:
        """Return what is known of a turn before its reply ends, as the corpus takes it."""
        return {
            "conversation": speech.conversation,
            "parent": speech.parent,
            "prompt": speech.prompt,
            "version": self.status.version if self.engine is None else self.engine.version,
            "base": self.status.base,
            "sampling": asdict(speech.sampling),
        }

    def _fields(self, speech: Speech, finished: Finished) -> dict[str, Any]:
        """Return the whole turn that the reply makes, as the corpus takes it."""
        return self._asked(speech) | {
            "reply": finished.reply,
            "version": finished.version,
            "seed": finished.seed,
            "sampling": asdict(speech.sampling) | {"seed": finished.seed},
            "stopped_by": finished.stopped_by,
            "prompt_tokens": finished.prompt_tokens,
            "reply_tokens": finished.reply_tokens,
            "tokens_per_s": finished.tokens_per_s,
        }

    def _give_back(self, speech: Speech) -> None:
        """Put a prompt without a reply back where it was written."""
        if speech.again:
            return
        if speech.replaces is not None and self._here(speech):
            with suppress(CorpusError):  # another program may have taken the turn away
                self.revise(self.corpus.turn(speech.replaces), speech.prompt)
                return
        self.prompt.text = "\n\n".join(filter(None, [speech.prompt, self.prompt.text]))
        self.prompt.move_cursor(self.prompt.document.end)

    async def action_stop(self) -> None:
        """Stop the reply; else take back the last prompt that waits."""
        if self.speaking:
            self.stop()
        elif self._waiting:
            self._give_back(self._waiting.pop())
            self.keep_drafts()
            self.call_later(self.show_turns)

    def action_close_panel(self) -> None:
        """Close what is told of the last training."""
        self.panel.close()
        self.refresh_bindings()

    async def action_regenerate(self) -> None:
        """Ask for another reply to the last prompt."""
        last = self.last
        if last is not None and self.engine is not None:
            speech = Speech(last.conversation, last.prompt, parent=last.parent, replaces=last.id, again=True)
            self.prompt.focus()
            self.transcript.anchor()
            self.call_later(self._speak, self.engine, speech)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        if not self.is_mounted:
            return True
        match action:
            case "stop":
                return bool(self._speeches)
            case "leave_revision" if self._speeches:
                return False
            case "close_panel":
                return not self._speeches and self.panel.concluded and self.revised is None
            case "regenerate":
                silent = self.engine is not None and self.speech is None
                return silent and self.last is not None and self.target == self.last
            case "flip" if self.speech is not None:
                return False
        return super().check_action(action, parameters)
