"""Versions as trainings leave them, for tests of the history of runs."""

import json
from typing import Any

from adapters.registry import EVALUATION, Registry
from socrates_tui.curve import RUN
from tests.adapters.manifests import publish, record

REASON = "It is better: held-out loss 1.250 against 3.000 of base."


def trained(registry: Registry, *, better: bool = True, reason: str = REASON, **fields: Any) -> str:
    """Publish a version with figures and a curve; return its name."""
    told = {"recipe": {"preset": "quick", "epochs_run": 2}, "seconds": 80.0, "device": "cpu"} | fields
    version = publish(registry, **told)
    parent = [] if version.parent == "base" else [record("parent", version.parent, "sha256:p", [2.0] * 6)]
    versions = [record("base", "base", "sha256:b", [3.0] * 6), *parent, record("candidate", "", "sha256:c", [1.25] * 6)]
    difference = {"loss_per_token": -1.75, "interval": [-2.0, -1.5], "examples": 6}
    told = {"versions": versions, "difference": difference, "drift": 0.1, "seconds": 1.0}
    (version.directory / EVALUATION).write_text(json.dumps(told | {"better": better, "reason": reason}))
    lines = [{"step": 0, "epoch": 0, "train_loss": None, "held_out_loss": 3.0}]
    lines += [{"step": number, "epoch": 1 + number // 7, "loss": 3.0 - number / 8} for number in range(1, 13)]
    lines += [{"step": 12, "epoch": 2, "train_loss": 1.75, "held_out_loss": 1.25}]
    (version.directory / RUN).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return version.name
