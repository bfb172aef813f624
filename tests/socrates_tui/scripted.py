"""An engine that speaks from a script, for the tests of the screens."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock

from adapters.api import BASE, Chunk, Finished, Message, Sampling
from socrates_errors import VersionError


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
    refused: set[str] = field(default_factory=set)
    """Versions that cannot be swapped in."""
    history: list[Call] = field(default_factory=list)
    swaps: list[str] = field(default_factory=list)
    held: Event = field(default_factory=Event)
    go_on: Event = field(default_factory=Event)
    lock: Lock = field(default_factory=Lock)

    def reply(
        self, messages: Sequence[Message], sampling: Sampling, stopped: Callable[[], bool] = lambda: False
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
                    while not (stopped() or self.go_on.wait(0.005)):
                        pass
                if stopped():
                    break
                said += reply[start : start + self.piece]
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
            )

    def use(self, version: str) -> None:
        """Speak as ``version`` from the next reply on."""
        with self.lock:
            if version in self.refused:
                raise VersionError(f"{version} does not fit this base: train it again.")
            self.swaps.append(version)
            self.version = version
