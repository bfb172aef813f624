"""One conversation on the screen, and the verdicts on its replies. It needs no engine."""

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, Literal, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from corpus.records import Act, Conversation, Turn
from corpus.store import Corpus
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from socrates_tui.drafts import UNSTORED, Drafts, rewrite_of, unstored
from socrates_tui.messages import CorpusChanged
from socrates_tui.plain_text import plain
from socrates_tui.screens.conversations import Chosen, ConversationsScreen
from socrates_tui.screens.rewrite import Edited, RewriteScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.transcript import Transcript
from socrates_tui.widgets.turn_view import Place, TurnView

SHOWN = 20
"""Turns put on the screen at once; the earlier ones when they are wanted."""

RETRY_S = 0.5
"""How long to wait before trying again to store what another program kept from being stored."""

Answer = TypeVar("Answer")


class TeachingScreen(Screen[None]):
    """Shows a conversation and writes verdicts into the corpus. What is under the focus is what an act is about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "rewrite_last", "Rewrite", priority=True, tooltip="Rewrite the last reply"),
        Binding("f2,ctrl+o", "conversations", "Conversations", key_display="F2", tooltip="Open, rename, begin another"),
        Binding("ctrl+n", "new", "New conversation", show=False, tooltip="Begin a new conversation"),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False, priority=True, tooltip="Scroll up"),
        Binding("pagedown", "scroll(1)", "Scroll down", show=False, priority=True, tooltip="Scroll down"),
    ]

    def __init__(self, corpus: Corpus, drafts: Drafts) -> None:
        super().__init__()
        self.corpus = corpus
        self.drafts = drafts
        self.conversation: Conversation | None = None
        """What is shown; None while it has not begun."""
        self.turns: list[Turn] = []
        """Its turns, from the first to the last."""
        self._window = SHOWN

    @property
    def prompt(self) -> Prompt:
        """Where the user writes."""
        return self.query_one(Prompt)

    @property
    def transcript(self) -> Transcript:
        """The turns on the screen."""
        return self.query_one(Transcript)

    @property
    def last(self) -> Turn | None:
        """The last turn."""
        return self.turns[-1] if self.turns else None

    @property
    def target(self) -> Turn | None:
        """The turn in focus, else the last one."""
        return self.focused.turn if isinstance(self.focused, TurnView) else self.last

    # What another program keeps from being stored

    def store_later(self, act: str, **arguments: Any) -> str:
        """Store a turn or a rewrite as soon as no other program is writing; return the key under which it waits.

        ``act`` is a method of the corpus. What waits is on disk, so that the next window stores it if need be.
        """
        key = unstored()
        self.keep_draft(key, json.dumps([act, arguments], ensure_ascii=False))
        self.set_timer(RETRY_S, self.store_unstored)
        return key

    async def store_unstored(self) -> None:
        """Store what waits, in its order, until another program is writing again."""
        acts: dict[str, Callable[..., Turn | Act]] = {"add_turn": self.corpus.add_turn, "rewrite": self.corpus.rewrite}
        for key in [key for key in self.drafts.keys() if key.startswith(UNSTORED)]:  # noqa: SIM118
            act, arguments = json.loads(self.drafts.get(key) or "")
            stored: Turn | Act | None = None
            try:
                stored = acts[act](**arguments)
            except CorpusBusyError:
                self.set_timer(RETRY_S, self.store_unstored)
                return
            except CorpusError as error:
                self.tell(f"What waited could not be stored. {error}", "error")
            self.keep_draft(key, "")
            await self.stored(key, arguments, stored)

    async def stored(self, key: str, arguments: dict[str, Any], stored: Turn | Act | None) -> None:
        """Take notice of what waited under ``key`` and is stored now; None for what cannot be."""
        if isinstance(stored, Act):
            draft = rewrite_of(arguments["turn_id"])
            if self.drafts.get(draft) == arguments["text"]:
                self.keep_draft(draft, "")
        await self.show_turns()

    def place(self, turn: Turn) -> Place:
        """Return where ``turn`` stands among the replies to its prompt."""
        siblings = [sibling.id for sibling in self.corpus.siblings(turn.id)]
        return Place(siblings.index(turn.id) + 1, len(siblings))

    def unanswered(self) -> list[TurnView]:
        """Return the views of prompts that have no reply yet."""
        return []

    def hidden(self) -> int | None:
        """Return the last turn's id if another reply is being put in its place."""
        return None

    def tell(self, sentence: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """Show a notification."""
        self.notify(plain(sentence), severity=severity, markup=False)

    # Conversations

    async def open(self, conversation: Conversation | None) -> None:
        """Show ``conversation``, or an empty one that is stored with its first prompt."""
        self.conversation = conversation
        self._window = SHOWN
        await self.show_turns()
        self.transcript.anchor()
        self.prompt.focus()

    async def open_turn(self, turn_id: int) -> None:
        """Show a turn in its conversation, and put the focus on it."""
        try:
            conversation = self.corpus.turn(turn_id).conversation
            if turn_id not in [turn.id for turn in self.corpus.thread(conversation)]:
                self.corpus.show(turn_id)
            ids = [turn.id for turn in self.corpus.thread(conversation)]
            await self.open(self.corpus.conversation(conversation))
        except CorpusError as error:
            self.tell(str(error), "error")
            return
        self._window = max(SHOWN, len(ids) - ids.index(turn_id))
        await self.show_turns(turn_id)

    async def show_turns(self, focus: int | None = None) -> None:
        """Show the conversation as the corpus has it; put the focus on the turn ``focus``."""
        title, self.turns = "", []
        if self.conversation is not None:
            self.conversation = self._as_it_is_now(self.conversation)
        if self.conversation is not None:
            title, self.turns = self.conversation.title, self.corpus.thread(self.conversation.id)
        self.query_one("#title", Static).update(
            Content.assemble(("Socrates", "bold $text-accent"), "  ", plain(title) or "New conversation")
        )
        shown = [turn for turn in self.turns[-self._window :] if turn.id != self.hidden()]
        places = [(turn, self.place(turn)) for turn in shown]
        await self.transcript.show(places, self.unanswered(), max(0, len(self.turns) - self._window))
        if focus is not None and (view := self.transcript.view_of(focus)) is not None:
            view.focus()
        self.refresh_bindings()
        self.post_message(CorpusChanged())

    def _as_it_is_now(self, conversation: Conversation) -> Conversation | None:
        """Return the conversation anew; None if another program took it away, by a restore or a purge."""
        try:
            return self.corpus.conversation(conversation.id)
        except CorpusDamagedError:
            raise
        except CorpusError:
            self.tell("Another program took this conversation away: F2 lists those there are.", "warning")
            return None

    @on(Transcript.EarlierWanted)
    async def _show_earlier(self) -> None:
        self._window += SHOWN
        await self.show_turns()

    def action_conversations(self) -> None:
        """Choose a conversation."""
        current = None if self.conversation is None else self.conversation.id
        screen = ConversationsScreen(self.corpus.conversations(), current)
        self.app.push_screen(screen, self._in_turn(self._conversation_chosen))

    def _in_turn(self, answered: Callable[[Answer], Awaitable[None]]) -> Callable[[Answer], None]:
        """Return ``answered`` for a dialog: answers come in the app's turn, where a reply's chunks would cross it."""

        def later(answer: Answer) -> None:
            self.call_later(answered, answer)

        return later

    async def _conversation_chosen(self, chosen: Chosen | None) -> None:
        if chosen is None:
            return
        if chosen.conversation is None:
            await self.open(None)
        elif chosen.rename:
            self._rename(chosen.conversation)
        else:
            await self.open(self.corpus.conversation(chosen.conversation))

    def _rename(self, conversation: int) -> None:
        async def titled(title: str | None) -> None:
            if title:
                try:
                    self.corpus.rename_conversation(conversation, title)
                except CorpusError as error:
                    self.tell(str(error), "error")
                await self.show_turns()
            self.action_conversations()

        self.app.push_screen(
            TitleScreen("Title of the conversation", self.corpus.conversation(conversation).title),
            self._in_turn(titled),
        )

    async def action_new(self) -> None:
        """Begin a new conversation; it is stored with its first prompt."""
        self.call_later(self.open, None)

    # Teaching

    def action_rewrite(self) -> None:
        """Open the editor on the reply in focus."""
        if (turn := self.target) is not None:
            self._edit(turn)

    def action_rewrite_last(self) -> None:
        """Open the editor on the last reply."""
        if (turn := self.last) is not None:
            self._edit(turn)

    def _edit(self, turn: Turn) -> None:
        async def edited(answer: Edited | None) -> None:
            if answer is not None:
                self._edited(turn.id, answer)
                await self.show_turns()

        key = rewrite_of(turn.id)
        screen = RewriteScreen(turn, self.drafts.get(key), partial(self.keep_draft, key))
        self.app.push_screen(screen, self._in_turn(edited))

    def keep_draft(self, key: str, text: str) -> None:
        """Keep a draft, and say so where the disk refuses it."""
        try:
            self.drafts.keep(key, text)
        except OSError as error:
            self.tell(f"The draft is not on disk ({error.strerror}): free some space, and do not leave yet.", "error")

    def _edited(self, turn: int, answer: Edited) -> None:
        draft = "" if answer.saved or not answer.changed else answer.text
        if answer.saved:
            try:
                self.corpus.rewrite(turn, answer.text)
            except CorpusBusyError as error:
                draft = answer.text
                self.store_later("rewrite", turn_id=turn, text=answer.text)
                self.tell(f"{error.reason} Your rewrite is kept, and stored as soon as that has ended.", "warning")
            except CorpusError as error:
                draft = answer.text
                self.tell(str(error), "error")
        elif draft:
            self.tell("The unfinished rewrite is kept as a draft: e opens it again.")
        self.keep_draft(rewrite_of(turn), draft)

    def action_approve(self) -> None:
        """Approve the reply."""
        self._judge(self.corpus.approve)

    def action_drop(self) -> None:
        """Drop the turn."""
        self._judge(self.corpus.drop)

    def _judge(self, verdict: Callable[[int], Act]) -> None:
        if (turn := self.target) is not None:
            self._act(lambda: verdict(turn.id))

    def action_undo(self) -> None:
        """Take back the last act."""
        self._act(self.corpus.undo, "Taken back", "There is nothing to take back.")

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._act(self.corpus.redo, "Done again", "There is nothing to do again.")

    def _act(self, act: Callable[[], Act | None], done: str = "", nothing: str = "") -> None:
        try:
            acted = act()
        except CorpusError as error:
            self.tell(str(error), "error")
            return
        if acted is None:
            self.tell(nothing)
        elif done:
            seen = {turn.id for turn in self.turns} & set(acted.turns)
            here = seen or (self.conversation is not None and self.conversation.id in acted.conversations)
            self.tell(f"{done}: {acted.kind}{'' if here else ', in another conversation or reply'}.")
        self.call_later(self.show_turns)

    def action_flip(self, by: int) -> None:
        """Show the reply beside this one."""
        turn = self.target
        if turn is not None:
            try:
                siblings = [sibling.id for sibling in self.corpus.siblings(turn.id)]
                chosen = siblings[siblings.index(turn.id) + by]
                self.corpus.show(chosen)
            except CorpusError as error:
                self.tell(str(error), "error")
            else:
                self.call_later(self.show_turns, chosen)

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
        in_focus = self.focused if isinstance(self.focused, TurnView) else None
        match action:
            case "write":
                return in_focus is not None
            case "rewrite_last":
                return in_focus is None and self.last is not None
            case "rewrite" | "approve" | "drop":
                return self.target is not None
            case "flip":
                return in_focus is not None and in_focus.place.has(-1 if parameters[0] == -1 else 1)
        return True
