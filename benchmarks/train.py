"""Training: ours beside other recipes' scripts, on the same base, examples and epochs. Prints one JSON line.

    python -m benchmarks.train --models DIR --train FILE --eval FILE [--limit 200] [--eval-limit 60] [--epochs 3]
        [--preset default] [--peer SCRIPT ...]
    python -m benchmarks.train --random-2b DIR [--free GIB] [--peer SCRIPT ...]

A peer is a script, such as trl_recipe.py beside this one, that takes --base, --train, --eval, --limit, --eval-limit and
--epochs, and prints one JSON line with ``train_s``, ``tokens_per_s`` and ``held_out_after_each_epoch``. Each line of
FILE is an examples line and stands alone for all. The random base has the shape of gemma-2-2b and says nothing about
quality; its examples have 200 tokens each unless told otherwise.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from adapters.api import BASE, EMBEDDED
from adapters.base import load_tokenizer, locate
from adapters.encoding import Encoder
from adapters.recipe import PRESETS
from adapters.runner import ENVIRONMENT, Job, Run
from benchmarks.base_2b import make_base
from benchmarks.experiments import read, write


def made_examples(base: Path, count: int, tokens: int) -> list[dict[str, Any]]:
    """Return examples of about ``tokens`` tokens, half of them the reply's."""
    encoder = Encoder(load_tokenizer(base))
    chance = random.Random(0)

    def text() -> str:
        made = ""
        while len(encoder.target(made)) < tokens // 2 - 3:
            made += chance.choice("aeiou") + chance.choice("nrst") + chance.choice(" ,.?")
        return made.strip()

    return [
        {"messages": [{"role": "user", "content": text()}, {"role": "assistant", "content": text()}]}
        for _ in range(count)
    ]


def ours(arguments: argparse.Namespace, train: Path, held_out: Path, scratch: Path) -> dict[str, Any]:
    """Train in the child process that the application uses, and return its figures."""
    recipe = replace(PRESETS[arguments.preset], epochs=arguments.epochs, min_steps=0, **json.loads(arguments.recipe))
    job = Job(
        base=arguments.base,
        models=str(arguments.models or scratch / "models"),
        versions=str(scratch / "versions"),
        train=str(train),
        held_out=str(held_out),
        recipe=recipe.to_json(),
        parent=BASE,
        title="",
        as_of="",
    )
    started = time.perf_counter()
    events = list(Run(job, directory=scratch, log=scratch / "training.log").events())
    if events[-1]["event"] != "published":
        raise SystemExit(f"{events[-1]}\n{(scratch / 'training.log').read_text()[-2000:]}")
    steps = [event for event in events if event["event"] == "step"]
    ends = [0.0, *(max(s["elapsed_s"] for s in steps if s["epoch"] == n + 1) for n in range(steps[-1]["epoch"]))]
    evaluated = [event["held_out_loss"] for event in events if event["event"] == "evaluated"]
    return {
        "recipe": recipe.preset,
        "train_s": round(steps[-1]["elapsed_s"], 1),
        "after_each_epoch_s": [round(end, 1) for end in ends[1:]],
        "whole_s": round(time.perf_counter() - started, 1),
        "tokens_per_s": round(steps[-1]["tokens_per_s"], 1),
        "held_out_before": round(evaluated[0], 4),
        "held_out_after_each_epoch": [round(loss, 4) for loss in evaluated[1:]],
        "held_out_published": round(events[-1]["held_out"]["candidate"], 4),
        "better": events[-1]["better"],
        "memory": next(event["memory"] for event in events if event["event"] == "started"),
        "peak_gib": round(steps[-1]["peak_memory_bytes"] / 2**30, 2),
    }


def peers(
    arguments: argparse.Namespace, script: Path, train: Path, held_out: Path, mine: dict[str, Any]
) -> dict[str, Any]:
    """Run a peer's script and return its figures beside ours, or its last words; without a GPU, its peak memory too."""
    base = locate(arguments.base, arguments.models or Path(), lambda _text, _fraction: None)
    options = {"base": base, "train": train, "eval": held_out, "limit": arguments.limit}
    options |= {"eval-limit": arguments.eval_limit, "epochs": arguments.epochs}
    command = [sys.executable, str(script), *(f"--{name}={value}" for name, value in options.items())]
    allocator = (
        {name: value for name, value in ENVIRONMENT.items() if name.startswith("MALLOC")} if arguments.keep else {}
    )
    log = train.with_suffix(".log")
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=os.environ | allocator
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        return {"script": str(script), "failed": log.read_text()[-1000:]}
    figures: dict[str, Any] = json.loads(said.splitlines()[-1])
    if not torch.cuda.is_available():
        figures["peak_gib"] = round(usage.ru_maxrss / 2**20, 2)
    return figures | {"ours_against_it": against(mine, figures)}


def against(mine: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float | None]:
    """Return our speed over theirs, and in what share of their whole time we reach their best loss; None if never."""
    best = min(theirs["held_out_after_each_epoch"])
    ends = zip(mine["after_each_epoch_s"], mine["held_out_after_each_epoch"], strict=True)
    reached = next((seconds for seconds, loss in ends if loss <= best), None)
    return {
        "speed": round(mine["tokens_per_s"] / theirs["tokens_per_s"], 2),
        "time_to_their_best": reached and round(reached / theirs["train_s"], 3),
    }


def taken(free_gib: float) -> list[torch.Tensor]:
    """Take so much of the GPU's memory that only ``free_gib`` are free."""
    torch.zeros(1, device="cuda")
    most = torch.cuda.mem_get_info()[0] - int(free_gib * 2**30)
    return [torch.empty(most, dtype=torch.uint8, device="cuda")]


def main() -> None:
    """Run all and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="directory of converted bases")
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--random-2b", type=Path, metavar="DIR", help="where the random base is or is to be made")
    parser.add_argument("--made-tokens", type=int, default=200, help="length of the random base's examples")
    parser.add_argument("--train", type=Path)
    parser.add_argument("--eval", type=Path)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--eval-limit", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--preset", default="default", choices=list(PRESETS))
    parser.add_argument("--recipe", default="{}", help="JSON of settings in the preset's place")
    parser.add_argument("--peer", type=Path, action="append", default=[])
    parser.add_argument("--free", type=float, help="GiB of the GPU's memory that are left free for each")
    parser.add_argument("--keep", action="store_true", help="give peers the allocator settings that ours runs under")
    arguments = parser.parse_args()
    if arguments.random_2b is None and not (arguments.models and arguments.train and arguments.eval):
        parser.error("give --models, --train and --eval, or --random-2b")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        if arguments.random_2b is not None:
            if not (arguments.random_2b / "tokenizer.json").exists():
                make_base(arguments.random_2b)
            arguments.base = str(arguments.random_2b)
            made = made_examples(arguments.random_2b, arguments.limit, arguments.made_tokens)
            train, held_out = write(scratch / "train.jsonl", made), write(scratch / "held_out.jsonl", made[:8])
        else:
            train = write(scratch / "train.jsonl", read(arguments.train, arguments.limit))
            held_out = write(scratch / "held_out.jsonl", read(arguments.eval, arguments.eval_limit))
        held = taken(arguments.free) if arguments.free is not None else []
        device = (
            torch.cuda.get_device_name()
            if torch.cuda.is_available()
            else f"{platform.machine()}, {os.cpu_count()} cores"
        )
        figures: dict[str, Any] = {"examples": arguments.limit, "epochs": arguments.epochs, "on": device}
        figures["ours"] = ours(arguments, train, held_out, scratch)
        figures["peers"] = [peers(arguments, script, train, held_out, figures["ours"]) for script in arguments.peer]
        held.clear()
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
