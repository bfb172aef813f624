"""The facts that workers tell the app and its main screen. What a widget alone tells is defined beside it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from adapters.api import Engine, Event, Finished
from corpus.records import Turn
from socrates_tui.retraining import Preflight

if TYPE_CHECKING:
    from corpus.quality import Report


@dataclass
class EngineProgressed(Message):
    """Loading the engine went on."""

    text: str
    fraction: float | None


@dataclass
class EngineLoaded(Message):
    """The engine is ready to speak."""

    engine: Engine


@dataclass
class EngineFailed(Message):
    """The engine cannot be had; ``reason`` says what to do."""

    reason: str


@dataclass
class VersionSwapped(Message):
    """The engine speaks as ``version`` now."""

    version: str


@dataclass
class SwapRefused(Message):
    """The engine kept its version."""

    version: str
    reason: str


@dataclass
class VersionActivated(Message):
    """``version`` is the active one now."""

    version: str


@dataclass
class ReplyStreamed(Message):
    """The next piece of the reply came."""

    text: str


@dataclass
class ReplyFinished(Message):
    """The reply is whole, or was stopped."""

    finished: Finished


@dataclass
class ReplyFailed(Message):
    """The engine gave no reply."""

    reason: str


@dataclass
class SpeechEnded(Message):
    """Nothing is being said any more; ``turn`` is what was kept of it."""

    turn: Turn | None


@dataclass
class CorpusChanged(Message):
    """A turn, a verdict or the conversation that is shown changed."""


@dataclass
class PreflightFinished(Message):
    """What a training would learn from is known."""

    preflight: Preflight


@dataclass
class PreflightFailed(Message):
    """What a training would learn from cannot be known."""

    reason: str


@dataclass
class CheckFinished(Message):
    """What the examples would suffer from is known; ``trouble`` says why there is no report."""

    report: "Report | None"
    trouble: str


@dataclass
class TrainingProgressed(Message):
    """The run told an event."""

    event: Event


@dataclass
class TrainingEnded(Message):
    """The run's process is gone."""
