"""Two versions set side by side: what made each, what was measured of it, and by how much they differ."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.api import BASE
from adapters.registry import Registry
from corpus.picks import Tally
from corpus.store import Corpus
from socrates_language import marked, tr
from socrates_tui.side_by_side import NOTHING, difference_sentence, figure_rows, picks_sentence

if TYPE_CHECKING:
    from adapters.figures import Difference, Record


MADE = {
    "title": marked("title"),
    "parent": marked("parent"),
    "base": marked("base"),
    "created": marked("created"),
    "examples": marked("examples"),
    "base_loss": marked("base loss"),
    "preset": marked("preset"),
    "rank": marked("rank"),
    "learning_rate": marked("learning rate"),
    "epochs": marked("epochs"),
    "seconds": marked("seconds"),
    "device": marked("device"),
}
"""What made a version, for a reader."""


@dataclass(frozen=True)
class Comparison:
    """What is known of two versions, or of one and the base."""

    names: tuple[str, str]
    made: list[dict[str, Any]]
    """What made each; None for what it does not tell."""
    measured: list[dict[str, Any]]
    """The figures of each, as ``Record.told`` names them."""
    both_measured: bool
    difference: "Difference | None"
    """Of the second and the first; None unless both were measured on the same examples."""
    picks: Tally
    """How often the second's reply was picked over the first's, without their names."""

    @classmethod
    def of(cls, registry: Registry, database: Path, first: str, second: str) -> "Comparison":
        """Read what is known of ``first`` and ``second``; it takes as long as reading their weights."""
        from adapters.figures import difference, newest_records

        names = (first, second)
        made = [_made(registry, name) for name in names]
        records = newest_records(registry, first, second)
        measured = [_measured(registry, name, record) for name, record in zip(names, records, strict=True)]
        apart = difference(records[1], records[0]) if records[0] and records[1] else None
        base = next((side["base"] for side in made if side["base"] is not None), "")
        with Corpus(database) as corpus:
            tally = corpus.tallies(base).get((second, first), Tally())
        return cls(names, made, measured, all(records), apart, tally)

    @property
    def rows(self) -> list[list[str]]:
        """Return a row for each thing that is known of either: its name, then its value for each."""
        made = [
            [tr(name), *(NOTHING if side[key] is None else str(side[key]) for side in self.made)]
            for key, name in MADE.items()
        ]
        return [*made, *figure_rows(self.measured)]

    @property
    def sentences(self) -> list[str]:
        """Say by how much they differ."""
        told = None if self.difference is None else self.difference.model_dump()
        measured = difference_sentence(*self.names, told) if self.both_measured else ""
        return [*filter(None, [measured, picks_sentence(*self.names, self.picks)])]

    def told(self) -> dict[str, Any]:
        """Return it as JSON tells it."""
        return {
            "versions": [one | other for one, other in zip(self.made, self.measured, strict=True)],
            "difference": None if self.difference is None else self.difference.model_dump(),
            "picks": {
                "first": self.picks.lost,
                "second": self.picks.won,
                "neither": self.picks.neither,
                "share": self.picks.share,
                "interval": self.picks.interval,
            },
        }


def _made(registry: Registry, name: str) -> dict[str, Any]:
    """Return what made a version; None for what the base, or an imported version, does not tell."""
    version = None if name == BASE else registry.get(name)
    manifest = {} if version is None else version.manifest
    recipe, held_out = manifest.get("recipe") or {}, manifest.get("held_out") or {}
    return {
        "version": name,
        "title": version.title if version else None,
        "parent": version.parent if version else None,
        "base": version.base if version else None,
        "created": version.created if version else None,
        "examples": version.examples if version else None,
        "base_loss": held_out.get("base"),
        "preset": recipe.get("preset"),
        "rank": recipe.get("rank"),
        "learning_rate": recipe.get("learning_rate"),
        "epochs": recipe.get("epochs_run", recipe.get("epochs")),
        "seconds": manifest.get("seconds"),
        "device": manifest.get("device"),
    }


def _measured(registry: Registry, name: str, record: "Record | None") -> dict[str, Any]:
    """Return the figures of ``record``; where it tells no held-out loss, that of the manifest."""
    from adapters.figures import Record

    told = (record or Record(role="candidate", version=name, weights="")).told()
    if told["held_out_loss"] is None and name != BASE:
        held_out = registry.get(name).manifest.get("held_out") or {}
        told |= {"held_out_loss": held_out.get("candidate"), "held_out_examples": held_out.get("examples")}
    return told
