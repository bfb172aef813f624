"""The losses of a run, step by step: as its events tell them, and as run.jsonl keeps them beside its version."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUN = "run.jsonl"

SMOOTHING = 0.8
"""How much of the mean of the steps before stays in the smoothed loss, as in TensorBoard."""

Points = list[tuple[int, float]]
"""Each a step and the loss at it."""


@dataclass
class Curve:
    """The loss of each step, and the held-out loss where it was measured."""

    steps: Points = field(default_factory=list)
    held_out: Points = field(default_factory=list)
    unit: str = "step"
    """What is counted along the axis: an older run.jsonl tells epochs only."""

    def add(self, event: dict[str, Any]) -> None:
        """Take in a ``step`` or ``evaluated`` event, or a line of run.jsonl."""
        if "loss" in event:
            self.steps.append((event["step"], event["loss"]))
        elif event.get("held_out_loss") is not None:
            self.held_out.append((event["step"], event["held_out_loss"]))

    @property
    def losses(self) -> list[float]:
        """The loss of each step."""
        return [loss for _, loss in self.steps]

    @property
    def smoothed(self) -> Points:
        """The running mean of the losses, in which later ones count more; it begins without a bias to nought."""
        points, mean, weight = [], 0.0, 0.0
        for step, loss in self.steps:
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            weight = SMOOTHING * weight + (1 - SMOOTHING)
            points.append((step, mean / weight))
        return points


def read_curve(directory: Path) -> Curve:
    """Return the curve of the run that made the version in ``directory``; an empty one where nothing tells."""
    try:
        lines = [json.loads(line) for line in (directory / RUN).read_text(encoding="utf-8").splitlines()]
        return _by_step(lines) if all("step" in line for line in lines) else _by_epoch(lines)
    except (OSError, ValueError, TypeError, KeyError):
        return Curve()


def thinned(points: Points, most: int) -> Points:
    """Return about ``most`` of the points, evenly, always with the last."""
    stride = -(-len(points) // max(1, most)) or 1
    return points[::-1][::stride][::-1]


def _by_step(lines: Sequence[dict[str, Any]]) -> Curve:
    curve = Curve()
    for line in lines:
        curve.add(line)
    return curve


def _by_epoch(lines: Sequence[dict[str, Any]]) -> Curve:
    return Curve(
        steps=[(line["epoch"], line["train_loss"]) for line in lines],
        held_out=[(line["epoch"], line["held_out_loss"]) for line in lines if line["held_out_loss"] is not None],
        unit="epoch",
    )
