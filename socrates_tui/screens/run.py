"""One training that is over: how its version was judged, and the course of its losses."""

from collections.abc import Iterator
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from socrates_language import tr
from socrates_tui.curve import read_curve
from socrates_tui.plain_text import plain
from socrates_tui.runs import PastRun, course
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.side_by_side import difference_sentence, figure_rows
from socrates_tui.widgets.key_line import KeyLine


class RunScreen(Dialog[None]):
    """Base, parent and the new version side by side, the reason of the judgement, and the plot of the losses."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, run: PastRun) -> None:
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        """Lay out the judgement, and the losses beside or below it."""
        from socrates_tui.widgets.loss_plot import LossPlot, legend  # plotext is not needed before the first screen

        run, curve = self._run, read_curve(self._run.directory)
        with Vertical(classes="dialog run") as dialog:
            dialog.border_title = plain(" · ".join(filter(None, [run.version, run.title, moment(run.created)])))
            with VerticalScroll(id="run-scroll"):
                yield Static(Content(" · ".join(course(run))), classes="muted")
                with Container(id="run-body"):
                    with Vertical(id="run-judgement"):
                        yield from self._judgement()
                    if curve.steps:
                        with Vertical(id="run-losses"):
                            plot = LossPlot()
                            plot.show(curve)
                            yield plot
                            yield Static(legend(curve.unit))
            yield KeyLine()

    def on_mount(self) -> None:
        """Let the arrow keys scroll."""
        self.query_one("#run-scroll").focus()

    def _judgement(self) -> Iterator[Static]:
        run, evaluation = self._run, self._run.evaluation()
        if evaluation is None:
            yield Static(tr("What was measured of this version is not known: it was trained before that was kept."))
            return
        judged = tr("Passed.") if run.passed else tr("Kept aside.")
        active = tr("It is the active version.")
        inactive = tr("It is not the active version: F3 lets it speak.")
        yield Static(Content(plain(f"{judged} {run.reason_told} {active if run.active else inactive}")))
        told = evaluation.told(run.version)["versions"]
        table = Table(box=None, pad_edge=False)
        table.add_column("", no_wrap=True)
        for version in told:
            table.add_column(Text(plain(version["version"]), "bold"), overflow="fold")
        for row in figure_rows(told):
            table.add_row(*(Text(plain(value).replace(" (", "\n(")) for value in row))  # an interval below its figure
        yield Static(table, id="run-figures")
        if evaluation.difference is not None:
            apart = evaluation.difference.model_dump()
            yield Static(Content(plain(difference_sentence(run.parent, run.version, apart))))
