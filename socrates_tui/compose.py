"""The composition root: the parts of the app, and the app built from them. Nothing heavy is imported here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from adapters import terms
from adapters.api import Engine, LoadEngine, Progress
from adapters.recipe import Preset, recipe
from adapters.registry import Registry
from corpus.store import Corpus
from socrates_tui.app import SocratesApp
from socrates_tui.drafts import Drafts
from socrates_tui.home import Home
from socrates_tui.line_breaks import break_lines_so
from socrates_tui.retraining import Retraining
from socrates_tui.settings import Settings
from socrates_tui.widgets.training_panel import Training

PATIENCE_S = 0.2
"""How long the window may stand still because another program is writing to the corpus."""


class MakeTraining(Protocol):
    """What makes a training."""

    def __call__(self, preset: Preset, *, force: bool) -> Training:
        """Return one by ``preset``; ``force`` lets it begin though nothing is new."""


@dataclass(frozen=True)
class Parts:
    """Everything the app stands on."""

    home: Home
    settings: Settings
    base: str
    """The base's id, which the command line may have put in the place of the settings'."""
    corpus: Corpus
    registry: Registry
    drafts: Drafts
    load_engine: LoadEngine
    retraining: MakeTraining
    """Makes a new training."""
    terms_accepted: bool
    """Whether the base may be loaded without asking."""
    accept_terms: Callable[[], None]


def build_app(parts: Parts) -> SocratesApp:
    """Return the app that stands on ``parts``."""
    break_lines_so()
    return SocratesApp(parts)


def open_app(home: Home, settings: Settings, base: str) -> SocratesApp:
    """Return the app on the real model, corpus and versions of ``home``."""
    registry = home.registry()

    def load_engine(progress: Progress) -> Engine:
        from adapters import engine

        return engine.load_engine(models=home.models, base=base, registry=registry, progress=progress)

    return build_app(
        Parts(
            home=home,
            settings=settings,
            base=base,
            corpus=Corpus(home.database, patience_s=PATIENCE_S),
            registry=registry,
            drafts=Drafts(home.drafts),
            load_engine=load_engine,
            retraining=lambda preset, *, force: Retraining(home, base, registry, recipe(preset), force=force),
            terms_accepted=not terms.needed(base) or terms.accepted(home.directory),
            accept_terms=lambda: terms.accept(home.directory),
        )
    )
