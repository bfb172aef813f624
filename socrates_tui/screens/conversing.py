"""One conversation on the screen, and the way to the others. Judging its replies is teaching's."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Literal, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import DescendantFocus
from textual.screen import Screen
from textual.widgets import Static

from corpus.records import Act, Conversation, Turn
from corpus.store import Corpus
from socrates_errors import CorpusBusyError, CorpusDamagedError, CorpusError
from socrates_language import tr
from socrates_tui.drafts import UNSTORED, Drafts, rewrite_of, unstored
from socrates_tui.messages import CorpusChanged
from socrates_tui.plain_text import plain
from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.widgets.conversation_list import ConversationList
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.transcript import Transcript
from socrates_tui.widgets.turn_view import Place, TurnView

SHOWN = 20
"""Turns put on the screen at once; the earlier ones when they are wanted."""

RETRY_S = 0.5
"""How long to wait before trying again to store what another program kept from being stored."""

Answer = TypeVar("Answer")


class ConversingScreen(Screen[None]):
    """Shows a conversation as the corpus has it. What is under the focus is what an act is about."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2,ctrl+o", "conversations", "Conversations", key_display="F2", tooltip="Open, rename, begin another"),
        Binding("ctrl+b", "list", "List", show=False, tooltip="Show or hide the conversations at the side"),
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
        self._end: int | None = None
        """Number of turns up to the last that is shown; None shows the end of the conversation."""

    @property
    def prompt(self) -> Prompt:
        """Where the user writes."""
        return self.query_one(Prompt)

    @property
    def transcript(self) -> Transcript:
        """The turns on the screen."""
        return self.query_one(Transcript)

    @property
    def listing(self) -> ConversationList:
        """The conversations at the side."""
        return self.query_one(ConversationList)

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
                lost = tr("What waited could not be stored.")
                self.tell(f"{lost} {error}", "error")
            self.keep_draft(key, "")
            await self.stored(key, arguments, stored)

    async def stored(self, key: str, arguments: dict[str, Any], stored: Turn | Act | None) -> None:
        """Take notice of what waited under ``key`` and is stored now; None for what cannot be."""
        if isinstance(stored, Act):
            draft = rewrite_of(arguments["turn_id"])
            if self.drafts.get(draft) == arguments["text"]:
                self.keep_draft(draft, "")
        await self.show_turns()

    def keep_draft(self, key: str, text: str) -> None:
        """Keep a draft, and say so where the disk refuses it."""
        try:
            self.drafts.keep(key, text)
        except OSError as error:
            sentence = tr("The draft is not on disk ({reason}): free some space, and do not leave yet.")
            self.tell(sentence.format(reason=error.strerror), "error")

    def place(self, turn: Turn) -> Place:
        """Return where ``turn`` stands among those that follow on the same turn."""
        branches = self.corpus.branches(turn.id)
        return Place(branches.index(turn.id) + 1, len(branches))

    def unanswered(self) -> list[TurnView]:
        """Return the views of prompts that have no reply yet."""
        return []

    def hidden(self) -> int | None:
        """Return the turn that is not shown, nor what follows on it, as another is being put in its place."""
        return None

    def tell(self, sentence: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """Show a notification."""
        self.notify(plain(sentence), severity=severity, markup=False)

    # Conversations

    async def open(self, conversation: Conversation | None) -> None:
        """Show ``conversation``, or an empty one that is stored with its first prompt."""
        self.conversation = conversation
        self._window, self._end = SHOWN, None
        await self.show_turns()
        self.transcript.anchor()
        self.prompt.focus()

    async def show_turns(self, focus: int | None = None) -> None:
        """Show the conversation as the corpus has it; put the focus on the turn ``focus``."""
        title, self.turns = "", []
        if self.conversation is not None:
            self.conversation = self._as_it_is_now(self.conversation)
        if self.conversation is not None:
            title, self.turns = self.conversation.title, self.corpus.thread(self.conversation.id)
        self.query_one("#title", Static).update(
            Content.assemble(("Socrates", "bold $text-accent"), "  ", plain(title) or tr("New conversation"))
        )
        if focus is not None:
            self.set_focus(None)  # or the prompt would get it from a view that goes
        end = min(len(self.turns), self._end or len(self.turns))
        earlier = max(0, end - self._window)
        hidden = self.hidden()
        until = next((number for number, turn in enumerate(self.turns) if turn.id == hidden), end)
        places = [(turn, self.place(turn)) for turn in self.turns[earlier : min(until, end)]]
        await self.transcript.show(places, self.unanswered(), earlier, len(self.turns) - end)
        if focus is not None:
            (self.transcript.view_of(focus) or self.prompt).focus()
        if self.listing.display:
            self.listing.show(None if self.conversation is None else self.conversation.id)
        self.refresh_bindings()
        self.post_message(CorpusChanged())

    def _as_it_is_now(self, conversation: Conversation) -> Conversation | None:
        """Return the conversation anew; None if another program took it away, by a restore or a purge."""
        try:
            return self.corpus.conversation(conversation.id)
        except CorpusDamagedError:
            raise
        except CorpusError:
            self.tell(tr("Another program took this conversation away: F2 lists those there are."), "warning")
            return None

    async def go_to(self, turn_id: int) -> None:
        """Show a turn in its conversation, with those about it, and put the focus on it."""
        try:
            turn = self.corpus.turn(turn_id)
            self.conversation = self.corpus.conversation(turn.conversation)
            ids = [one.id for one in self.corpus.thread(turn.conversation)]
            if turn_id not in ids:
                self.corpus.show(turn_id)
                ids = [one.id for one in self.corpus.thread(turn.conversation)]
        except CorpusError as error:  # such as a turn that another program took away
            self.tell(str(error), "error")
            return
        if self.transcript.view_of(turn_id) is None:
            end = max(SHOWN, ids.index(turn_id) + SHOWN // 2)
            self._window, self._end = SHOWN, end if end < len(ids) else None
        await self.show_turns(turn_id)

    @on(Transcript.EarlierWanted)
    async def _show_earlier(self) -> None:
        self._window += SHOWN
        await self.show_turns()

    @on(Transcript.LaterWanted)
    async def _show_later(self) -> None:
        end = (self._end or 0) + SHOWN
        self._window, self._end = self._window + SHOWN, end if end < len(self.turns) else None
        await self.show_turns()

    @on(DescendantFocus, "Prompt")
    async def _show_end(self) -> None:
        """Show the end of the conversation, on which what is written follows."""
        if self._end is not None:
            self._window, self._end = SHOWN, None
            await self.show_turns()
            self.transcript.anchor()

    def action_conversations(self) -> None:
        """Choose a conversation."""
        current = None if self.conversation is None else self.conversation.id
        screen = ConversationsScreen(self.corpus.conversations, current)
        self.app.push_screen(screen, self._in_turn(self._picked_in_dialog))

    def action_list(self) -> None:
        """Show or hide the conversations at the side."""
        self.listing.toggle_class("-hidden")
        self.listing.show(None if self.conversation is None else self.conversation.id)
        if not self.listing.display:
            self.prompt.focus()

    def _in_turn(self, answered: Callable[[Answer], Awaitable[None]]) -> Callable[[Answer], None]:
        """Return ``answered`` for a dialog: answers come in the app's turn, where a reply's chunks would cross it."""

        def later(answer: Answer) -> None:
            self.call_later(answered, answer)

        return later

    async def _picked_in_dialog(self, picked: ConversationList.Picked | None) -> None:
        if picked is not None:
            await self._pick(picked, self.action_conversations)

    @on(ConversationList.Picked)
    def _picked_at_the_side(self, picked: ConversationList.Picked) -> None:
        self.call_later(self._pick, picked, lambda: None)

    async def _pick(self, picked: ConversationList.Picked, again: Callable[[], None]) -> None:
        """Do what was picked; then let the user pick ``again``, unless a conversation was opened."""
        if picked.act == "rename" and picked.conversation is not None:
            self._rename(picked.conversation, again)
            return
        try:
            if picked.conversation is None:
                await self.open(None)
            elif picked.act == "open":
                await self.open(self.corpus.conversation(picked.conversation))
            else:
                archive = picked.act == "archive"
                (self.corpus.archive if archive else self.corpus.unarchive)(picked.conversation)
                self.tell(tr("Archived: v shows it all the same.") if archive else tr("Listed again."))
                await self.show_turns()
                again()
        except CorpusError as error:  # such as a conversation that another program took away
            self.tell(str(error), "error")

    def _rename(self, conversation: int, again: Callable[[], None]) -> None:
        async def titled(title: str | None) -> None:
            if title:
                try:
                    self.corpus.rename_conversation(conversation, title)
                except CorpusError as error:
                    self.tell(str(error), "error")
                await self.show_turns()
            again()

        self.app.push_screen(
            TitleScreen(tr("Title of the conversation"), self.corpus.conversation(conversation).title),
            self._in_turn(titled),
        )

    def action_copy(self) -> None:
        """Copy the reply in focus."""
        if (turn := self.target) is not None:
            self.app.copy_to_clipboard(turn.text)
            self.tell(tr("Copied {number} characters.").format(number=f"{len(turn.text):,}"))

    async def action_fork(self) -> None:
        """Go on from the turn in focus in another conversation."""
        if (turn := self.target) is not None:
            try:
                made = self.corpus.fork(turn.id)
            except CorpusError as error:
                self.tell(str(error), "error")
            else:
                self.tell(tr("This is another conversation now; the one that it came from is as it was."))
                self.call_later(self.open, made)

    async def action_new(self) -> None:
        """Begin a new conversation; it is stored with its first prompt."""
        self.call_later(self.open, None)

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
        elif self._end is not None:
            self.post_message(Transcript.LaterWanted())
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
        match action:
            case "write":
                return isinstance(self.focused, TurnView)
            case "fork" | "copy":
                return self.target is not None
            case "list":
                return self.app.screen_stack[0].has_class("-wide")
        return True
