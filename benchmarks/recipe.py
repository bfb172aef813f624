"""Recipes tried side by side: held-out loss after each epoch, for many settings and sizes. Prints a JSON line for each.

    python -m benchmarks.recipe --models DIR --train FILE --eval FILE [--eval-limit 120] [--jobs 4] [--only TEXT]

Each line of FILE is an examples line and stands alone. Nothing stops early, so that each curve is whole.
"""

import argparse
import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.recipe import ATTENTION, PRESETS
from benchmarks.experiments import parser, prepared, read

EPOCHS = {20: 24, 50: 16, 200: 8, 1000: 5}
"""Epochs by number of examples, enough to see each curve turn."""


def experiments() -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield numbers of examples and settings in the place of the default preset's."""
    for count in EPOCHS:
        for rate in (1e-4, 2e-4, 3e-4, 5e-4, 1e-3, 2e-3):
            yield count, {"learning_rate": rate}
        yield count, {"batch_tokens": 256, "learning_rate": 3e-4}
        yield count, {"batch_tokens": 1024, "learning_rate": 3e-4}
        yield count, {"batch_tokens": 2048, "learning_rate": 5e-4}
    for rank in (2, 4, 8, 32, 64):
        yield 200, {"rank": rank, "alpha": 2 * rank}
    yield 200, {"alpha": 16}
    yield 200, {"alpha": 64}
    yield 200, {"targets": ATTENTION}
    yield 200, {"targets": ATTENTION, "learning_rate": 1e-3}
    yield 200, {"targets": ("gate_proj", "up_proj", "down_proj")}
    yield 200, {"weight_decay": 0.1}
    yield 200, {"dropout": 0.05}
    yield 200, {"warmup": 0.2}
    yield 200, {"batch_tokens": 4096, "learning_rate": 1e-3}
    yield 200, {"clip": 0.3}
    for epochs in (1, 2, 3, 4):
        yield 200, {"epochs": epochs}
        yield 1000, {"epochs": epochs}


def measured(task: tuple[argparse.Namespace, int, dict[str, Any]]) -> dict[str, Any]:
    """Train once and return the figures."""
    import torch

    from adapters.base import device, load_tokenizer, locate
    from adapters.encoding import Encoder
    from adapters.steps import run_epochs

    arguments, count, settings = task
    torch.set_num_threads(max(1, torch.get_num_threads() // arguments.jobs))
    directory = locate(arguments.base, arguments.models, lambda _text, _fraction: None)
    encoder = Encoder(load_tokenizer(directory))

    def rows(path: Path, limit: int) -> Sequence[Any]:
        return encoder.rows(read(path, limit), recipe.max_tokens)[0]

    recipe = replace(PRESETS["default"], min_steps=0, patience=1_000, epochs=EPOCHS[count])
    recipe = replace(recipe, **settings)
    train, held_out = rows(arguments.train, count), rows(arguments.eval, arguments.eval_limit)
    model, memory = prepared(directory, train, recipe)
    began = time.perf_counter()
    events = list(run_epochs(model, train, held_out, recipe, memory))
    losses = [round(event["held_out_loss"], 4) for event in events if event["event"] == "evaluated"]
    steps = [event for event in events if event["event"] == "step"]
    return {
        "examples": count,
        **settings,
        "best": min(losses),
        "best_epoch": losses.index(min(losses)) + 1,
        "held_out_after_each_epoch": losses,
        "steps": len(steps),
        "seconds": round(time.perf_counter() - began, 1),
        "device": device(),
    }


def main() -> None:
    """Try each and print."""
    options = parser(__doc__)
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--only", default="", help="experiments whose JSON contains this")
    arguments = options.parse_args()
    tasks = [(arguments, *one) for one in experiments() if arguments.only in json.dumps(one)]
    tasks.sort(key=lambda task: -task[1])  # the longest first
    with multiprocessing.get_context("spawn").Pool(arguments.jobs, maxtasksperchild=1) as pool:
        for figures in pool.imap_unordered(measured, tasks, chunksize=1):
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
