"""What passes between the application and the model: records and protocols, without torch."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypedDict

BASE = "base"
"""The version name that stands for the base without an adapter."""


EMBEDDED = "embedded"
"""The base's id that stands for the Gemma that comes as a package."""


class Message(TypedDict):
    """One message of a conversation, trimmed."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. A temperature of 0 is greedy decoding."""

    temperature: float = 0.8
    top_k: int = 64
    """Candidates kept; 0 keeps all."""
    top_p: float = 0.95
    repetition_penalty: float = 1.0
    """Divides positive logits, multiplies negative ones, of tokens in the reply so far (arXiv 1909.05858); 1 is off."""
    max_new_tokens: int = 512
    seed: int | None = None
    """None draws a fresh seed for each reply; ``Finished.seed`` tells which."""


StoppedBy = Literal["end_of_turn", "length", "context", "user"]


@dataclass(frozen=True)
class Chunk:
    """The next piece of a reply, whole characters only."""

    text: str


@dataclass(frozen=True)
class Finished:
    """The end of a reply; always the last item of ``Engine.reply``."""

    reply: str
    """All chunks together, trimmed."""
    version: str
    prompt_tokens: int
    reply_tokens: int
    ttft_s: float
    """Time to first token, in seconds."""
    tokens_per_s: float
    """Decode speed after the first token; 0 for replies of one token."""
    stopped_by: StoppedBy
    seed: int
    turns_left_out: int = 0
    """How many of the oldest turns did not fit into the context and were not read."""


class Engine(Protocol):
    """A base with its active version. Every method may be called from any thread; one lock serialises them."""

    @property
    def base(self) -> str:
        """The base's id: ``embedded``, a hub id or a directory."""

    @property
    def version(self) -> str:
        """The active version's name, or ``base``."""

    @property
    def context_tokens(self) -> int:
        """Most tokens that prompt and reply may take together."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""

    def reply(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> Iterator[Chunk | Finished]:
        """Yield the reply to ``messages`` (the last from the user) in chunks, then one ``Finished``.

        Both are asked before each token: once ``stopped`` is true the reply ends with ``stopped_by="user"``; while
        ``beside`` is, a training computes on the same processor, which is shared with it.
        Raises EngineError when the last prompt alone is longer than the context.
        """

    def losses(
        self,
        examples: Sequence[Sequence[Message]],
        versions: Sequence[str],
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> list[list[float | None]] | None:
        """Return, for each of ``versions``, the loss per token of each example's last message; None once ``stopped``.

        The loss is that of ``socrates eval``: natural log, the end of the turn included. It is None for a message that
        is longer than the context. ``examples`` are of one conversation, and what they share is read once. The active
        version stays active, and ``stopped`` is asked about twice a second.
        Raises VersionError where one of ``versions`` cannot be swapped in.
        """

    def use(self, version: str) -> None:
        """Swap in ``version`` (or ``base``) between two replies, without loading the base again.

        Raises VersionError and keeps the old version on any failure.
        """


Progress = Callable[[str, float | None], None]
"""Told what is being done, as a sentence, and the fraction done where that is known."""

LoadEngine = Callable[[Progress], Engine]

Event = dict[str, Any]
"""One event of a run; ``event`` is preflight, started, step, evaluated, published, refused or failed.

``preflight`` counts ``tokens`` and names the examples that are ``too_long`` or ``cut``. ``started`` tells by ``memory``
how a step is computed: ``micro_batch_tokens`` at a time, with or without ``checkpointing``, ``kept_weights`` and
``graphs``. ``step`` has the ``loss``, the pace, and the memory that was held at most. ``evaluated`` comes before the
first step and after each epoch, the ``last`` before the version is judged.
"""
