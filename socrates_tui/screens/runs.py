"""The history of the trainings."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import DataTable, Static

from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.runs import PastRun, duration
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.screens.run import RunScreen
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows

NOTHING = "–"
WIDE = 100
"""Columns of the terminal from which on every column of the table fits."""


class RunsScreen(Dialog[None]):
    """A table of the runs, newest first; Enter shows one of them whole."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, runs: Sequence[PastRun]) -> None:
        super().__init__()
        self._runs = runs

    def compose(self) -> ComposeResult:
        """Lay out the table, and why the run under the cursor ended as it did."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = tr("Runs")
            dialog.border_subtitle = tr("one for each version that was trained here")
            yield Rows()
            yield Static(tr("There was no training yet: F5 begins one."), id="run-reason")
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table."""
        table, wide = self.query_one(Rows), self.app.size.width >= WIDE
        recipe = [tr("Preset"), tr("Epochs")] if wide else []
        judged, losses = [tr("Version"), tr("Made"), tr("Judged"), tr("Examples")], [tr("Before"), tr("After")]
        table.add_columns("", *judged, *recipe, *losses, tr("Time"))
        for run in self._runs:
            made = moment(run.created)
            how = [Text(run.preset or NOTHING), _right(NOTHING if run.epochs is None else f"{run.epochs:,}")]
            table.add_row(
                Text("●" if run.active else " "),
                Text(plain(run.version)),
                Text(made if wide else made[:10]),
                Text(tr(run.judged)),
                _right(f"{run.examples:,}"),
                *(how if wide else []),
                _right(_loss(run.held_out_before)),
                _right(_loss(run.held_out_after)),
                _right(NOTHING if run.seconds is None else duration(run.seconds)),
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without runs there is only leaving."""
        return super().check_action(action, parameters) and (bool(self._runs) or action == "leave")

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        run = self._runs[event.cursor_row]
        about = " · ".join(filter(None, [run.title, run.reason_told or tr("Nothing tells how it was judged.")]))
        self.query_one("#run-reason", Static).update(Content(plain(about)))

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        self.app.push_screen(RunScreen(self._runs[event.cursor_row]))


def _right(text: str) -> Text:
    return Text(text, justify="right")


def _loss(loss: float | None) -> str:
    return NOTHING if loss is None else f"{loss:.3f}"
