"""The run under way, or what came of the last one."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import ProgressBar, Sparkline, Static

from adapters.api import Event
from socrates_errors import SocratesError
from socrates_tui.brief import brief
from socrates_tui.messages import TrainingEnded, TrainingProgressed
from socrates_tui.plain_text import plain
from socrates_tui.retraining import Preflight

if TYPE_CHECKING:
    from corpus.quality import Report

CLOSED = "Escape closes this."

log = logging.getLogger(__name__)


class Training(Protocol):
    """One retraining, as the app needs it; every method may be called from any thread."""

    def preflight(self) -> Preflight:
        """Say what a run would be made of."""

    def check(self) -> "Report":
        """Look for what the examples would suffer from."""

    def events(self) -> Iterator[Event]:
        """Yield the run's events; the last is published, refused or failed."""

    def cancel(self) -> None:
        """End the run; nothing it did is kept."""


class TrainingPanel(Vertical):
    """Losses, speed and time of a run; hidden where there is none."""

    @dataclass
    class Published(Message):
        """The run made a version; ``activate`` tells whether it should speak."""

        version: str
        activate: bool

    class Ended(Message):
        """The run is over."""

    def __init__(self) -> None:
        super().__init__()
        self._training: Training | None = None
        self._started: Event = {}
        self._step: Event = {}
        self._losses: list[float] = []
        self._held_out: list[float] = []

    def compose(self) -> ComposeResult:
        """Lay out the bar, the curve and the figures."""
        yield ProgressBar(show_eta=False, id="training-bar")
        yield Sparkline(id="training-curve")
        yield Static(id="training-figures")
        yield Static(id="training-hint")

    @property
    def running(self) -> bool:
        """Whether a run is under way."""
        return self._training is not None

    @property
    def concluded(self) -> bool:
        """Whether what is shown is over."""
        return self.has_class("-trouble") or self.has_class("-done")

    def run(self, training: Training) -> None:
        """Begin a run."""
        self._training = training
        self._started, self._step, self._losses, self._held_out = {}, {}, [], []
        self.border_title = "Training"
        self.set_classes("-running")
        self.query_one(ProgressBar).update(total=None)
        self.query_one(Sparkline).data = []
        self._figure("Reading the examples and loading a second model …")
        self._hint("F5 cancels. You can go on talking.")
        self._train(training)

    def cancel(self) -> None:
        """End the run under way, if there is one."""
        if self._training is not None:
            self._hint("Cancelling …")
            self._training.cancel()

    def close(self) -> None:
        """Show nothing, unless a run is under way."""
        if self._training is None:
            self.set_classes("")

    @work(thread=True, group="training", exit_on_error=False)
    def _train(self, training: Training) -> None:
        try:
            for event in training.events():
                self.post_message(TrainingProgressed(event))
        except SocratesError as error:
            self.post_message(TrainingProgressed({"event": "failed", "reason": str(error), "cancelled": False}))
        except Exception as error:  # whatever a library raises, the window stays
            log.exception("no training")
            reason = f"The training failed: {brief(error)}."
            self.post_message(TrainingProgressed({"event": "failed", "reason": reason, "cancelled": False}))
        finally:
            self.post_message(TrainingEnded())

    @on(TrainingProgressed)
    def _progressed(self, message: TrainingProgressed) -> None:
        event = message.event
        match event["event"]:
            case "published" if event["better"]:
                self.set_classes("")
                self.post_message(self.Published(str(event["version"]), activate=True))
            case "published":
                self._conclude("-done", f"{event['version']} is kept, but not activated: {event['reason']}")
                self._hint(f"F8 uses it anyway. {CLOSED}")
                self.post_message(self.Published(str(event["version"]), activate=False))
            case "failed" if event["cancelled"]:
                self.set_classes("")
                self.notify("The training is cancelled; nothing of it is kept.", markup=False)
            case "failed" | "refused":
                self._conclude("-trouble", event["reason"])
            case _:
                self._progress(event)

    @on(TrainingEnded)
    def _ended(self) -> None:
        self._training = None
        self.post_message(self.Ended())

    def _conclude(self, state: str, sentence: str) -> None:
        self.set_classes(state)
        self._figure(sentence)
        self._hint(CLOSED)

    def _progress(self, event: Event) -> None:
        """Show a started, step or evaluated event."""
        bar = self.query_one(ProgressBar)
        match event["event"]:
            case "started":
                self._started = event
                bar.update(total=event["steps"], progress=0)
                skipped = f", {len(event['skipped']):,} too long" if event.get("skipped") else ""
                plural = "" if event["examples"] == 1 else "s"
                self._figure(f"{event['examples']:,} example{plural}{skipped}, {event['held_out']:,} held out")
            case "step":
                self._step = event
                self._losses.append(event["loss"])
                bar.update(total=event["steps"], progress=event["step"])
                self.query_one(Sparkline).data = [*self._losses]
                self._figure(self._sentence())
            case "evaluated":
                if event["held_out_loss"] is not None:
                    self._held_out.append(event["held_out_loss"])
                if self._step:
                    self._figure(self._sentence())

    def _sentence(self) -> str:
        step = self._step
        held_out = f"   held-out {self._held_out[-1]:.3f}" if self._held_out else ""
        if len(self._held_out) > 1:
            held_out += f" (best {min(self._held_out):.3f})"
        epochs = self._started.get("epochs", "–")
        return (
            f"loss {step['loss']:.3f}{held_out}\n"
            f"step {step['step']:,} of {step['steps']:,} · epoch {step['epoch']} of {epochs}\n"
            f"{step['tokens_per_s']:,.0f} tok/s · {duration(step['seconds_left'])} left"
        )

    def _figure(self, text: str) -> None:
        self.query_one("#training-figures", Static).update(Content(plain(text)))

    def _hint(self, text: str) -> None:
        self.query_one("#training-hint", Static).update(Content(text))


def duration(seconds: float) -> str:
    """Return ``seconds`` as a person says it: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
