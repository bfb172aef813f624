"""Versions without real weights, for tests of what keeps and names them. No torch."""

import json
from pathlib import Path
from typing import Any

from adapters.registry import ADAPTER, EVALUATION, Registry, Version

CONFIG = {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], "bias": "none"}

_HEADER = json.dumps({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
WEIGHTS = len(_HEADER).to_bytes(8, "little") + _HEADER + bytes(2)
"""A safetensors file of one number."""


def manifest(**fields: Any) -> dict[str, Any]:
    return {
        "title": "",
        "note": "",
        "parent": "base",
        "base": {"id": "embedded", "weights_hash": "sha256:w"},
        "template_hash": "sha256:t",
        "corpus": {"digest": "sha256:c", "examples": 3, "ids": [1, 2, 3], "as_of": "2026-01-01T00:00:00.000000+00:00"},
        "recipe": {},
        "losses": [2.0, 1.5],
        "held_out": {"examples": 1, "tokens": 9, "base": 3.0, "parent": 3.0, "candidate": 1.25},
        "libraries": {},
        "seconds": 10.0,
        "device": "cpu",
        "created": "2026-01-01T00:00:00+00:00",
    } | fields


def record(role: str, version: str, weights: str, losses: list[float], of: str = "sha256:h") -> dict[str, Any]:
    """Return what eval.json tells of one version, whose examples have ten tokens each."""
    return {
        "role": role,
        "version": version,
        "weights": weights,
        "held_out": {
            "of": of,
            "losses": [[unit, 10 * loss, 10] for unit, loss in enumerate(losses)],
            "loss_per_token": sum(losses) / len(losses),
            "interval": [min(losses), max(losses)],
            "pairs": 4,
            "pair_accuracy": 0.75,
        },
        "neutral": {"of": "sha256:n", "loss_per_token": 3.0},
        "replies": {
            "of": "sha256:r",
            "replies": 8,
            "empty": 0,
            "repeating": 1,
            "questions": 6,
            "chrf": 21.5,
        },
    }


def write_evaluation(version: Version, *records: dict[str, Any]) -> None:
    evaluation = {"versions": records, "difference": None, "drift": 0.0, "better": True, "reason": "", "seconds": 1.0}
    (version.directory / EVALUATION).write_text(json.dumps(evaluation))


def write_adapter(directory: Path, **config: Any) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / ADAPTER[0]).write_text(json.dumps(CONFIG | config))
    (directory / ADAPTER[1]).write_bytes(WEIGHTS)


def publish(registry: Registry, **fields: Any) -> Version:
    with registry.draft() as draft:
        write_adapter(draft)
        return registry.publish(draft, manifest(**fields))
