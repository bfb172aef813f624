"""What the screens for turns of all conversations share. What they show is their own."""

from collections.abc import Awaitable, Callable
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.screen import Screen

from corpus.records import Act, Turn
from corpus.store import Corpus
from socrates_errors import CorpusDamagedError, CorpusError
from socrates_tui.plain_text import plain
from socrates_tui.widgets.turn_card import TurnCard

Edit = Callable[[Turn, Callable[[bool], Awaitable[None]]], None]
"""Opens the editor on a turn, keeps what was written, and goes on with whether that is a rewrite now."""

WATCH_S = 0.5
"""How often to look whether something was written, by the chat or by another program."""


class CuratingScreen(Screen[int]):
    """A screen over the chat; it answers with the turn to go to there."""

    BEFORE: ClassVar[int] = 0
    """How many turns before the one under the cursor are recalled."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Chat", tooltip="Go back to the chat")]

    def __init__(self, corpus: Corpus, edit: Edit) -> None:
        super().__init__()
        self.corpus = corpus
        self.edit = edit
        self._seen: tuple[int, int] | None = None

    def on_mount(self) -> None:
        """Show what there is, and watch for changes."""
        self.set_interval(WATCH_S, self._watch)

    def _watch(self) -> None:
        if self._seen != self.corpus.state():
            self.refresh_turns()

    def refresh_turns(self) -> None:
        """Show the turns as the corpus has them."""
        self._seen = self.corpus.state()

    async def show_card(self, turn: Turn | None) -> None:
        """Show a turn with where it stands; nothing of one that another program has just taken away."""
        conversation, before = None, list[Turn]()
        if turn is not None:
            try:
                conversation, before = (
                    self.corpus.conversation(turn.conversation),
                    self.corpus.before(turn, self.BEFORE),
                )
            except CorpusDamagedError:
                raise
            except CorpusError:
                turn = None
        await self.query_one(TurnCard).show(turn, conversation, before, self.worth(turn) if turn is not None else "")

    def worth(self, turn: Turn) -> str:
        """Say in a line how much a turn is worth a minute; nothing where that is not known here."""
        return ""

    def tell(self, sentence: str, severity: Literal["information", "warning", "error"] = "information") -> None:
        """Show a notification."""
        self.notify(plain(sentence), severity=severity, markup=False)

    def act(self, act: Callable[[], Act | None], nothing: str = "") -> Act | None:
        """Do an act and return it; tell why, where it cannot be done or there is ``nothing`` to do."""
        try:
            acted = act()
        except CorpusError as error:
            self.tell(str(error), "error")
            return None
        if acted is None:
            self.tell(nothing)
        return acted

    def action_leave(self) -> None:
        """Go back to the chat as it was."""
        self.dismiss(None)
