"""Looking at what a training would be made of, before it is started."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Button, DataTable, Static
from textual.worker import get_current_worker

from adapters.recipe import PRESETS, Preset
from corpus.store import Corpus
from socrates_errors import SocratesError
from socrates_language import marked, tr
from socrates_tui.brief import brief
from socrates_tui.findings import MEANINGS as FINDING_MEANINGS
from socrates_tui.findings import TITLES
from socrates_tui.messages import CheckFinished, PreflightFailed, PreflightFinished
from socrates_tui.plain_text import plain
from socrates_tui.presets import MEANINGS
from socrates_tui.retraining import UNFINISHED, Preflight, roughly
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.turns import TurnsScreen, entries
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows
from socrates_tui.widgets.training_panel import Training

if TYPE_CHECKING:
    from corpus.quality import Report

NOTHING_NEW = marked("Nothing is new since the last training: judge more replies, or train all the same.")
NOTHING = "–"
PRESET = marked("Preset")
CHECK = marked("Check")

Turns = Sequence[tuple[int, str]]
"""Ids, each with why the turn is shown."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """A training to start."""

    preset: Preset
    force: bool
    """Whether to train though nothing is new."""


@dataclass(frozen=True)
class GoTo:
    """A turn to be shown in the chat."""

    turn: int


@dataclass(frozen=True)
class Figure:
    """A row: what is counted, how much of it there is, what that means, and the turns that it stands for."""

    name: str
    """In English, to be translated."""
    value: str
    meaning: str
    turns: Callable[[], Turns] | None = None
    """What lists the turns, which may be many; None where there are none."""


class PreflightScreen(Dialog[Start | GoTo]):
    """The figures of a training, one a row; the answer is the training to start, or a turn to look at."""

    AUTO_FOCUS = "#train"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("p", "preset", "Preset", tooltip="Take another preset for this training"),
        # At once, so that an Enter typed just behind it opens a row and starts no training.
        Binding("up", "figures", "Figures", priority=True, tooltip="Go up to the figures"),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        LEAVE,
    ]

    def __init__(self, corpus: Corpus, preset: Preset, training: Callable[[Preset], Training]) -> None:
        super().__init__()
        self._corpus = corpus
        self._preset = preset
        self._training = training
        self._preflight: Preflight | None = None
        self._found: Report | None = None
        self._trouble = ""
        """Why the examples could not be checked."""
        self._figures: list[Figure] = []

    def compose(self) -> ComposeResult:
        """Lay out the figures and the answers."""
        with Vertical(classes="dialog preflight") as dialog:
            dialog.border_title = tr("Retrain")
            yield Static(tr("Counting the examples …"), id="preflight-sentence")
            yield Rows()
            yield Static(id="preflight-meaning")
            with Horizontal(classes="buttons"):
                yield Button(tr("Train"), variant="primary", id="train", compact=True)
                yield Button(tr("Not now"), id="no", compact=True)
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin to count and to check."""
        table = self.query_one(Rows)
        table.show_header = False
        table.add_column("", key="name", width=18)
        table.add_column("", key="value", width=max(20, min(self.app.size.width, 84) - 30))
        self._show()
        training = self._training(self._preset)
        self._look_ahead(training)
        self._check(training)

    @work(thread=True, group="preflight", exclusive=True, exit_on_error=False)
    def _look_ahead(self, training: Training) -> None:
        worker = get_current_worker()
        told: PreflightFinished | PreflightFailed
        try:
            told = PreflightFinished(training.preflight())
        except SocratesError as error:
            told = PreflightFailed(str(error))
        except Exception as error:
            log.exception("no preflight")
            told = PreflightFailed(tr("The corpus cannot be read: {trouble}.").format(trouble=brief(error)))
        if not worker.is_cancelled:  # by another preset
            self.post_message(told)

    @work(thread=True, group="check", exit_on_error=False)
    def _check(self, training: Training) -> None:
        try:
            self.post_message(CheckFinished(training.check(), ""))
        except Exception as error:  # the figures are there without it
            log.exception("no check")
            self.post_message(CheckFinished(None, str(error) if isinstance(error, SocratesError) else brief(error)))

    @on(PreflightFinished)
    def _preflight_finished(self, event: PreflightFinished) -> None:
        self._preflight = event.preflight
        self._say(self._sentence(event.preflight), trouble=not event.preflight.ready)
        train = self.query_one("#train", Button)
        train.label = tr("Train") if event.preflight.ready else tr("Train all the same")
        train.disabled = not event.preflight.examples
        self._show()
        if train.disabled:
            self.query_one("#no", Button).focus()

    @on(PreflightFailed)
    def _preflight_failed(self, event: PreflightFailed) -> None:
        self._say(event.reason, trouble=True)
        self.query_one("#train", Button).disabled = True
        self.query_one("#no", Button).focus()

    @on(CheckFinished)
    def _check_finished(self, event: CheckFinished) -> None:
        self._found, self._trouble = event.report, event.trouble
        self._show()

    @staticmethod
    def _sentence(preflight: Preflight) -> str:
        if not preflight.ready:
            return tr(NOTHING_NEW) if preflight.examples else preflight.sentence
        if preflight.unfinished:
            return tr(UNFINISHED)
        return tr("What the next version would learn from. Enter on a row shows its turns.")

    def _say(self, sentence: str, *, trouble: bool) -> None:
        line = self.query_one("#preflight-sentence", Static)
        line.set_class(trouble, "-trouble")
        line.update(Content(plain(sentence)))

    # Rows

    def _show(self) -> None:
        """Fill the table, and stay on the row on which the user is."""
        table = self.query_one(Rows)
        under_cursor = self._figures[table.cursor_row].name if self._figures else ""
        self._figures = [*self._counted(), *self._checked()]
        table.clear()
        for figure in self._figures:
            table.add_row(Text(tr(figure.name)), Text(plain(figure.value) + ("  ›" if figure.turns else "")))
        names = [figure.name for figure in self._figures]
        table.move_cursor(row=names.index(under_cursor) if under_cursor in names else 0)
        self._tell_meaning()

    def _counted(self) -> Iterator[Figure]:
        told = self._preflight
        another = tr("Enter or p takes another, for this training.")
        yield Figure(PRESET, self._preset, f"{tr(MEANINGS[self._preset])} {another}")
        if told is None:
            return
        ids = self._corpus.example_ids
        yield Figure(
            marked("Examples"),
            f"{told.examples:,}",
            tr("Approved and rewritten turns to learn from."),
            _listing(told.examples, partial(ids, "train")),
        )
        new = tr("Judged since the last training.") if told.since else tr("There was no training yet, so all are new.")
        yield Figure(marked("New"), f"{told.new:,}", new, _listing(told.new, partial(ids, "train", since=told.since)))
        yield Figure(
            marked("Held out"),
            f"{told.held_out:,}",
            tr("Never learnt from: they tell whether a version is better. Every sixth conversation is held out."),
            _listing(told.held_out, partial(ids, "held-out")),
        )
        known = tr("How much is read, each conversation once.")
        tokens = known if told.tokens else tr("Not known before the base is here.")
        yield Figure(marked("Tokens"), NOTHING if told.tokens is None else f"{told.tokens:,}", tokens)
        yield Figure(
            marked("Time"),
            NOTHING if told.seconds is None else tr("about {time}").format(time=roughly(told.seconds)),
            tr("At most; the training stops early where nothing gets better. You can go on talking meanwhile."),
        )
        memory = tr("As the last training took.") if told.memory_bytes else tr("Known after the first training.")
        yield Figure(marked("Memory"), f"{told.memory_bytes / 1e9:.1f} GB" if told.memory_bytes else NOTHING, memory)
        yield Figure(
            marked("Too long"),
            f"{len(told.too_long):,}",
            tr("Prompt and target are too long to be learnt from: these are left out. Rewrite them shorter."),
            _listing(len(told.too_long), lambda: told.too_long),
        )
        yield Figure(
            marked("Context cut"),
            f"{len(told.cut):,}",
            tr("Their oldest turns do not fit and are left out of what is read before them."),
            _listing(len(told.cut), lambda: told.cut),
        )

    def _checked(self) -> Iterator[Figure]:
        if self._trouble:
            yield Figure(CHECK, tr("failed"), self._trouble)
        elif self._found is None:
            sought = tr("Repetitions, contradictions, leaks and odd ones among the examples.")
            yield Figure(CHECK, tr("looking …"), sought)
        elif not self._found.findings:
            yield Figure(CHECK, tr("nothing found"), tr("No repetition, contradiction or leak, and nothing odd."))
        else:
            for kind, group in groupby(self._found.findings, key=lambda finding: finding.kind):
                found = list(group)
                turns = [(turn, f"{finding.what} {finding.advice}") for finding in found for turn in finding.turns]
                yield Figure(TITLES[kind], f"{len(found):,}", tr(FINDING_MEANINGS[kind]), partial(list, turns))

    @on(DataTable.RowHighlighted)
    def _tell_meaning(self) -> None:
        figure = self._figures[self.query_one(Rows).cursor_row]
        more = [tr("Enter shows the turns.")] if figure.turns else []
        self.query_one("#preflight-meaning", Static).update(Content(" ".join([plain(figure.meaning), *more])))

    # Answers

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        figure = self._figures[event.cursor_row]
        if figure.name == PRESET:
            self.action_preset()
        elif figure.turns:
            turns = figure.turns()
            screen = TurnsScreen(tr(figure.name), entries(self._corpus, turns), len(turns))
            self.app.push_screen(screen, self._turn_chosen)

    def _turn_chosen(self, turn: int | None) -> None:
        if turn is not None:
            self.dismiss(GoTo(turn))

    def action_figures(self) -> None:
        """Go up to the figures."""
        self.set_focus(self.query_one(Rows))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The figures are gone up to from the answers."""
        return super().check_action(action, parameters) and (action != "figures" or isinstance(self.focused, Button))

    def action_preset(self) -> None:
        """Count by the next preset."""
        presets = list(PRESETS)
        self._preset = presets[(presets.index(self._preset) + 1) % len(presets)]
        self._show()
        self._look_ahead(self._training(self._preset))

    @on(Button.Pressed)
    def _answered(self, event: Button.Pressed) -> None:
        if event.button.id == "no":
            self.dismiss(None)
        elif self._preflight is not None:  # before the figures are known, nothing is started
            self.dismiss(Start(self._preset, force=not self._preflight.ready))


def _listing(count: int, ids: Callable[[], Sequence[int]]) -> Callable[[], Turns] | None:
    """Return what lists the turns of ``ids``; None where there are none."""
    return (lambda: [(turn, "") for turn in ids()]) if count else None
