"""Reviewing the replies that nobody judged yet, one after the other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from corpus.records import Act, Turn
from corpus.store import Corpus
from socrates_language import ngettext, tr
from socrates_tui.act_sentences import ACTS
from socrates_tui.plain_text import plain_line
from socrates_tui.screens.curating import CuratingScreen, Edit
from socrates_tui.sitting import Sitting
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.long_list import Column, LongList
from socrates_tui.widgets.turn_card import TurnCard


class Queue(LongList):
    """The replies that wait. The keys for the one under the cursor are bound here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "screen.approve", "Approve", tooltip="Teach the reply as it is; the next one comes"),
        Binding("e", "screen.rewrite", "Rewrite", tooltip="Write what it should have been; the next one comes"),
        Binding("d", "screen.drop", "Drop", tooltip="Leave the turn out of training; the next one comes"),
        Binding("s", "screen.skip", "Skip", tooltip="Look at the reply again after all others"),
        Binding("u,ctrl+z", "screen.undo", "Undo", tooltip="Take back the last act, and come back to its reply"),
        Binding("U,ctrl+y", "screen.redo", "Redo", show=False, tooltip="Do again what was taken back"),
        Binding("enter", "screen.open", "Open", tooltip="Go to the reply in its conversation"),
        Binding("pageup", "screen.scroll_card(-1)", "Scroll up", show=False, tooltip="Scroll a long reply up"),
        Binding("pagedown,space", "screen.scroll_card(1)", "Scroll down", show=False, tooltip="Scroll it down"),
    ]


class ReviewScreen(CuratingScreen):
    """The queue of unreviewed replies of all conversations, and the one under the cursor."""

    BEFORE = 2

    def __init__(self, corpus: Corpus, edit: Edit, new_examples: Callable[[], int]) -> None:
        """``new_examples`` counts what a training would learn that the newest version does not know."""
        super().__init__(corpus, edit)
        self._sitting = Sitting(corpus)
        self._new_examples = new_examples
        self._turns: list[Turn] = []

    def compose(self) -> ComposeResult:
        """Lay out the list and beside it the reply."""
        yield Static(id="title")
        with Horizontal(id="review"):
            yield Queue(Column(tr("Prompt")), Column(tr("Reply"), shown_from=40))
            yield TurnCard()
            yield Static(id="nothing-left")
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the queue."""
        super().on_mount()
        self._queue.focus()
        self.refresh_turns()

    @property
    def _queue(self) -> Queue:
        return self.query_one(Queue)

    @property
    def turn(self) -> Turn | None:
        """The turn under the cursor."""
        row = self._queue.row
        return None if row is None else self._turns[row]

    def refresh_turns(self, to: int | None = None) -> None:
        """Show the queue as it is now, with the cursor on the turn ``to``, else on the one it is on."""
        super().refresh_turns()
        current = self.turn
        wanted = current.id if to is None and current is not None else to
        self._turns = self._sitting.queue()
        ids = [turn.id for turn in self._turns]
        self._queue.show(len(ids), self._rows, ids.index(wanted) if wanted in ids else self._queue.cursor)
        parts = [
            tr("{number} left").format(number=f"{self._sitting.left:,}"),
            tr("{number} done in this sitting").format(number=f"{self._sitting.done:,}"),
        ]
        if ids:
            parts.append(tr("what seems worst comes first"))
        title = Content.assemble((tr("Review"), "bold $text-accent"), "  ", " · ".join(parts))
        self.query_one("#title", Static).update(title)
        self.set_class(not ids, "-empty")
        if not ids:
            self.query_one("#nothing-left", Static).update(Content(self._what_next()))
        self.refresh_bindings()

    def _what_next(self) -> str:
        new = self._new_examples()
        if new:
            return ngettext(
                "Every reply is reviewed. F5 trains a new version on what you taught: {number} new example.",
                "Every reply is reviewed. F5 trains a new version on what you taught: {number} new examples.",
                new,
            ).format(number=f"{new:,}")
        return tr("Every reply is reviewed. Esc goes back to the chat: what Socrates says there comes here.")

    def _rows(self, start: int, stop: int) -> list[Sequence[str]]:
        return [(plain_line(turn.prompt), plain_line(turn.reply)) for turn in self._turns[start:stop]]

    @on(Queue.Moved)
    async def _show_turn(self) -> None:
        await self.show_card(self.turn)

    @on(Queue.Chosen)
    def action_open(self) -> None:
        """Go to the reply in its conversation."""
        if (turn := self.turn) is not None:
            self.dismiss(turn.id)

    def action_approve(self) -> None:
        """Approve the reply."""
        self._judge(self.corpus.approve)

    def action_drop(self) -> None:
        """Drop the turn."""
        self._judge(self.corpus.drop)

    def _judge(self, verdict: Callable[[int], Act]) -> None:
        if (turn := self.turn) is not None and self.act(partial(verdict, turn.id)) is not None:
            self._sitting.judged([turn.id])
            self.refresh_turns(self._next())

    def action_rewrite(self) -> None:
        """Open the editor on the reply; once it is saved, the next one comes."""
        if (turn := self.turn) is None:
            return

        async def edited(kept: bool) -> None:
            if kept:
                self._sitting.judged([turn.id])
            here = self.turn is not None and self.turn.id == turn.id  # another program may have judged it meanwhile
            self.refresh_turns(self._next() if kept and here else None)

        self.edit(turn, edited)

    def action_skip(self) -> None:
        """Let the reply come up after all others."""
        if (turn := self.turn) is not None:
            self._sitting.put_off(turn.id)
            self.refresh_turns(self._next())

    def _next(self) -> int | None:
        """Return the turn below the cursor."""
        below = self._turns[self._queue.cursor + 1 :]
        return below[0].id if below else None

    def action_undo(self) -> None:
        """Take back the last act and come back to its reply."""
        if (act := self.act(self.corpus.undo, tr("There is nothing to take back."))) is not None:
            self._sitting.taken_back(act.turns)
            self.tell(tr("Taken back: {act}.").format(act=tr(ACTS[act.kind])))
            self.refresh_turns(*act.turns[:1])

    def action_redo(self) -> None:
        """Do again what was taken back."""
        if (act := self.act(self.corpus.redo, tr("There is nothing to do again."))) is not None:
            if act.kind in ("approve", "rewrite", "drop"):
                self._sitting.judged(act.turns)
            self.tell(tr("Done again: {act}.").format(act=tr(ACTS[act.kind])))
            self.refresh_turns(self._next() if self.turn is not None and self.turn.id in act.turns else None)

    def action_scroll_card(self, pages: int) -> None:
        """Scroll the reply."""
        card = self.query_one(TurnCard)
        card.scroll_relative(y=pages * max(1, card.size.height - 2), animate=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a reply nothing can be judged."""
        if action in ("open", "approve", "rewrite", "drop", "skip"):
            return bool(self._turns)
        return True
