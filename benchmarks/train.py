"""Training: ours beside another recipe's script, on the same base, examples and epochs. Prints one JSON line.

    python benchmarks/train.py --models DIR --train FILE --eval FILE [--limit 200] [--eval-limit 60] [--epochs 3]
        [--preset default] [--peer SCRIPT]

The peer is a script that takes --base, --train, --eval, --limit, --eval-limit and --epochs, and prints one JSON line
with ``held_out_after_each_epoch``. Each line of FILE is an examples line and stands alone for both.
"""

import argparse
import itertools
import json
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.api import BASE, EMBEDDED
from adapters.base import locate
from adapters.recipe import PRESETS
from adapters.runner import Job, Run


def cut(source: Path, target: Path, count: int) -> Path:
    """Write the first ``count`` lines of ``source`` to ``target``, without what would join them to conversations."""
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as out:
        for line in itertools.islice(lines, count):
            out.write(json.dumps({"messages": json.loads(line)["messages"]}, ensure_ascii=False) + "\n")
    return target


def ours(arguments: argparse.Namespace, train: Path, held_out: Path, scratch: Path) -> dict[str, Any]:
    """Train in the child process that the application uses, and return its figures."""
    recipe = replace(PRESETS[arguments.preset], epochs=arguments.epochs, min_steps=0, **json.loads(arguments.recipe))
    job = Job(
        base=arguments.base,
        models=str(arguments.models),
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
    evaluated = [event["held_out_loss"] for event in events if event["event"] == "evaluated"]
    steps = [event for event in events if event["event"] == "step"]
    return {
        "recipe": recipe.preset,
        "train_s": round(steps[-1]["elapsed_s"], 1),
        "whole_s": round(time.perf_counter() - started, 1),
        "tokens_per_s": round(steps[-1]["tokens_per_s"], 1),
        "held_out_before": round(evaluated[0], 4),
        "held_out_after_each_epoch": [round(loss, 4) for loss in evaluated[1:]],
        "held_out_published": round(events[-1]["held_out"]["candidate"], 4),
        "better": events[-1]["better"],
    }


def main() -> None:
    """Run both and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="directory of converted bases")
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--eval", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--eval-limit", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--preset", default="default", choices=list(PRESETS))
    parser.add_argument("--recipe", default="{}", help="JSON of settings in the preset's place")
    parser.add_argument("--peer", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        train = cut(arguments.train, scratch / "train.jsonl", arguments.limit)
        held_out = cut(arguments.eval, scratch / "held_out.jsonl", arguments.eval_limit)
        figures: dict[str, Any] = {"examples": arguments.limit, "epochs": arguments.epochs, "on": platform.processor()}
        figures["ours"] = ours(arguments, train, held_out, scratch)
        if arguments.peer is not None:
            base = locate(arguments.base, arguments.models, lambda _text, _fraction: None)
            options = {"base": base, "train": train, "eval": held_out, "limit": arguments.limit}
            options |= {"eval-limit": arguments.eval_limit, "epochs": arguments.epochs}
            command = [sys.executable, str(arguments.peer), *(f"--{k}={v}" for k, v in options.items())]
            said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
            figures["peer"] = json.loads(said.stdout.splitlines()[-1])
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
