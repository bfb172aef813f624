"""Swapping versions into a running chat: how long it takes, and whether anything stays behind. Prints one JSON line.

    python -m benchmarks.swap --home DIR [--base BASE] [--swaps 50]

Swaps between the home's newest version and the base, from reading its files to the moment at which it may speak. The
peer is peft on the same base: ``load_adapter``, ``set_adapter`` and ``delete_adapter`` of the same version.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from adapters.api import BASE, EMBEDDED, Message
from adapters.base import device, load_model, locate
from adapters.engine import GemmaEngine, load_engine
from adapters.registry import Registry

PROMPT = [Message(role="user", content="徳は教えられるものだろうか？")]


def timed(swap: Callable[[int], object], swaps: int) -> dict[str, float]:
    """Return the median and the 95th percentile of ``swaps`` calls after two, in milliseconds."""
    spent = []
    for number in range(swaps + 2):
        began = time.perf_counter()
        swap(number)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent.append(1000 * (time.perf_counter() - began))
    return {
        "p50_ms": round(statistics.median(spent[2:]), 1),
        "p95_ms": round(statistics.quantiles(spent[2:], n=20)[-1], 1),
    }


def held_mib() -> float:
    """Return the memory that this process holds: the GPU's where there is one."""
    held = torch.cuda.memory_allocated() if torch.cuda.is_available() else psutil.Process().memory_info().rss
    return round(held / 2**20, 1)


def ours(engine: GemmaEngine, version: str, swaps: int) -> dict[str, Any]:
    """Return the figures of ``swaps`` swaps, and whether both speak afterwards as they did before.

    What memory is held is told after them, and how much that has grown after as many again.
    """

    def scores(name: str) -> torch.Tensor:
        engine.use(name)
        return engine._reader.begin(engine._encoder.prompt(PROMPT)).every.clone()

    before = {name: scores(name) for name in (BASE, version)}
    figures: dict[str, Any] = timed(lambda number: engine.use((version, BASE)[number % 2]), swaps)
    figures["held_mib"] = held_mib()
    for number in range(swaps):
        engine.use((version, BASE)[number % 2])
    figures["grown_mib"] = round(held_mib() - figures["held_mib"], 1)
    figures["same_afterwards"] = all(torch.equal(scores(name), before[name]) for name in before)
    figures["differ"] = not torch.equal(before[BASE], before[version])
    return figures


def peer(model: Any, directory: Path, swaps: int) -> dict[str, float]:
    """Return peft's figures."""
    from peft import PeftModel

    wrapped = PeftModel.from_pretrained(model, str(directory), adapter_name="kept")

    def swap(_number: int) -> None:
        wrapped.load_adapter(str(directory), "swapped")
        wrapped.set_adapter("swapped", inference_mode=True)
        wrapped.delete_adapter("swapped")

    return timed(swap, swaps)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--swaps", type=int, default=50)
    arguments = parser.parse_args()
    models, registry = arguments.home / "models", Registry(arguments.home / "versions")
    version = registry.versions()[-1]
    engine = load_engine(models, arguments.base, registry, lambda _text, _fraction: None)
    figures: dict[str, Any] = {"on": f"{device()}, {os.cpu_count()} cores", "swaps": arguments.swaps}
    figures["ours"] = ours(engine, version.name, arguments.swaps)
    del engine
    model = load_model(locate(arguments.base, models, lambda _text, _fraction: None), trainable=True)
    figures["peft"] = peer(model, version.directory, arguments.swaps)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
