"""The main screen: one conversation, the prompt, and what is going on."""

from collections.abc import Callable
from dataclasses import asdict
from threading import Event
from typing import ClassVar, Literal, cast

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.widgets import Footer, Static

from adapters import api
from adapters.api import Engine, Finished, Sampling
from corpus.records import Act, Conversation, Turn
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_tui.drafts import PROMPT, Drafts, rewrite_of
from socrates_tui.messages import CorpusChanged, ReplyFailed, ReplyFinished, ReplyStreamed, SpeechEnded
from socrates_tui.plain_text import plain
from socrates_tui.screens.conversations import Chosen, ConversationsScreen
from socrates_tui.screens.rewrite import Edited, RewriteScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.settings import Settings
from socrates_tui.speech import Speech, speak
from socrates_tui.widgets.notice import Notice
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.status_line import StatusLine
from socrates_tui.widgets.training_panel import TrainingPanel
from socrates_tui.widgets.transcript import Transcript
from socrates_tui.widgets.turn_view import Place, TurnView

SHOWN = 20
"""Turns put on the screen at once; the earlier ones when they are wanted."""


class ChatScreen(Screen[None]):
    """Shows a conversation, asks the engine, and writes turns and verdicts into the corpus."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012  (textual declares it so)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "stop",
            "Stop",
            priority=True,
            tooltip="Stop the reply; else take back what waits",
        ),
        Binding("escape", "write", "Prompt", show=False, tooltip="Go back to the prompt"),
        Binding("ctrl+e", "rewrite", "Rewrite", priority=True, tooltip="Rewrite the last reply, or the one in focus"),
        Binding(
            "ctrl+r",
            "regenerate",
            "Again",
            priority=True,
            show=False,
            tooltip="Ask for another reply",
        ),
        Binding("ctrl+o,f2", "conversations", "Talks", key_display="F2", tooltip="Open, begin, rename a conversation"),
        Binding("ctrl+n", "new", "New", show=False, tooltip="Begin a new conversation"),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False, priority=True, tooltip="Scroll up"),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False, priority=True, tooltip="Scroll down"),
    ]

    class Opened(Message):
        """The screen is drawn, with the newest conversation."""

    engine: var[Engine | None] = var(None, init=False)
    """What speaks; None while nothing can."""

    def __init__(self, corpus: Corpus, settings: Settings, drafts: Drafts) -> None:
        super().__init__()
        self.settings = settings
        self.speech: Speech | None = None
        """What is being said now."""
        self._corpus = corpus
        self._drafts = drafts
        self._conversation: Conversation | None = None
        self._waiting: list[Speech] = []
        self._window = SHOWN

    def compose(self) -> ComposeResult:
        """Lay out the screen from top to bottom."""
        yield Static(id="title")
        with Container(id="body"):
            yield Transcript()
            yield TrainingPanel()
        yield Notice()
        yield Prompt(self._drafts.get(PROMPT) or "", placeholder="Ask, or answer …")
        yield StatusLine()
        yield Footer()

    def on_mount(self) -> None:
        """Open the newest conversation, once the screen has been drawn."""
        self.prompt.focus()
        self.prompt.move_cursor(self.prompt.document.end)
        self.call_after_refresh(self._open_newest)

    @property
    def prompt(self) -> Prompt:
        """Where the user writes."""
        return self.query_one(Prompt)

    @property
    def transcript(self) -> Transcript:
        """The turns."""
        return self.query_one(Transcript)

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

    def keep_drafts(self) -> None:
        """Keep what was written or asked and not answered, for the next start."""
        asked = [speech for speech in (self.speech, *self._waiting) if speech is not None and speech.replaces is None]
        unsaid = [*(speech.prompt for speech in asked), self.prompt.text.strip()]
        self._drafts.keep(PROMPT, "\n\n".join(filter(None, unsaid)))

    # Conversations

    async def _open_newest(self) -> None:
        conversations = self._corpus.conversations()
        await self._open(conversations[0] if conversations else None)
        self.post_message(self.Opened())

    async def _open(self, conversation: Conversation | None) -> None:
        self._conversation = conversation
        self._window = SHOWN
        await self._show()
        self.transcript.anchor()
        self.prompt.focus()

    async def _show(self, focus: int | None = None) -> None:
        """Show the conversation as the corpus has it; put the focus on the turn ``focus``."""
        if self._conversation is None:
            title, turns = "New conversation", []
        else:
            self._conversation = self._corpus.conversation(self._conversation.id)
            title, turns = self._conversation.title or "New conversation", self._thread()
        if self.speech is not None and self.speech.replaces is not None and self._here(self.speech):
            turns = [turn for turn in turns if turn.id != self.speech.replaces]
        shown = turns[-self._window :]
        places = [(turn, self._place(turn)) for turn in shown]
        unanswered = self._unanswered_views()
        self.query_one("#title", Static).update(
            Content.assemble(("Socrates", "bold $text-accent"), "  ", plain(" ".join(title.split())))
        )
        await self.transcript.show(places, unanswered, len(turns) - len(shown))
        last = turns[-1] if turns else None
        self.status.context_used = 0 if last is None else (last.prompt_tokens or 0) + (last.reply_tokens or 0)
        if focus is not None and (view := self.transcript.view_of(focus)) is not None:
            view.focus()
        self.refresh_bindings()
        self.post_message(CorpusChanged())

    def _unanswered_views(self) -> list[TurnView]:
        """Give every prompt of this conversation that has no reply yet a view; take it from the others."""
        views = []
        for speech in [*([self.speech] if self.speech else []), *self._waiting]:
            if not self._here(speech):
                speech.view = None
            elif speech.view is None:
                speech.view = TurnView(speech.prompt, said=speech.said, state=speech.state)
            if speech.view is not None:
                views.append(speech.view)
        return views

    def _thread(self) -> list[Turn]:
        return [] if self._conversation is None else self._corpus.thread(self._conversation.id)

    def _place(self, turn: Turn) -> Place:
        siblings = [sibling.id for sibling in self._corpus.siblings(turn.id)]
        return Place(siblings.index(turn.id) + 1, len(siblings))

    def _here(self, speech: Speech) -> bool:
        return self._conversation is not None and speech.conversation == self._conversation.id

    @on(Transcript.EarlierWanted)
    async def _show_earlier(self) -> None:
        self._window += SHOWN
        await self._show()

    def action_conversations(self) -> None:
        """Choose a conversation."""
        current = None if self._conversation is None else self._conversation.id
        self.app.push_screen(ConversationsScreen(self._corpus.conversations(), current), self._conversation_chosen)

    async def _conversation_chosen(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        if chosen.conversation is None:
            await self._open(None)
        elif chosen.rename:
            self._rename(chosen.conversation)
        else:
            await self._open(self._corpus.conversation(chosen.conversation))

    def _rename(self, conversation: int) -> None:
        async def titled(title: str | None) -> None:
            if title:
                self._corpus.rename_conversation(conversation, title)
                await self._show()
            self.action_conversations()

        self.app.push_screen(
            TitleScreen("Title of the conversation", self._corpus.conversation(conversation).title), titled
        )

    async def action_new(self) -> None:
        """Begin a new conversation; it is stored with its first prompt."""
        self.call_later(self._open, None)

    # Speaking

    @on(Prompt.Sent)
    async def _prompt_sent(self, event: Prompt.Sent) -> None:
        if self._conversation is None:
            self._conversation = self._corpus.create_conversation(system=self.settings.system_prompt)
        state = "waits for the engine" if self.engine is None else "waits its turn"
        self._waiting.append(Speech(self._conversation.id, event.text, state=state))
        self.keep_drafts()
        await self._show()
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
        thread = self._corpus.thread(speech.conversation)
        speech.parent = thread[-1].id if thread else None
        await self._speak(self.engine, speech)

    async def _speak(self, engine: Engine, speech: Speech) -> None:
        self.speech = speech
        speech.tell("thinks …")
        await self._show()
        context = self._corpus.context(speech.conversation, parent=speech.parent)
        messages = [*cast("list[api.Message]", context), api.Message(role="user", content=speech.prompt)]
        speech.sampling = self.settings.sampling.to_sampling()
        self._ask(engine, messages, speech.sampling, speech.stop)

    @work(thread=True, group="speech", exit_on_error=False)
    def _ask(self, engine: Engine, messages: list[api.Message], sampling: Sampling, stop: Event) -> None:
        speak(engine, messages, sampling, stop.is_set, self.post_message)

    @on(ReplyStreamed)
    async def _reply_streamed(self, event: ReplyStreamed) -> None:
        if self.speech is not None:
            if not self.speech.said:
                self.speech.tell("speaks …")
            self.speech.said += event.text
            if self.speech.view is not None:
                await self.speech.view.stream(event.text)

    @on(ReplyFinished)
    async def _reply_finished(self, event: ReplyFinished) -> None:
        speech, self.speech = self.speech, None
        if speech is None:
            return
        turn = self._keep(speech, event.finished)
        if turn is not None and speech.view is not None:
            await speech.view.settle(turn, self._place(turn))
        if event.finished.tokens_per_s:
            self.status.tokens_per_s = event.finished.tokens_per_s
        await self._speech_ended(turn)

    @on(ReplyFailed)
    async def _reply_failed(self, event: ReplyFailed) -> None:
        speech, self.speech = self.speech, None
        if speech is not None:
            self._give_back(speech)
            self._tell(event.reason, "error")
            await self._speech_ended(None)

    async def _speech_ended(self, turn: Turn | None) -> None:
        self.keep_drafts()
        await self._show()
        self.post_message(SpeechEnded(turn))
        await self._speak_next()

    def _keep(self, speech: Speech, finished: Finished) -> Turn | None:
        """Store the reply as a whole turn; an empty one is none."""
        if not finished.reply:
            self._give_back(speech)
            if finished.stopped_by != "user":
                self._tell("The reply was empty, so nothing was kept: ask again, or in other words.", "warning")
            return None
        sampling = asdict(speech.sampling) | {"seed": finished.seed}
        return self._corpus.add_turn(
            speech.conversation,
            parent=speech.parent,
            prompt=speech.prompt,
            reply=finished.reply,
            version=finished.version,
            base=self.status.base,
            seed=finished.seed,
            sampling=sampling,
            stopped_by=finished.stopped_by,
            prompt_tokens=finished.prompt_tokens,
            reply_tokens=finished.reply_tokens,
            tokens_per_s=finished.tokens_per_s,
        )

    def _give_back(self, speech: Speech) -> None:
        """Put a prompt without a reply back where it was written."""
        if speech.replaces is None:
            self.prompt.text = "\n\n".join(filter(None, [speech.prompt, self.prompt.text]))
            self.prompt.move_cursor(self.prompt.document.end)

    async def action_stop(self) -> None:
        """Stop the reply; else take back the last prompt that waits; else close what is over."""
        if self.speech is not None:
            self.speech.stop.set()
            self.speech.tell("stops …")
        elif self._waiting:
            self._give_back(self._waiting.pop())
            self.keep_drafts()
            self.call_later(self._show)
        else:
            self.panel.close()
            self.refresh_bindings()

    async def action_regenerate(self) -> None:
        """Ask for another reply to the last prompt."""
        last = self._last()
        if last is not None and self.engine is not None:
            speech = Speech(last.conversation, last.prompt, parent=last.parent, replaces=last.id)
            self.prompt.focus()
            self.transcript.anchor()
            self.call_later(self._speak, self.engine, speech)

    # Teaching

    def _last(self) -> Turn | None:
        thread = self._thread()
        return thread[-1] if thread else None

    def _target(self) -> Turn | None:
        """Return the turn in focus, else the last one."""
        if isinstance(self.focused, TurnView):
            return self.focused.turn
        return self._last()

    def action_rewrite(self) -> None:
        """Open the editor on the reply."""
        turn = self._target()
        if turn is None:
            return

        async def edited(answer: Edited | None) -> None:
            if answer is not None:
                self._edited(turn.id, answer)
                await self._show()

        self.app.push_screen(RewriteScreen(turn, self._drafts.get(rewrite_of(turn.id))), edited)

    def _edited(self, turn: int, answer: Edited) -> None:
        draft = "" if answer.saved or not answer.changed else answer.text
        if answer.saved:
            try:
                self._corpus.rewrite(turn, answer.text)
            except CorpusError as error:
                draft = answer.text
                self._tell(str(error), "error")
        elif draft:
            self._tell("The unfinished rewrite is kept as a draft: e opens it again.")
        self._drafts.keep(rewrite_of(turn), draft)

    def action_approve(self) -> None:
        """Approve the reply."""
        self._judge(self._corpus.approve)

    def action_drop(self) -> None:
        """Drop the turn."""
        self._judge(self._corpus.drop)

    def _judge(self, verdict: Callable[[int], Act]) -> None:
        if (turn := self._target()) is not None:
            self._act(lambda: verdict(turn.id))

    def action_undo(self) -> None:
        """Take back the last act."""
        self._act(self._corpus.undo, "Taken back", "There is nothing to take back.")

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._act(self._corpus.redo, "Done again", "There is nothing to do again.")

    def _act(self, act: Callable[[], Act | None], done: str = "", nothing: str = "") -> None:
        try:
            acted = act()
        except CorpusError as error:
            self._tell(str(error), "error")
            return
        if acted is None:
            self._tell(nothing)
        elif done:
            here = {turn.id for turn in self._thread()} & set(acted.turns)
            self._tell(f"{done}: {acted.kind}{'' if here else ', in another conversation or reply'}.")
        self.call_later(self._show)

    def action_flip(self, by: int) -> None:
        """Show the reply beside this one."""
        turn = self._target()
        if turn is not None:
            siblings = [sibling.id for sibling in self._corpus.siblings(turn.id)]
            chosen = siblings[siblings.index(turn.id) + by]
            self._corpus.show(chosen)
            self.call_later(self._show, chosen)

    # Moving

    async def action_move(self, by: int) -> None:
        """Move the focus to the turn above or below; below the last is the prompt."""
        views = self.transcript.views
        if not isinstance(self.focused, TurnView):
            return
        number = views.index(self.focused) + by
        if number < 0:
            self.post_message(Transcript.EarlierWanted())
        elif number < len(views):
            views[number].focus()
        else:
            self.prompt.focus()

    def action_write(self) -> None:
        """Go back to the prompt."""
        self.prompt.focus()

    def action_scroll(self, pages: int) -> None:
        """Scroll the conversation."""
        if pages < 0:
            self.transcript.scroll_page_up()
        else:
            self.transcript.scroll_page_down()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        if not self.is_mounted:
            return True
        stoppable = self.speech is not None or bool(self._waiting) or self.panel.concluded
        match action:
            case "stop":
                return stoppable
            case "write":
                return isinstance(self.focused, TurnView)
            case "rewrite" | "approve" | "drop":
                return self._target() is not None
            case "regenerate":
                target = self._target()
                return target is not None and target == self._last() and self.engine is not None and self.speech is None
            case "flip":
                return self.speech is None and self._can_flip(parameters[0])
        return True

    def _can_flip(self, by: object) -> bool:
        if not isinstance(self.focused, TurnView):
            return False
        place = self.focused.place
        return 1 <= place.number + (-1 if by == -1 else 1) <= place.count

    def _tell(self, sentence: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        self.notify(plain(sentence), severity=severity, markup=False)
