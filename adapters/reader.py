"""Reading prompts with as little reading as possible: what was read before is used again. It draws nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.decoder import Decoder, Memory
from adapters.encoding import Row
from adapters.modules import Modules
from adapters.sampling import Scores

WORTH = 32
"""Tokens of a conversation that are worth keeping when another one begins."""
STEP = 64
"""Tokens of a row that are read at once for their losses: whoever waits for the decoder waits so long at most."""


@dataclass
class Read:
    """What was read of one conversation, and the scores after its newest prompt."""

    ids: list[int] = field(default_factory=list)
    """The ids whose keys and values there are."""
    prompt: list[int] = field(default_factory=list)
    after_prompt: Scores | None = None
    memory: Memory = field(default_factory=list)
    """The keys and values, where the conversation is on the shelf."""


class Reader:
    """What a decoder has read: a conversation, and on a CPU some that were read before it, on a shelf."""

    def __init__(self, decoder: Decoder | Modules) -> None:
        """``decoder`` is read with by nobody else."""
        self._decoder = decoder
        self.now = Read()
        self.shelf: list[Read] = []
        """Other conversations, the newest last."""

    def forget(self) -> None:
        """Read everything anew from now on, as another version does."""
        self.now = Read()
        self.shelf.clear()

    def begin(self, prompt: list[int]) -> Scores:
        """Read ``prompt`` as far as that is needed; return the scores of the reply's first token.

        Those of the newest prompt of a conversation are kept, so that another reply to it costs no reading, and the
        same seed draws the same reply.
        """
        self._take_up(prompt)
        now = self.now
        if prompt == now.prompt and now.after_prompt is not None:
            known = self._decoder.keep(len(prompt))
            now.ids = prompt[:known]
            if known == len(prompt):
                return now.after_prompt
        now.prompt = []  # until the prompt has been read, what was read is of neither
        now.after_prompt = self.go_on(self.resume(prompt))
        now.prompt = prompt
        return now.after_prompt

    def go_on(self, ids: list[int]) -> Scores:
        """Read ``ids`` after what was read; return the scores of the next token."""
        scores = self._decoder.read(ids, len(self.now.ids))
        self.now.ids += ids
        return scores

    def put_by(self) -> None:
        """Leave the decoder for something else; what was read goes on the shelf, where there is one."""
        decoder, left = self._decoder, self.now
        self.now = Read()
        if isinstance(decoder, Decoder) and decoder.SHELVED_BYTES:
            self._shelve(decoder, left)
            self._make_room(decoder)

    def losses(self, row: Row, stopped: Callable[[], bool]) -> list[float] | None:
        """Return the loss of each supervised token of ``row``, natural log; None once it is ``stopped``.

        It is read from its beginning, and nothing of it is kept.
        """
        ids, found = row.ids, list[float]()
        self._decoder.keep(0)
        for start in range(0, len(ids) - 1, STEP):
            if stopped():
                return None
            end = min(start + STEP, len(ids) - 1)
            followed = [(place - start, ids[place + 1]) for place in range(start, end) if row.supervised[place + 1]]
            found += self._decoder.losses(ids[start:end], start, followed)
        return found

    def resume(self, prompt: list[int]) -> list[int]:
        """Return the ids of ``prompt`` that still have to be read; those that it shares with what was read are not."""
        known = self._decoder.keep(_shared(self.now.ids, prompt[:-1]))
        self.now.ids = prompt[:known]
        return prompt[known:]

    def _take_up(self, prompt: list[int]) -> None:
        """Go on where most of ``prompt`` was read; another conversation that is left for it goes on the shelf."""
        decoder, left = self._decoder, self.now
        if not isinstance(decoder, Decoder) or not decoder.SHELVED_BYTES:
            return
        here = _shared(left.ids, prompt)
        found = max(self.shelf, key=lambda read: _shared(read.ids, prompt), default=None)
        there = _shared(found.ids, prompt) if found is not None else 0
        if there <= here and 2 * here >= len(left.ids):
            return  # it goes on, or is another branch of the same
        self._shelve(decoder, left, here)
        self.now = Read(prompt[:here])
        if found is not None and there > here:
            decoder.restore(found.memory, there)
            self.now = Read(prompt[:there])
            if 2 * there >= len(found.ids):  # else it is another that begins alike
                self.shelf.remove(found)
                self.now = Read(prompt[:there], found.prompt, found.after_prompt)
        self._make_room(decoder)

    def _shelve(self, decoder: Decoder, left: Read, shared: int = 0) -> None:
        """Put ``left`` on the shelf, if what it has beyond ``shared`` tokens is worth it."""
        if len(left.ids) - shared >= WORTH:
            left.memory = decoder.copied(len(left.ids))
            self.shelf.append(left)

    def _make_room(self, decoder: Decoder) -> None:
        """Take the oldest from the shelf while there is too much on it."""
        while sum(len(read.ids) for read in self.shelf) * decoder.token_bytes > decoder.SHELVED_BYTES:
            del self.shelf[0]


def _shared(one: list[int], other: list[int]) -> int:
    """Return how many ids both begin with."""
    pairs = zip(one, other, strict=False)
    differs = next((number for number, (a, b) in enumerate(pairs) if a != b), None)
    return min(len(one), len(other)) if differs is None else differs
