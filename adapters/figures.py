"""What was measured of versions, as eval.json keeps it beside each: reading it, finding it, comparing two. No torch."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from adapters.api import BASE
from adapters.bootstrap import FEWEST, ratio_interval
from adapters.registry import ADAPTER, EVALUATION, Registry, Version

Losses = list[tuple[int, float, int]]
"""Of each example: the unit that it is drawn with, its summed loss, and its target's tokens."""


class HeldOut(BaseModel):
    """Losses on the held-out examples."""

    of: str
    """The digest of what was measured, and how: the same weights are measured on the same once."""
    losses: Losses
    loss_per_token: float
    interval: tuple[float, float] | None
    """95 % of resamplings lie in it; None for too few examples."""
    pairs: int
    pair_accuracy: float | None
    """Share of pairs whose target has the higher mean log-probability per token, against the rejected reply's."""


class Neutral(BaseModel):
    """The loss on texts that nobody teaches."""

    of: str
    loss_per_token: float


class Replies(BaseModel):
    """Greedy replies to held-out prompts."""

    of: str
    replies: int
    empty: int
    repeating: int
    """How many go round in circles."""
    questions: int
    """How many end in a question."""
    chrf: float | None
    """Mean chrF against the targets, 0 to 100; None where the targets were trained on."""


class Record(BaseModel):
    """What was measured of one model, the base or the base with a version; None for a part that was not."""

    role: Literal["base", "parent", "candidate"]
    version: str
    """Its name; empty for the candidate, which has none yet."""
    weights: str
    """Its ``fingerprint``."""
    held_out: HeldOut | None = None
    neutral: Neutral | None = None
    replies: Replies | None = None

    @property
    def loss(self) -> float | None:
        """The loss per token on the held-out examples."""
        return None if self.held_out is None else self.held_out.loss_per_token

    def told(self) -> dict[str, Any]:
        """Return the figures in one level, without those of single examples."""
        held_out, replies = self.held_out, self.replies
        return {
            "held_out_loss": self.loss,
            "interval": held_out and held_out.interval,
            "held_out_examples": held_out and len(held_out.losses),
            "pair_accuracy": held_out and held_out.pair_accuracy,
            "pairs": held_out and held_out.pairs,
            "chrf": replies and replies.chrf,
            "replies": replies and replies.replies,
            "empty": replies and replies.empty,
            "repeating": replies and replies.repeating,
            "questions": replies and replies.questions,
            "neutral_loss": self.neutral and self.neutral.loss_per_token,
        }


class Difference(BaseModel):
    """The loss per token of one model minus another's, on the same examples."""

    loss_per_token: float
    interval: tuple[float, float] | None
    examples: int


class Evaluation(BaseModel):
    """The whole of eval.json."""

    versions: list[Record]
    """The base, the parent where it is not the base, and the candidate."""
    difference: Difference | None
    """Of the candidate and its parent; None where nothing is held out."""
    drift: float | None
    """The candidate's loss per token on neutral texts minus the base's."""
    better: bool
    """Whether the candidate may become active by itself."""
    reason: str
    seconds: float

    def losses(self) -> dict[str, float | None]:
        """Return the held-out losses per token by role; the base is the parent where there is no other."""
        base, parent, candidate = self.versions[0], self.versions[-2], self.versions[-1]
        return {"base": base.loss, "parent": parent.loss, "candidate": candidate.loss}

    def told(self, name: str) -> dict[str, Any]:
        """Return it in short, for the event that publishes the candidate as ``name``."""
        versions = [{"version": record.version or name} | record.told() for record in self.versions]
        return {"versions": versions, **self.model_dump(include={"difference", "drift", "seconds"})}


def fingerprint(directory: Path, weights: str) -> str:
    """Return the hash of the model that the adapter in ``directory`` makes of the base with the hash ``weights``."""
    found = hashlib.sha256(weights.encode())
    for name in ADAPTER:
        found.update((directory / name).read_bytes())
    return f"sha256:{found.hexdigest()}"


def read_evaluation(directory: Path) -> Evaluation | None:
    """Return the eval.json of the version in ``directory``; None where there is none that can be read."""
    try:
        return Evaluation.model_validate_json((directory / EVALUATION).read_bytes())
    except (OSError, ValidationError):
        return None


def records(versions: Sequence[Version]) -> Iterator[Record]:
    """Yield every record that is kept beside ``versions``, the last version's first."""
    for version in reversed(versions):
        if evaluation := read_evaluation(version.directory):
            yield from evaluation.versions


def units(examples: Sequence[dict[str, Any]]) -> list[int]:
    """Return of each example the unit that it is drawn with: its conversation, where those are several, else itself."""
    names = [example.get("conversation") or ("alone", number) for number, example in enumerate(examples)]
    number_of = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return [number_of[name] for name in names] if len(number_of) >= FEWEST else list(range(len(names)))


def interval(losses: Losses) -> tuple[float, float] | None:
    """Return the interval of the loss per token; None for too few examples."""
    totals: dict[int, tuple[float, int]] = {}
    for unit, loss, tokens in losses:
        summed, counted = totals.get(unit, (0.0, 0))
        totals[unit] = (summed + loss, counted + tokens)
    return ratio_interval(list(totals.values()))


def difference(record: Record, other: Record) -> Difference | None:
    """Return the difference of two records; None unless both were measured on the same held-out examples."""
    mine, others = record.held_out, other.held_out
    if mine is None or others is None or mine.of != others.of:
        return None
    apart = [
        (unit, loss - its_loss, tokens)
        for (unit, loss, tokens), (_, its_loss, _) in zip(mine.losses, others.losses, strict=True)
    ]
    return Difference(
        loss_per_token=mine.loss_per_token - others.loss_per_token, interval=interval(apart), examples=len(apart)
    )


def drift(record: Record, base: Record) -> float | None:
    """Return by how much the loss on neutral texts is above the base's; None unless both were measured on the same."""
    mine, others = record.neutral, base.neutral
    if mine is None or others is None or mine.of != others.of:
        return None
    return mine.loss_per_token - others.loss_per_token


def newest_records(registry: Registry, first: str, second: str) -> tuple[Record | None, Record | None]:
    """Return the newest records of two versions, or the base, that were measured on the same held-out examples.

    Where there are none such, the newest of each; None for what was never measured.
    """
    versions = {name: registry.get(name) for name in (first, second) if name != BASE}
    kept = list(records(registry.versions()))
    mine, others = ([r for r in kept if r.weights == _weights(name, versions)] for name in (first, second))
    alike = ((record, other) for record in mine for other in others if difference(record, other))
    return next(alike, (next(iter(mine), None), next(iter(others), None)))


def _weights(name: str, versions: dict[str, Version]) -> str | None:
    """Return the fingerprint of ``name``; the base is that of the versions it is compared with."""
    if name in versions:
        return fingerprint(versions[name].directory, versions[name].weights_hash)
    return next((version.weights_hash for version in versions.values()), None)
