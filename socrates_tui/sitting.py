"""One sitting of review: what waits, in which order, and what was done. Showing it is screens.review's."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from corpus.filters import Filter
from corpus.records import Turn
from corpus.store import Corpus

if TYPE_CHECKING:
    from corpus.style import Style

Measure = Callable[[str, str], float]
"""Says of a prompt and its reply how good it seems; what seems worst is worth a minute first."""

UNREVIEWED = Filter(verdict="unreviewed")
WINDOW = 500
"""So many of the newest replies are put into order; the older ones move up as they are done."""


def measured(prompt: str, reply: str) -> "Style":
    """Return how Socratic a reply is."""
    from corpus.style import measure  # not needed before the first screen

    return measure(prompt, reply)


def seeming(prompt: str, reply: str) -> float:
    """Return how Socratic a reply is, 0 to 100."""
    return measured(prompt, reply).score


class Sitting:
    """The queue of unreviewed replies as one person works through it."""

    def __init__(self, corpus: Corpus, measure: Measure = seeming) -> None:
        self._corpus = corpus
        self._measure = measure
        self._measured: dict[int, float] = {}
        self._put_off: dict[int, None] = {}
        """Turns that were skipped, in that order."""
        self._done: set[int] = set()
        self._waiting = 0
        """Turns that are done and yet unreviewed in the corpus: their rewrites wait to be stored."""

    def queue(self) -> list[Turn]:
        """Return what waits: what seems worst first, of those the newest; then what was put off."""
        most = WINDOW + len(self._put_off) + len(self._done)
        unreviewed = self._corpus.turns(UNREVIEWED, limit=most)
        self._waiting = sum(turn.id in self._done for turn in unreviewed)
        waiting = {turn.id: turn for turn in unreviewed if turn.id not in self._done}
        for turn in waiting.values():
            if turn.id not in self._measured:
                self._measured[turn.id] = self._measure(turn.prompt, turn.reply)
        fresh = sorted((id for id in waiting if id not in self._put_off), key=self._measured.__getitem__)
        return [waiting[id] for id in (*fresh[:WINDOW], *(id for id in self._put_off if id in waiting))]

    @property
    def left(self) -> int:
        """How many replies wait, the older ones too, as of the last look at the queue."""
        return self._corpus.count(UNREVIEWED) - self._waiting

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
