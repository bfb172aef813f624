"""The run under way, or what came of the last one."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import ProgressBar, Sparkline, Static

from adapters.api import Event
from socrates_errors import SocratesError
from socrates_language import marked, ngettext, tr
from socrates_tui.brief import brief
from socrates_tui.curve import Curve
from socrates_tui.desktop import notification
from socrates_tui.messages import TrainingEnded, TrainingProgressed
from socrates_tui.plain_text import plain
from socrates_tui.retraining import Preflight
from socrates_tui.runs import duration

if TYPE_CHECKING:
    from corpus.quality import Report

CLOSED = marked("Escape closes this.")
MEASURED = marked("F12 shows what was measured.")

LONG_S = 20.0
"""A run that takes longer calls the user when it ends."""

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
        self.version: str | None = None
        """The version that the last run made."""
        self._training: Training | None = None
        self._began = 0.0
        self._started: Event = {}
        self._step: Event = {}
        self._curve = Curve()

    def compose(self) -> ComposeResult:
        """Lay out the bar, the curve and the figures; the plot comes with the first run."""
        yield ProgressBar(show_eta=False, id="training-bar")
        yield Sparkline(id="training-curve")
        yield Vertical(id="training-plot")
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

    @property
    def measured(self) -> bool:
        """Whether what is shown is over and made a version."""
        return self.concluded and self.version is not None

    def run(self, training: Training) -> None:
        """Begin a run."""
        self._training = training
        self._began = monotonic()
        self.version = None
        self._started, self._step, self._curve = {}, {}, Curve()
        self.border_title = tr("Training")
        self.set_classes("-running")
        self.query_one(ProgressBar).update(total=None)
        self._mount_plot()
        self._draw()
        self._figure(tr("Reading the examples and loading a second model …"))
        self._hint(tr("F5 cancels. You can go on talking."))
        self._train(training)

    def _mount_plot(self) -> None:
        from socrates_tui.widgets.loss_plot import LossPlot, legend  # plotext is not needed before the first screen

        if not self.query(LossPlot):
            self.query_one("#training-plot").mount(LossPlot(), Static(legend(self._curve.unit)))

    def _draw(self) -> None:
        from socrates_tui.widgets.loss_plot import LossPlot

        self.query_one(Sparkline).data = self._curve.losses
        self.query_one("#training-plot").set_class(not self._curve.steps, "-empty")
        self.query(LossPlot).first().show(self._curve)

    def cancel(self) -> None:
        """End the run under way, if there is one."""
        if self._training is not None:
            self._hint(tr("Cancelling …"))
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
            reason = tr("The training failed: {trouble}.").format(trouble=brief(error))
            self.post_message(TrainingProgressed({"event": "failed", "reason": reason, "cancelled": False}))
        finally:
            self.post_message(TrainingEnded())

    @on(TrainingProgressed)
    def _progressed(self, message: TrainingProgressed) -> None:
        event = message.event
        match event["event"]:
            case "published":
                from adapters.gate import reason_told  # not needed before the first screen

                self.version = str(event["version"])
                better, kept = (
                    tr("{version} is trained. {reason}"),
                    tr("{version} is kept, but not activated: {reason}"),
                )
                told = {"version": self.version, "reason": reason_told(event["reason"])}
                self._conclude("-done", (better if event["better"] else kept).format(**told))
                anyway = [] if event["better"] else [tr("F8 uses it anyway.")]
                self._hint(" ".join([*anyway, tr(MEASURED), tr(CLOSED)]))
                self.post_message(self.Published(self.version, activate=bool(event["better"])))
            case "failed" if event["cancelled"]:
                self.set_classes("")
                self.notify(tr("The training is cancelled; nothing of it is kept."), markup=False)
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
        self._hint(tr(CLOSED))
        if monotonic() - self._began >= LONG_S:
            self._call(sentence)

    def _call(self, sentence: str) -> None:
        """Call the user, who may be looking elsewhere meanwhile."""
        self.app.bell()
        self.notify(plain(sentence), title=tr("The training has ended"), markup=False)
        driver = self.app._driver
        if driver is not None and not self.app.app_focus:
            driver.write(notification(sentence, os.environ))

    def _progress(self, event: Event) -> None:
        """Show a started, step or evaluated event."""
        bar = self.query_one(ProgressBar)
        match event["event"]:
            case "started":
                self._started = event
                bar.update(total=event["steps"], progress=0)
                self._figure(_examples(event))
            case "step":
                self._step = event
                self._curve.add(event)
                bar.update(total=event["steps"], progress=event["step"])
                self._draw()
                self._figure(self._sentence())
            case "evaluated":
                self._curve.add(event)
                self._draw()
                if self._step:
                    self._figure(self._sentence())
                if event["last"]:
                    bar.update(total=None)
                    self._hint(tr("Judging the new version: its losses and replies beside the base's …"))

    def _sentence(self) -> str:
        step, held_out = self._step, [loss for _, loss in self._curve.held_out]
        losses = [tr("loss {loss}").format(loss=f"{step['loss']:.3f}")]
        if len(held_out) > 1:
            last, best = f"{held_out[-1]:.3f}", f"{min(held_out):.3f}"
            losses.append(tr("held-out {loss} (best {best})").format(loss=last, best=best))
        elif held_out:
            losses.append(tr("held-out {loss}").format(loss=f"{held_out[-1]:.3f}"))
        place = tr("step {step} of {steps} · epoch {epoch} of {epochs}").format(
            step=f"{step['step']:,}",
            steps=f"{step['steps']:,}",
            epoch=step["epoch"],
            epochs=self._started.get("epochs", "–"),
        )
        pace = tr("{tokens} tok/s · {time} left · {memory} GB").format(
            tokens=f"{step['tokens_per_s']:,.0f}",
            time=duration(step["seconds_left"]),
            memory=f"{step['peak_memory_bytes'] / 1e9:.1f}",
        )
        return f"{'   '.join(losses)}\n{place}\n{pace}"

    def _figure(self, text: str) -> None:
        self.query_one("#training-figures", Static).update(Content(plain(text)))

    def _hint(self, text: str) -> None:
        self.query_one("#training-hint", Static).update(Content(text))


def _examples(event: Event) -> str:
    """Return what a ``started`` event says of the examples."""
    if event.get("skipped"):
        sentence = ngettext(
            "{number} example, {skipped} too long, {held_out} held out",
            "{number} examples, {skipped} too long, {held_out} held out",
            event["examples"],
        )
    else:
        sentence = ngettext(
            "{number} example, {held_out} held out", "{number} examples, {held_out} held out", event["examples"]
        )
    return sentence.format(
        number=f"{event['examples']:,}",
        skipped=f"{len(event.get('skipped', ())):,}",
        held_out=f"{event['held_out']:,}",
    )
