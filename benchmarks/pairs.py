"""Does pushing the rejected reply away help? Held-out loss and pair accuracy by weight. Prints a JSON line for each.

    python -m benchmarks.pairs --models DIR --train FILE --eval FILE [--limit 200] [--eval-limit 120]
        [--weights 0 0.05 0.1 0.25 0.5] [--seeds 2]

Rejected replies are spoken by a version that has learnt from 60 lines far behind in the training file, and from none of
the first ``--limit``: what a person would be rewriting early on. Pair accuracy is the share of unseen pairs whose
target has the higher mean log-probability a token.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from adapters.api import Event
from adapters.base import load_tokenizer, locate
from adapters.encoding import Encoder, Row
from adapters.evaluation import target_losses
from adapters.greedy import greedy_replies
from adapters.recipe import PRESETS, Recipe
from adapters.steps import run_epochs
from benchmarks.experiments import parser, prepared, read

EARLY = 60
REPLIES_AT_ONCE = 20
REPLY_TOKENS = 96

Examples = list[dict[str, Any]]


def training(directory: Path, rows: list[Row], held_out: list[Row], recipe: Recipe) -> Iterator[tuple[Event, Any]]:
    """Train on ``rows``, yielding each epoch's evaluation and the model as it is then."""
    model, memory = prepared(directory, rows, recipe)
    for event in run_epochs(model, rows, held_out, recipe, memory):
        if event["event"] == "evaluated":
            yield event, model.get_base_model()


def rejected(model: Any, encoder: Encoder, examples: Examples) -> Examples:
    """Return the examples with the model's own replies as those that were rewritten."""
    prompts = [example["messages"][:-1] for example in examples]
    parts = [prompts[start : start + REPLIES_AT_ONCE] for start in range(0, len(prompts), REPLIES_AT_ONCE)]
    replies = [reply for part in parts for reply in greedy_replies(model, encoder, part, REPLY_TOKENS)]
    return [example | {"rejected": reply or "。"} for example, reply in zip(examples, replies, strict=True)]


@torch.no_grad()
def pair_accuracy(model: Any, rows: list[Row]) -> float:
    """Return the share of ``rows`` whose target costs less a token than their rejected reply."""
    chosen = target_losses(model, rows)
    others = target_losses(model, [row.rejected for row in rows if row.rejected is not None])
    return sum(a / n < b / m for (a, n), (b, m) in zip(chosen, others, strict=True)) / len(rows)


def main() -> None:
    """Make the pairs, train with each weight and seed, and print."""
    options = parser(__doc__)
    options.add_argument("--limit", type=int, default=200)
    options.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.05, 0.1, 0.25, 0.5])
    options.add_argument("--seeds", type=int, default=2)
    options.add_argument("--epochs", type=int, default=3)
    arguments = options.parse_args()
    directory = locate(arguments.base, arguments.models, lambda _text, _fraction: None)
    encoder = Encoder(load_tokenizer(directory))
    recipe = replace(PRESETS["default"], epochs=arguments.epochs, min_steps=0, patience=arguments.epochs)

    def rows(examples: Examples, *, pairs: bool = False) -> list[Row]:
        return encoder.rows(examples, recipe.max_tokens, pairs=pairs)[0]

    every = read(arguments.train)
    train, unseen = every[: arguments.limit], read(arguments.eval, arguments.eval_limit)
    early = every[max(arguments.limit, len(every) - arguments.eval_limit - EARLY) :][:EARLY]
    *_, (_, model) = training(directory, rows(early), rows(unseen), replace(recipe, epochs=2))
    train, unseen = rejected(model, encoder, train), rejected(model, encoder, unseen)
    del model
    for weight in arguments.weights:
        for seed in range(arguments.seeds):
            chosen = replace(recipe, pair_weight=weight, seed=seed)
            curve = [
                (round(event["held_out_loss"], 4), round(pair_accuracy(model, rows(unseen, pairs=True)), 3))
                for event, model in training(directory, rows(train, pairs=weight > 0), rows(unseen), chosen)
            ]
            loss, accuracy = min(curve)
            print(json.dumps({"weight": weight, "seed": seed, "best": loss, "pair_accuracy": accuracy, "curve": curve}))


if __name__ == "__main__":
    main()
