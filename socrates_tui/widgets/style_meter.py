"""How Socratic a reply is, as a bar with a word of advice."""

from collections.abc import Callable
from typing import Protocol

from textual.content import Content
from textual.widgets import Static

from socrates_language import tr
from socrates_tui.plain_text import plain

BLOCKS = 10


class Measured(Protocol):
    """What a meter says of a reply."""

    @property
    def score(self) -> float:
        """From 0 to 100."""

    @property
    def advice(self) -> str:
        """A short sentence, to be translated; may be empty."""


Measure = Callable[[str, str], Measured]
"""Measures a prompt and its reply; called in a thread."""


class StyleMeter(Static):
    """Score and advice on one line; it measures nothing itself."""

    def show(self, measured: Measured) -> None:
        """Show what was measured."""
        full = round(measured.score / 100 * BLOCKS)
        colour = "$text-success" if measured.score >= 70 else "$text-warning" if measured.score >= 40 else "$text-error"
        self.update(
            Content.assemble(
                tr("Style"),
                " ",
                ("█" * full, colour),
                ("░" * (BLOCKS - full), "$foreground-muted"),
                f" {measured.score:.0f}",
                (f"  {plain(tr(measured.advice))}", "$foreground-muted"),
            )
        )
