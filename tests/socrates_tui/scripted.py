"""An engine that speaks from a script and a training that goes by one, for the tests of the screens."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any

from adapters import api
from adapters.api import BASE, Chunk, Finished, Message, Sampling
from corpus.quality import Finding, Report
from socrates_errors import VersionError
from socrates_tui.retraining import Preflight


@dataclass(frozen=True)
class Call:
    """What the engine was asked, and the version it had then."""

    messages: list[Message]
    sampling: Sampling
    version: str


@dataclass
class ScriptedEngine:
    """Say ``replies`` one after the other, ``piece`` characters at a time; an exception in the queue is raised."""

    replies: deque[str | Exception] = field(default_factory=deque)
    base: str = "embedded"
    version: str = BASE
    context_tokens: int = 32768
    device: str = "cpu"
    piece: int = 4
    hold_after: int | None = None
    """So many pieces are said; then nothing until ``go_on`` is set or the reply is stopped."""
    hold_weighing: int | None = None
    """The weighing of so many pieces stands still until ``go_on`` is set or it is stopped."""
    fail_after: tuple[int, Exception] | None = None
    """So many pieces of the next reply are said; then this is raised."""
    left_out: int = 0
    """Turns that are told not to have been read."""
    refused: set[str] = field(default_factory=set)
    """Versions that cannot be swapped in."""
    history: list[Call] = field(default_factory=list)
    weights: dict[tuple[str, str], float | None] = field(default_factory=dict)
    """Losses by version and reply; that of any other is 1."""
    weighed: list[tuple[str, ...]] = field(default_factory=list)
    """The replies that were weighed together, after the versions that did."""
    swaps: list[str] = field(default_factory=list)
    beside: list[bool] = field(default_factory=list)
    """Before each piece: whether a training ran."""
    held: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def reply(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> Iterator[Chunk | Finished]:
        """Yield the next reply of the queue."""
        with self.lock:
            self.history.append(Call(list(messages), sampling, self.version))
            reply = self.replies.popleft() if self.replies else "君はどう考えるかね？"
            if isinstance(reply, Exception):
                raise reply
            said = ""
            for number, start in enumerate(range(0, len(reply), self.piece)):
                if number == self.hold_after:
                    self.held.set()
                    _wait(self.go_on, stopped)
                if self.fail_after is not None and number == self.fail_after[0]:
                    (_, error), self.fail_after = self.fail_after, None
                    raise error
                if stopped():
                    break
                said += reply[start : start + self.piece]
                self.beside.append(beside())
                yield Chunk(reply[start : start + self.piece])
            yield Finished(
                reply=said.strip(),
                version=self.version,
                prompt_tokens=sum(len(message["content"]) for message in messages),
                reply_tokens=len(said),
                ttft_s=0.1,
                tokens_per_s=12.5,
                stopped_by="user" if stopped() else "end_of_turn",
                seed=7 if sampling.seed is None else sampling.seed,
                turns_left_out=self.left_out,
            )

    def losses(
        self,
        examples: Sequence[Sequence[Message]],
        versions: Sequence[str],
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> list[list[float | None]] | None:
        """Return what is in ``weights``."""
        with self.lock:
            if refused := self.refused & {*versions}:
                raise VersionError(f"{min(refused)} does not fit this base: train it again.")
            replies = [messages[-1]["content"] for messages in examples]
            self.weighed.append((*versions, *replies))
            if len(self.weighed) == self.hold_weighing:
                self.held.set()
                _wait(self.go_on, stopped)
            if stopped():
                return None
            return [[self.weights.get((version, reply), 1.0) for reply in replies] for version in versions]

    def use(self, version: str) -> None:
        """Speak as ``version`` from the next reply on."""
        with self.lock:
            if version in self.refused:
                raise VersionError(f"{version} does not fit this base: train it again.")
            self.swaps.append(version)
            self.version = version


@dataclass
class ScriptedTraining:
    """Tell ``script`` event by event; where it holds ``HOLD``, nothing until ``go_on`` is set or it is cancelled."""

    script: list[api.Event] = field(default_factory=list)
    ready: bool = True
    sentence: str = "12 examples, 3 new, 2 held out, about 2 min."
    figures: dict[str, Any] = field(default_factory=dict)
    """What the preflight tells otherwise."""
    findings: list[Finding] = field(default_factory=list)
    go_on: Event = field(default_factory=Event)
    cancelled: Event = field(default_factory=Event)

    def preflight(self) -> Preflight:
        """Say what the script says."""
        told = Preflight(examples=12, new=3, held_out=2, seconds=90.0, sentence=self.sentence, ready=self.ready)
        return replace(told, **self.figures)

    def check(self) -> Report:
        """Find what the script says."""
        return Report(train=12, held_out=2, tokens=None, findings=self.findings)

    def events(self) -> Iterator[api.Event]:
        """Yield the script, or how it was cancelled."""
        for event in self.script:
            if event is HOLD:
                _wait(self.go_on, self.cancelled.is_set)
            elif not self.cancelled.is_set():
                yield event
            if self.cancelled.is_set():
                yield {"event": "failed", "reason": "The training was cancelled.", "cancelled": True}
                return

    def cancel(self) -> None:
        """End the script."""
        self.cancelled.set()


def _wait(go_on: Event, ended: Callable[[], bool]) -> None:
    """Wait until the test goes on or the app ends it; a test that failed must not wait for ever."""
    for _ in range(1000):
        if ended() or go_on.wait(0.005):
            return


HOLD: api.Event = {"event": "hold"}
STARTED: api.Event = {
    "event": "started",
    "examples": 12,
    "held_out": 2,
    "tokens": 1200,
    "steps": 4,
    "epochs": 2,
    "device": "cpu",
    "base": "embedded",
    "parent": "base",
    "skipped": [],
}
UNTRAINED: api.Event = {
    "event": "evaluated",
    "epoch": 0,
    "step": 0,
    "held_out_loss": 3.25,
    "train_loss": None,
    "best": False,
    "last": False,
}
EVALUATED: api.Event = UNTRAINED | {"epoch": 1, "step": 2, "held_out_loss": 1.75, "train_loss": 2.5, "best": True}


def step(number: int, loss: float) -> api.Event:
    """Return the event of one step of four."""
    return {
        "event": "step",
        "step": number,
        "steps": 4,
        "epoch": 1 + number // 3,
        "loss": loss,
        "learning_rate": 1e-4,
        "tokens_per_s": 215.0,
        "seconds_left": 75.0,
        "elapsed_s": 10.0,
        "peak_memory_bytes": 2_400_000_000,
    }


def published(version: str, *, activate: bool) -> api.Event:
    """Return the event of a published version."""
    return {
        "event": "published",
        "version": version,
        "better": activate,
        "reason": "Its held-out loss is 2.10, the active version's 1.90.",
        "held_out": {"base": 2.5, "parent": 1.9, "candidate": 2.1},
        "seconds": 12.0,
    }
