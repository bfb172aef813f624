"""Reviewing the replies that nobody judged yet, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from corpus.losses import Scales
from corpus.records import Act, Turn
from corpus.store import Corpus
from socrates_language import marked, ngettext, tr
from socrates_tui.act_sentences import ACTS
from socrates_tui.plain_text import plain_line
from socrates_tui.screens.curating import CuratingScreen, Edit
from socrates_tui.sitting import Order, Sitting
from socrates_tui.weighing import Weighed
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.long_list import Column, LongList
from socrates_tui.widgets.turn_card import TurnCard

_WIDE = 40
"""The width from which on the queue has every column."""
_ORDERS: dict[Order, str] = {
    "meter": marked("What seems worst comes first, by the style meter (o: by loss)"),
    "loss": marked("The highest loss comes first (o: by disagreement)"),
    "disagreement": marked("What versions disagree about most comes first (o: by style)"),
}


class Queue(LongList):
    """The replies that wait. The keys for the one under the cursor are bound here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "screen.approve", "Approve", tooltip="Teach the reply as it is; the next one comes"),
        Binding("e", "screen.rewrite", "Rewrite", tooltip="Write what it should have been; the next one comes"),
        Binding("d", "screen.drop", "Drop", tooltip="Leave the turn out of training; the next one comes"),
        Binding("s", "screen.skip", "Skip", tooltip="Look at the reply again after all others"),
        Binding("u,ctrl+z", "screen.undo", "Undo", tooltip="Take back the last act, and come back to its reply"),
        Binding("U,ctrl+y", "screen.redo", "Redo", show=False, tooltip="Do again what was taken back"),
        Binding("o", "screen.order", "Order", tooltip="Go on to the next order: style, loss, disagreement"),
        Binding("w", "screen.weigh", "Weigh", tooltip="Compute loss and disagreement in the background"),
        Binding("w", "screen.stop_weighing", "Stop weighing", tooltip="Compute no more; what was weighed is kept"),
        Binding("enter", "screen.open", "Open", tooltip="Go to the reply in its conversation"),
        Binding("pageup", "screen.scroll_card(-1)", "Scroll up", show=False, tooltip="Scroll a long reply up"),
        Binding("pagedown,space", "screen.scroll_card(1)", "Scroll down", show=False, tooltip="Scroll it down"),
    ]


class ReviewScreen(CuratingScreen):
    """The queue of unreviewed replies of all conversations, and the one under the cursor."""

    BEFORE = 2

    weighing: var[Weighed | None] = var(None, init=False)
    """How far the weighing is; None where nothing is weighed."""

    @dataclass
    class OrderChosen(Message):
        """The user chose another order."""

        order: Order

    class WeighingAsked(Message):
        """The user wants what waits to be weighed."""

    class WeighingStopped(Message):
        """The user wants no more to be weighed."""

    def __init__(
        self,
        corpus: Corpus,
        edit: Edit,
        new_examples: Callable[[], int],
        *,
        scales: Callable[[], Scales],
        order: Order,
        weighing: Weighed | None,
    ) -> None:
        """``new_examples`` counts what a training would learn that the newest version does not know.

        ``scales`` tells by which versions replies are weighed now.
        """
        super().__init__(corpus, edit)
        self._sitting = Sitting(corpus, scales, order)
        self._scales = scales
        self._new_examples = new_examples
        self._turns: list[Turn] = []
        self.set_reactive(ReviewScreen.weighing, weighing)

    def compose(self) -> ComposeResult:
        """Lay out the list and beside it the reply."""
        yield Static(id="title")
        yield Static(id="order")
        with Horizontal(id="review"):
            yield Queue(*_columns(self._sitting.order))
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
        self._queue.columns = _columns(self._sitting.order)
        self._queue.show(len(ids), self._rows, ids.index(wanted) if wanted in ids else self._queue.cursor)
        parts = [
            tr("{number} left").format(number=f"{self._sitting.left:,}"),
            tr("{number} done in this sitting").format(number=f"{self._sitting.done:,}"),
        ]
        title = Content.assemble((tr("Review"), "bold $text-accent"), "  ", " · ".join(parts))
        self.query_one("#title", Static).update(title)
        self._tell_order()
        self.set_class(not ids, "-empty")
        if not ids:
            self.query_one("#nothing-left", Static).update(Content(self._what_next()))
        self.refresh_bindings()

    def _tell_order(self) -> None:
        """Say which order it is, how many replies have no place in it, and how far the weighing is."""
        parts = [tr(_ORDERS[self._sitting.order])]
        if self._sitting.order != "meter" and (unweighed := self._sitting.unweighed):
            sentence = ngettext(
                "{number} reply is not weighed yet and comes last",
                "{number} replies are not weighed yet and come last",
                unweighed,
            )
            parts.append(sentence.format(number=f"{unweighed:,}"))
            if self.weighing is None:
                parts.append(tr("w weighs"))
        if self.weighing is not None:
            sentence = tr("weighing, {done} of {of} done, w stops")
            parts.append(sentence.format(done=f"{self.weighing.done:,}", of=f"{self.weighing.of:,}"))
        self.query_one("#order", Static).update(Content(" · ".join(parts)))

    def watch_weighing(self) -> None:
        """Say how far it is."""
        if self.is_mounted:
            self._tell_order()
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
        turns = self._turns[start:stop]
        return [
            (plain_line(turn.prompt), plain_line(turn.reply), f"{figures.style:.0f}", *figures.weights)
            for turn, figures in zip(turns, self._sitting.figures(turns), strict=True)
        ]

    def worth(self, turn: Turn) -> str:
        """Say what the meter and the versions make of the reply."""
        (figures,) = self._sitting.figures([turn])
        style, none = tr("style {score}").format(score=f"{figures.style:.0f}"), tr("not weighed yet")
        if figures.loss is None:
            return f"{style} · {none}"
        scales = figures.loss.scales
        told = tr("loss {loss} under {version} · disagreement with {parent} {disagreement}").format(
            loss=f"{figures.loss.loss:.2f}",
            version=scales.version,
            parent=scales.parent,
            disagreement=f"{figures.loss.disagreement:.2f}",
        )
        if figures.stale:
            now = tr("not weighed yet by {version}, which speaks now").format(version=self._scales().version)
            return f"{style} · {told} · {now}"
        return f"{style} · {told}"

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

    def action_order(self) -> None:
        """Go on to the next order, from its beginning."""
        self.post_message(self.OrderChosen(self._sitting.next_order()))
        first = self._sitting.queue()[:1]
        self.refresh_turns(*(turn.id for turn in first))

    def action_weigh(self) -> None:
        """Ask for what waits to be weighed."""
        self.post_message(self.WeighingAsked())

    def action_stop_weighing(self) -> None:
        """Ask for no more to be weighed."""
        self.post_message(self.WeighingStopped())

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
        """Without a reply nothing can be judged; what is being weighed can be stopped."""
        match action:
            case "open" | "approve" | "rewrite" | "drop" | "skip" | "order":
                return bool(self._turns)
            case "weigh":
                return bool(self._turns) and self.weighing is None
            case "stop_weighing":
                return self.weighing is not None
        return True


def _columns(order: Order) -> list[Column]:
    """Return the columns of the queue: of the figures a narrow one has the one that it is ordered by."""

    def figure(of: Order, title: str) -> Column:
        return Column(title, 7, right=True, shown_from=0 if of == order else _WIDE)

    return [
        Column(tr("Prompt")),
        Column(tr("Reply"), shown_from=_WIDE),
        figure("meter", tr("Style")),
        figure("loss", tr("Loss")),
        figure("disagreement", tr("Disagr.")),
    ]
