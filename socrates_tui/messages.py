"""The facts that workers tell the app and its main screen. What a widget alone tells is defined beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from textual.message import Message

from adapters.api import Engine, Event, Finished
from corpus.records import Turn
from socrates_tui.blind import Question, Side
from socrates_tui.loan import Loan
from socrates_tui.retraining import Preflight
from socrates_tui.weighing import Weighed

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
class LoanEnded(Message):
    """The engine was given back; ``trouble`` says why the version that spoke does not speak again."""

    loan: Loan
    done: bool
    trouble: str = ""


@dataclass
class PairStreamed(Message):
    """The reply on one side of a question for two versions went on."""

    question: Question
    side: Side
    text: str


@dataclass
class PairFinished(Message):
    """Both replies to a question are whole, or were stopped."""

    question: Question
    replies: dict[Side, str]


@dataclass
class PairFailed(Message):
    """A question got no two replies."""

    question: Question
    reason: str


@dataclass
class PinsAnswered(Message):
    """``version`` answered so many pinned prompts."""

    version: str
    count: int


@dataclass
class PinsFailed(Message):
    """``version`` cannot answer the pinned prompts."""

    version: str
    reason: str


@dataclass
class WeighingProgressed(Message):
    """Replies that wait for a verdict were weighed."""

    weighed: Weighed


@dataclass
class WeighingEnded(Message):
    """All that waited is weighed by ``version``; ``weighed`` tells of what was not weighed before."""

    version: str
    weighed: Weighed


@dataclass
class WeighingFailed(Message):
    """The replies that wait cannot be weighed now."""

    reason: str


@dataclass
class VersionCarried(Message):
    """A version was exported, or imported as ``version``; ``sentence`` tells where to."""

    version: str
    sentence: str


@dataclass
class VersionNotCarried(Message):
    """A version could not be exported or imported; ``version`` is where the user was."""

    version: str
    act: Literal["export", "import"]
    directory: Path
    reason: str


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
    """The engine gave no reply, or broke off; what it said until then has come."""

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
