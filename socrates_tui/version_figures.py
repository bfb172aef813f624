"""What is known of how good each version is: held-out figures, and how much of its replies had to be changed."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adapters.api import BASE
from adapters.registry import Registry
from corpus.picks import Tally
from corpus.store import Corpus
from socrates_language import ngettext
from socrates_tui.side_by_side import difference_sentence


@dataclass(frozen=True)
class VersionFigures:
    """The figures of one version, or of the base."""

    held_out_loss: float | None = None
    """Per token; of the base, what the newest version's judging measured."""
    from_parent: str = ""
    """By how much the held-out loss differs from the parent's, as a sentence."""
    judged: int = 0
    """How many of its replies have a verdict."""
    untouched: float = 0.0
    """The share of them that was approved as it was."""
    edit_distance: float | None = None
    """The mean share of characters that a target changed in its reply, 0 to 1; None where there is no target."""
    picks: Mapping[str, Tally] = field(default_factory=dict)
    """By version that it was set against without names, how often it was picked."""

    @property
    def edits(self) -> str:
        """Say how its replies were judged, as a sentence."""
        if not self.judged:
            return ""
        number, untouched = f"{self.judged:,}", f"{self.untouched:.0%}"
        if self.edit_distance is None:
            return ngettext(
                "{number} reply judged, {untouched} left as said.",
                "{number} replies judged, {untouched} left as said.",
                self.judged,
            ).format(number=number, untouched=untouched)
        return ngettext(
            "{number} reply judged, {untouched} left as said; on average {changed} of a reply was changed.",
            "{number} replies judged, {untouched} left as said; on average {changed} of a reply was changed.",
            self.judged,
        ).format(number=number, untouched=untouched, changed=f"{self.edit_distance:.0%}")

    @property
    def tally(self) -> Tally:
        """How often it was picked over any other."""
        return sum(self.picks.values(), Tally())


def version_figures(registry: Registry, database: Path, base: str) -> dict[str, VersionFigures]:
    """Read the figures of every version and of ``base`` by name. It takes as long as reading the whole corpus."""
    from adapters.figures import read_evaluation

    with Corpus(database) as corpus:
        judged = corpus.judged_versions()
        tallies = corpus.tallies(base)
    picks: dict[str, dict[str, Tally]] = defaultdict(dict)
    for (name, other), tally in tallies.items():
        picks[name][other] = tally
    losses: dict[str, float | None] = {}
    sentences: dict[str, str] = {}
    for version in registry.versions():
        losses[version.name] = version.held_out_loss
        if evaluation := read_evaluation(version.directory):
            if version.base == base and (loss := evaluation.versions[0].loss) is not None:
                losses[BASE] = loss
            if evaluation.difference is not None:
                told = evaluation.difference.model_dump()
                sentences[version.name] = difference_sentence(version.parent, version.name, told)
    return {
        name: VersionFigures(losses.get(name), sentences.get(name, ""), **judged.get(name, {}), picks=picks[name])
        for name in losses.keys() | judged.keys() | {BASE}
    }
