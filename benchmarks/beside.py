"""Chat while a training runs: what each leaves the other. Prints one JSON line.

    python -m benchmarks.beside --home DIR --train FILE [--base BASE] [--limit 60] [--environment '{"NAME": "VALUE"}']
    python -m benchmarks.beside --random-2b DIR [--card 8] [--limit 60]

Speaks with the home's newest version, alone and while the first ``limit`` lines of FILE are trained on as the
application does it, in a child process of lower priority. The peer is each by itself. With a random base of
gemma-2-2b's shape, on a GPU of which ``card`` GiB are left free, also says how many of them both took together.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from adapters import runner
from adapters.api import BASE, EMBEDDED, Event, Finished, Message, Sampling
from adapters.engine import GemmaEngine, load_engine
from adapters.recipe import PRESETS
from adapters.registry import Registry
from adapters.runner import Job, Run
from benchmarks.base_2b import make_base
from benchmarks.experiments import read, write
from benchmarks.train import made_examples, taken
from tests.adapters.making_versions import make_version

PROMPT = "徳は教えられるものだろうか？"


def spoken(engine: GemmaEngine, beside: bool, replies: int = 4) -> dict[str, float]:
    """Return the medians of some replies of 64 tokens, after one."""
    figures = []
    for seed in range(replies + 1):
        engine._reader.forget()
        messages, sampling = [Message(role="user", content=PROMPT)], Sampling(max_new_tokens=64, seed=seed)
        *_, last = engine.reply(messages, sampling, beside=lambda: beside)
        assert isinstance(last, Finished)
        figures.append(last)
    return {
        "tokens_per_s": round(statistics.median(f.tokens_per_s for f in figures[1:]), 1),
        "ttft_s": round(statistics.median(f.ttft_s for f in figures[1:]), 3),
    }


class Training:
    """A training in a child process, and the speed of each of its steps."""

    def __init__(self, job: Job, scratch: Path) -> None:
        """Start it."""
        self.steps: list[Event] = []
        self.began = threading.Event()
        self._run = Run(job, directory=scratch, log=scratch / "training.log")
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        for event in self._run.events():
            if event["event"] == "step":
                self.steps.append(event)
                self.began.set()
        self.began.set()

    def speed(self, first: int, last: int) -> float:
        """Return tokens per second between two steps."""
        one, other = self.steps[first], self.steps[last]
        tokens = [step["tokens_per_s"] * step["elapsed_s"] for step in (one, other)]
        return float(round((tokens[1] - tokens[0]) / (other["elapsed_s"] - one["elapsed_s"]), 1))

    def end(self) -> None:
        """Cancel it."""
        self._run.cancel()
        self._thread.join()


class Free:
    """What of a GPU's memory is free, by all that use it, ten times a second."""

    def __init__(self) -> None:
        """Begin to look."""
        self._ended = threading.Event()
        self._free: list[int] = []
        self._thread = threading.Thread(target=self._look)
        if torch.cuda.is_available():
            self._free.append(torch.cuda.mem_get_info()[0])
            self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(0.1):
            self._free.append(torch.cuda.mem_get_info()[0])

    def most_taken_gib(self) -> float | None:
        """End, and return how much more than at first was taken at most; None without a GPU."""
        if not self._free:
            return None
        self._ended.set()
        self._thread.join()
        return round((self._free[0] - min(self._free)) / 2**30, 2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--random-2b", type=Path, metavar="DIR", help="where the random base is or is to be made")
    parser.add_argument("--card", type=float, help="GiB of the GPU's memory that are left free for both")
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--environment", default="{}", help="what is added to the child's environment")
    arguments = parser.parse_args()
    runner.ENVIRONMENT.update(json.loads(arguments.environment))
    if not (arguments.random_2b or (arguments.home and arguments.train)):
        parser.error("give --home and --train, or --random-2b")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        home, base = arguments.home or scratch / "home", arguments.base
        registry = Registry(home / "versions")
        if arguments.random_2b is not None:
            base = str(arguments.random_2b)
            if not (arguments.random_2b / "tokenizer.json").exists():
                make_base(arguments.random_2b)
            make_version(registry, arguments.random_2b, rank=16)
            torch.cuda.empty_cache()
            examples = made_examples(arguments.random_2b, arguments.limit, 200)
        else:
            examples = read(arguments.train, arguments.limit)
        held = taken(arguments.card) if arguments.card else []
        free = Free()
        engine = load_engine(home / "models", base, registry, lambda _text, _fraction: None)
        engine.use(registry.versions()[-1].name)
        figures: dict[str, Any] = {
            "on": f"{engine.device}, {os.cpu_count()} cores",
            "chat_alone": spoken(engine, beside=False),
        }
        job = Job(
            base=base,
            models=str(home / "models"),
            versions=str(scratch / "versions"),
            train=str(write(scratch / "train.jsonl", examples)),
            held_out=str(write(scratch / "held_out.jsonl", [])),
            recipe=replace(PRESETS["default"], epochs=20).to_json(),
            parent=BASE,
            title="",
            as_of="",
        )
        training = Training(job, scratch)
        try:
            training.began.wait()
            if not training.steps:
                raise SystemExit((scratch / "training.log").read_text()[-3000:])
            first = len(training.steps) - 1
            figures["chat_beside"] = spoken(engine, beside=True)
            then = len(training.steps) - 1
            threading.Event().wait(30)
            figures["training_beside_tokens_per_s"] = training.speed(first, then) if then > first else None
            figures["training_alone_tokens_per_s"] = training.speed(then, len(training.steps) - 1)
        finally:
            training.end()
        figures["taken_gib"] = free.most_taken_gib()
        held.clear()
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
