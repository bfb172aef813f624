"""One sitting of review: what waits, in which order, and what was done. Showing it is screens.review's."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from corpus.filters import Filter
from corpus.losses import Loss, Scales
from corpus.records import Turn
from corpus.store import Corpus

if TYPE_CHECKING:
    from corpus.style import Style

Measure = Callable[[str, str], float]
"""Says of a prompt and its reply how good it seems; what seems worst is worth a minute first."""

Order = Literal["meter", "loss", "disagreement"]
"""What comes first: what the meter likes least, what the version that speaks expects least, what it and its parent
differ about most.
"""
ORDERS: tuple[Order, ...] = get_args(Order)

UNREVIEWED = Filter(verdict="unreviewed")
WINDOW = 500
"""So many of the newest replies are put into order by the meter; of the other orders, so many are shown."""


def measured(prompt: str, reply: str) -> "Style":
    """Return how Socratic a reply is."""
    from corpus.style import measure  # not needed before the first screen

    return measure(prompt, reply)


def seeming(prompt: str, reply: str) -> float:
    """Return how Socratic a reply is, 0 to 100."""
    return measured(prompt, reply).score


@dataclass(frozen=True)
class Figures:
    """What is known of how much a reply is worth a minute."""

    style: float
    loss: Loss | None
    """None where it was not weighed."""
    stale: bool
    """Whether it was weighed by other versions than those of now."""

    @property
    def weights(self) -> tuple[str, str]:
        """Loss and disagreement as they are shown: those of other versions in brackets, a dash where there are none."""
        if self.loss is None:
            return "–", "–"
        form = "({:.2f})" if self.stale else "{:.2f}"
        return form.format(self.loss.loss), form.format(self.loss.disagreement)


class Sitting:
    """The queue of unreviewed replies as one person works through it."""

    def __init__(
        self,
        corpus: Corpus,
        scales: Callable[[], Scales],
        order: Order = "meter",
        measure: Measure = seeming,
    ) -> None:
        """``scales`` tells by which versions replies are weighed now."""
        self.order = order
        self._corpus = corpus
        self._scales = scales
        self._measure = measure
        self._measured: dict[int, float] = {}
        self._put_off: dict[int, None] = {}
        """Turns that were skipped, in that order."""
        self._done: set[int] = set()
        self._waiting = 0
        """Turns that are done and yet unreviewed in the corpus: their rewrites wait to be stored."""

    def queue(self) -> list[Turn]:
        """Return what waits: what is worth a minute first; then what was put off."""
        most = WINDOW + len(self._put_off) + len(self._done)
        unreviewed = self._in_order(most)
        self._waiting = sum(turn.id in self._done for turn in unreviewed)
        fresh = [turn for turn in unreviewed if turn.id not in self._done and turn.id not in self._put_off]
        put_off = [turn for turn in self._corpus.these([*self._put_off]) if turn.verdict == "unreviewed"]
        return [*fresh[:WINDOW], *(turn for turn in put_off if turn.id not in self._done)]

    def _in_order(self, most: int) -> list[Turn]:
        if self.order == "meter":
            return sorted(self._corpus.turns(UNREVIEWED, limit=most), key=self._style)
        scales = self._scales()
        ids = self._corpus.heaviest(scales, self.order, limit=most)
        if len(ids) < most:
            ids += [turn for turn, _ in self._corpus.unweighed(scales, limit=most - len(ids))]
        return self._corpus.these(ids)

    def _style(self, turn: Turn) -> float:
        if turn.id not in self._measured:
            self._measured[turn.id] = self._measure(turn.prompt, turn.reply)
        return self._measured[turn.id]

    def figures(self, turns: Sequence[Turn]) -> list[Figures]:
        """Return what is known of each of ``turns``."""
        losses, scales = self._corpus.losses([turn.id for turn in turns]), self._scales()
        found = [(turn, losses.get(turn.id)) for turn in turns]
        return [Figures(self._style(turn), loss, loss is not None and loss.scales != scales) for turn, loss in found]

    @property
    def left(self) -> int:
        """How many replies wait, the older ones too, as of the last look at the queue."""
        return self._corpus.count(UNREVIEWED) - self._waiting

    @property
    def unweighed(self) -> int:
        """How many replies were not weighed by the versions of now."""
        return self._corpus.count_unweighed(self._scales())

    @property
    def done(self) -> int:
        """How many replies were judged in this sitting."""
        return len(self._done)

    def put_off(self, turn: int) -> None:
        """Let a turn come up after all others."""
        self._put_off.pop(turn, None)
        self._put_off[turn] = None

    def judged(self, turns: Iterable[int]) -> None:
        """Count turns as done."""
        self._done.update(turns)

    def taken_back(self, turns: Iterable[int]) -> None:
        """Count turns as not done."""
        self._done.difference_update(turns)

    def next_order(self) -> Order:
        """Go on to the order after this one; return it."""
        self.order = ORDERS[(ORDERS.index(self.order) + 1) % len(ORDERS)]
        return self.order
