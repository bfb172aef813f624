"""The run under way, or what came of the last one."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ProgressBar, Sparkline, Static

from adapters.api import Event
from socrates_tui.plain_text import plain


class TrainingPanel(Vertical):
    """Losses, speed and time of a run; hidden where there is none."""

    def compose(self) -> ComposeResult:
        """Lay out the bar, the curve and the figures."""
        yield ProgressBar(show_eta=False, id="training-bar")
        yield Sparkline(id="training-curve")
        yield Static(id="training-figures")
        yield Static(id="training-hint")

    def begin(self) -> None:
        """Show that a run begins."""
        self.border_title = "Training"
        self.set_classes("-running")
        self._losses: list[float] = []
        self._held_out: list[float] = []
        self._started: Event = {}
        self._step: Event = {}
        self.query_one(ProgressBar).update(total=None)
        self.query_one(Sparkline).data = []
        self._figure("Reading the examples and loading a second model …")
        self._hint("F5 cancels. You can go on talking.")

    def progress(self, event: Event) -> None:
        """Show a started, step or evaluated event."""
        bar = self.query_one(ProgressBar)
        match event["event"]:
            case "started":
                self._started = event
                bar.update(total=event["steps"], progress=0)
                skipped = f", {event['skipped']:,} too long" if event.get("skipped") else ""
                self._figure(f"{event['examples']:,} examples{skipped}, {event['held_out']:,} held out")
            case "step":
                self._step = event
                self._losses.append(event["loss"])
                bar.update(total=event["steps"], progress=event["step"])
                self.query_one(Sparkline).data = self._losses
                self._figure(self._sentence())
            case "evaluated":
                if event["held_out_loss"] is not None:
                    self._held_out.append(event["held_out_loss"])
                if self._step:
                    self._figure(self._sentence())

    def stopping(self) -> None:
        """Show that the run is being cancelled."""
        self._hint("Cancelling …")

    def conclude(self, sentence: str, hint: str, *, trouble: bool) -> None:
        """Show what came of the run until it is closed."""
        self.set_classes("-trouble" if trouble else "-done")
        self._figure(sentence)
        self._hint(hint)

    def close(self) -> None:
        """Show nothing."""
        self.set_classes("")

    @property
    def concluded(self) -> bool:
        """Whether what is shown is over."""
        return self.has_class("-trouble") or self.has_class("-done")

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
