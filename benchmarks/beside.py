"""Chat while a training runs: what each leaves the other. Prints one JSON line.

    python -m benchmarks.beside --home DIR --train FILE [--base BASE] [--limit 60] [--environment '{"NAME": "VALUE"}']

Speaks with the home's newest version, alone and while the first ``limit`` lines of FILE are trained on as the
application does it, in a child process of lower priority. The peer is each by itself.
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

from adapters import runner
from adapters.api import BASE, EMBEDDED, Event, Finished, Message, Sampling
from adapters.engine import GemmaEngine, load_engine
from adapters.recipe import PRESETS
from adapters.registry import Registry
from adapters.runner import Job, Run
from benchmarks.experiments import read, write

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


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--limit", type=int, default=60)
    parser.add_argument("--environment", default="{}", help="what is added to the child's environment")
    arguments = parser.parse_args()
    runner.ENVIRONMENT.update(json.loads(arguments.environment))
    models, registry = arguments.home / "models", Registry(arguments.home / "versions")
    engine = load_engine(models, arguments.base, registry, lambda _text, _fraction: None)
    engine.use(registry.versions()[-1].name)
    figures: dict[str, Any] = {
        "on": f"{engine.device}, {os.cpu_count()} cores",
        "chat_alone": spoken(engine, beside=False),
    }
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        job = Job(
            base=arguments.base,
            models=str(models),
            versions=str(scratch / "versions"),
            train=str(write(scratch / "train.jsonl", read(arguments.train, arguments.limit))),
            held_out=str(write(scratch / "held_out.jsonl", [])),
            recipe=replace(PRESETS["default"], epochs=20).to_json(),
            parent=BASE,
            title="",
            as_of="",
        )
        training = Training(job, scratch)
        try:
            training.began.wait()
            first = len(training.steps) - 1
            figures["chat_beside"] = spoken(engine, beside=True)
            then = len(training.steps) - 1
            threading.Event().wait(30)
            figures["training_beside_tokens_per_s"] = training.speed(first, then) if then > first else None
            figures["training_alone_tokens_per_s"] = training.speed(then, len(training.steps) - 1)
        finally:
            training.end()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
