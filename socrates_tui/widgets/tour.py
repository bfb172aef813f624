"""The first four steps, above the prompt: what to do next. How far a person has come is told from what is there."""

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from corpus.store import Corpus
from socrates_language import marked, tr

STEPS = (
    marked("Ask Socrates something: write it below, and press Enter."),
    marked("Where he should have said it otherwise, Ctrl+E rewrites his reply, and Ctrl+S keeps that."),
    marked("F5 trains a version on all that you taught, and lets it speak from then on."),
    marked("F3 shows the versions, and sets two against each other; Ctrl+G goes back to the one before."),
)
LAST_STEP = len(STEPS) - 1


class Tour(Static):
    """One step, with its number and how to be rid of it; hidden where there is none."""

    step: reactive[int | None] = reactive(None, layout=True)
    """From 0 on."""

    def watch_step(self, step: int | None) -> None:
        """Be there only with a step."""
        self.display = step is not None

    def render(self) -> Content:
        """Say what to do next."""
        if self.step is None:
            return Content()
        number, next_, end = f"{self.step + 1}/{len(STEPS)} ", tr(STEPS[self.step]), tr("F10 ends the tour.")
        fits = cell_len(f"{number}{next_} {end}") <= self.content_size.width
        return Content.assemble((number, "bold $text-accent"), next_, " " if fits else "\n", (end, "$foreground-muted"))


def next_step(corpus: Corpus, *, trained: bool) -> int:
    """Return what a person has not done yet: asked, taught, ``trained``; else the last step, which goes on."""
    if not corpus.conversations(limit=1):
        return 0
    if not corpus.count_examples(None):
        return 1
    return 3 if trained else 2
