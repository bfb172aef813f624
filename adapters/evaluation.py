"""Measuring the loss per target token of versions. It trains nothing and judges nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from adapters.api import BASE
from adapters.base import device, load_model, load_tokenizer, locate, weights_hash
from adapters.encoding import Encoder, Row
from adapters.examples import read_examples
from adapters.figures import interval, units
from adapters.lora import make_adaptable, put_on, read_version, shapes
from adapters.loss import grouped, pad
from adapters.loss import losses as losses_of
from adapters.registry import Registry

BATCH_TOKENS = 1024


@torch.no_grad()
def target_losses(model: Any, rows: Sequence[Row]) -> list[tuple[float, int]]:
    """Return the summed natural-log loss and the tokens of each target in ``rows``, in their order."""
    of_row: dict[int, list[float]] = {}
    order = sorted(range(len(rows)), key=lambda number: len(rows[number].ids))
    numbers = iter(order)
    for group in grouped([rows[number] for number in order], BATCH_TOKENS):
        found = iter(losses_of(model, pad(group, device())).tolist())
        for row in group:
            of_row[next(numbers)] = [next(found) for supervised in row.supervised if supervised]
    return [target for number, row in enumerate(rows) for target in row.targets(of_row[number])]


def mean_loss(measured: Sequence[tuple[float, int]]) -> float:
    """Return the loss per token of what ``target_losses`` gave."""
    return sum(loss for loss, _ in measured) / sum(tokens for _, tokens in measured)


def loss_per_token(model: Any, rows: Sequence[Row]) -> float | None:
    """Return the mean natural-log loss over the target tokens of ``rows``; None where there is no row."""
    return mean_loss(target_losses(model, rows)) if rows else None


def encoded(
    encoder: Encoder, examples: Sequence[dict[str, Any]], max_tokens: int
) -> tuple[list[Row], list[dict[str, Any]], list[Any]]:
    """Return the rows of ``examples``, the examples in the order of their targets, and the names of those too long."""
    rows, too_long = encoder.rows(examples, max_tokens)
    by_name = {example.get("id", number): example for number, example in enumerate(examples)}
    return rows, [by_name[name] for row in rows for name in row.examples], too_long


def evaluate_file(models: Path, base: str, registry: Registry, data: Path, versions: Sequence[str]) -> dict[str, Any]:
    """Return ``{"versions": [{"version", "loss_per_token", "interval", "examples", "tokens", "skipped"}]}``.

    Each line stands alone; its target is its last message, from the assistant. Examples longer than the context are
    named in ``skipped``. Raises TrainingError for a file that is no examples file, VersionError for a version that is
    missing or another base's.
    """
    examples = read_examples(data)
    found = {name: None if name == BASE else registry.get(name) for name in versions}
    directory = locate(base, models, lambda _text, _fraction: None)
    weights = weights_hash(directory, models)
    rows, fitting, skipped = encoded(Encoder(load_tokenizer(directory)), examples, max_tokens=8192)
    model = load_model(directory, trainable=True)
    layers = make_adaptable(model)
    figures = []
    for name, version in found.items():
        put_on(None if version is None else read_version(version, base, weights, shapes(layers), device()), layers)
        measured = target_losses(model, rows)
        losses = [(unit, loss, tokens) for unit, (loss, tokens) in zip(units(fitting), measured, strict=True)]
        figures.append(
            {
                "version": name,
                "loss_per_token": mean_loss(measured) if measured else None,
                "interval": interval(losses),
                "examples": len(measured),
                "tokens": sum(count for _, count in measured),
                "skipped": skipped,
            }
        )
    return {"versions": figures}
