"""Two versions' replies to one prompt, in an order that tells nothing of whose they are. Asking both, without a UI."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from adapters.api import Chunk, Engine, Finished, Message, Sampling
from corpus.picks import Choice, Pick
from socrates_tui.invocation import LARGEST_SEED

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")


@dataclass(frozen=True, eq=False)
class Question:
    """A prompt for two versions."""

    messages: Sequence[Message]
    """The context, and the prompt as the last."""
    turn: int | None
    """The turn whose prompt it is; None for a prompt that stands alone."""
    versions: tuple[str, str]
    """Whose reply stands left, and whose right."""
    sampling: Sampling
    """With a seed, so that both are drawn alike."""

    @classmethod
    def put(
        cls, messages: Sequence[Message], turn: int | None, versions: Sequence[str], sampling: Sampling
    ) -> "Question":
        """Return the question with the two ``versions`` in random order."""
        left, right = random.sample(versions, 2)
        seed = random.randint(0, LARGEST_SEED) if sampling.seed is None else sampling.seed
        return cls(messages, turn, (left, right), replace(sampling, seed=seed))

    @property
    def prompt(self) -> str:
        """What both are asked."""
        return self.messages[-1]["content"]

    def ask(
        self, engine: Engine, stopped: Callable[[], bool] = lambda: False, beside: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[Side, Chunk | Finished]]:
        """Yield what the version on the left says, then that on the right; the engine stays with the last."""
        for side, version in zip(SIDES, self.versions, strict=True):
            if stopped():
                return
            engine.use(version)
            for item in engine.reply(self.messages, self.sampling, stopped, beside):
                yield side, item

    def pick(self, base: str, replies: dict[Side, str], chosen: Choice) -> Pick:
        """Return the pick that ``chosen`` makes of both replies."""
        system = self.messages[0]["content"] if self.messages[0]["role"] == "system" else ""
        assert self.sampling.seed is not None
        return Pick(
            prompt=self.prompt,
            system=system,
            turn=self.turn,
            base=base,
            left_version=self.versions[0],
            left_reply=replies["left"],
            right_version=self.versions[1],
            right_reply=replies["right"],
            chosen=chosen,
            seed=self.sampling.seed,
        )
