"""Reading prompts with as little reading as possible: what was read before is used again. It draws nothing."""

from adapters.decoder import Decoder, Memory
from adapters.modules import Modules
from adapters.sampling import Scores

WORTH = 32
"""Tokens of a conversation that are worth keeping when another one begins."""


class Reader:
    """What a decoder has read: the newest prompt with its reply, and on a CPU some conversations before it."""

    def __init__(self, decoder: Decoder | Modules) -> None:
        """``decoder`` is read with by nobody else."""
        self._decoder = decoder
        self.ids: list[int] = []
        """The ids whose keys and values the decoder has."""
        self._asked: list[int] = []
        self._first: Scores | None = None
        """The prompt that was answered last, and the scores of what may follow it."""
        self._shelf: list[tuple[list[int], Memory]] = []
        """Other conversations, the newest last."""

    def forget(self) -> None:
        """Read everything anew from now on, as another version does."""
        self.ids, self._asked, self._first = [], [], None
        self._shelf.clear()

    def begin(self, prompt: list[int]) -> Scores:
        """Read ``prompt`` as far as that is needed; return the scores of the reply's first token.

        Where the decoder still has the prompt that was answered last, they are kept, so that another reply to it costs
        no reading, and the same seed draws the same reply.
        """
        if prompt == self._asked and self._first is not None:
            kept = self._decoder.keep(len(prompt))
            if kept == len(prompt):
                self.ids = list(prompt)
                return self._first
            self.ids = self.ids[:kept]
        self._asked = []  # until the prompt has been read, what was read is of neither
        self._first = self.go_on(self.resume(prompt))
        self._asked = prompt
        return self._first

    def go_on(self, ids: list[int]) -> Scores:
        """Read ``ids`` after what was read; return the scores of the next token."""
        scores = self._decoder.read(ids, len(self.ids))
        self.ids += ids
        return scores

    def resume(self, prompt: list[int]) -> list[int]:
        """Return the ids of ``prompt`` that still have to be read; those that it shares with what was read are not."""
        self._take_up(prompt)
        known = self._decoder.keep(_shared(self.ids, prompt[:-1]))
        self.ids = prompt[:known]
        return prompt[known:]

    def _take_up(self, prompt: list[int]) -> None:
        """Go on where most of ``prompt`` was read; what was read of another conversation goes on the shelf."""
        decoder = self._decoder
        if not isinstance(decoder, Decoder) or not decoder.SHELVED_BYTES:
            return
        here = _shared(self.ids, prompt)
        place, there = max(
            ((place, _shared(ids, prompt)) for place, (ids, _) in enumerate(self._shelf)),
            key=lambda found: found[1],
            default=(None, 0),
        )
        if there <= here and 2 * here >= len(self.ids):
            return  # it goes on, or is another branch of the same
        ids: list[int] = []
        memory: Memory | None = None
        if place is not None and there > here:
            ids, memory = self._shelf.pop(place)
        before, self.ids = self.ids, ids
        kept = decoder.exchange(memory)
        if len(before) >= WORTH:
            self._shelf.append((before, kept))
        while sum(len(ids) for ids, _ in self._shelf) * decoder.token_bytes > decoder.SHELVED_BYTES:
            del self._shelf[0]


def _shared(one: list[int], other: list[int]) -> int:
    """Return how many ids both begin with."""
    pairs = zip(one, other, strict=False)
    differs = next((number for number, (a, b) in enumerate(pairs) if a != b), None)
    return min(len(one), len(other)) if differs is None else differs
