"""Chat with a version: decode, prefill, first tokens, and whether it is exact. Prints one JSON line.

    python -m benchmarks.decode --home DIR --data FILE [--tokens 128] [--prompts 20] [--peer SCRIPT ...]

The home's newest version is spoken with. The first peer is transformers + peft on the same NF4 weights in the same
process; a peer script, such as one for llama.cpp, prints a JSON line of its own. Exactness is told under teacher
forcing on FILE, an examples file: the share of target tokens at which the most likely token is that of the same model
computed in float32, from dequantized weights; for us, and for transformers + peft in bfloat16.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from adapters.api import EMBEDDED, Finished, Message, Sampling
from adapters.base import load_model, locate
from adapters.engine import GemmaEngine, load_engine
from adapters.registry import Registry
from benchmarks.experiments import read
from tests.adapters.test_training import dequantized

PROMPT = "幸せとは何ですか？"
PREFILL = 512


def median_s(act: Callable[[], object], times: int = 3) -> float:
    """Return the median duration of ``act`` after a first time, in seconds."""
    spent = []
    for _ in range(times + 1):
        began = time.perf_counter()
        act()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent[1:])


def ours(engine: GemmaEngine, tokens: int, long: list[int]) -> dict[str, Any]:
    """Return the figures of whole replies, sampled as the application samples, and of reading a prompt."""
    engine._stops = frozenset()  # so that every reply is as long
    messages = [Message(role="user", content=PROMPT)]
    first, speeds, turns = [], [], []
    for seed in range(4):
        engine._cached, engine._asked = [], []
        *_, last = engine.reply(messages, Sampling(max_new_tokens=tokens, seed=seed))
        assert isinstance(last, Finished)
        first.append(last.ttft_s)
        speeds.append(last.tokens_per_s)
    for seed in range(10):
        *_, last = engine.reply(messages, Sampling(max_new_tokens=32, seed=seed))
        assert isinstance(last, Finished)
        turns.append(last.ttft_s)
        messages += [Message(role="assistant", content=last.reply or "。"), Message(role="user", content=PROMPT)]
    spent = median_s(lambda: engine._decoder.read(long, engine._decoder.keep(0)))
    return {
        "ttft_s": round(statistics.median(first[1:]), 4),
        "decode_tokens_per_s": round(statistics.median(speeds[1:]), 1),
        "prefill_tokens_per_s": round(PREFILL / spent, 1),
        "ttft_of_turn_2_s": round(turns[1], 4),
        "ttft_of_turn_10_s": round(turns[9], 4),
    }


@torch.inference_mode()
def peers(model: Any, tokens: int, prompt: list[int], long: list[int]) -> dict[str, Any]:
    """Return the figures of transformers and peft."""

    def spoken(count: int) -> float:
        ids = torch.tensor([prompt], device=model.device)
        options = {"max_new_tokens": count, "min_new_tokens": count, "do_sample": False}
        return median_s(lambda: model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **options))

    first = spoken(1)
    reading = torch.tensor([long], device=model.device)
    return {
        "ttft_s": round(first, 4),
        "decode_tokens_per_s": round((tokens - 1) / (spoken(tokens) - first), 1),
        "prefill_tokens_per_s": round(PREFILL / median_s(lambda: model(input_ids=reading, logits_to_keep=1)), 1),
    }


@torch.inference_mode()
def exactness(engine: GemmaEngine, plain: Any, exact: Any, examples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return how often the engine, and ``plain``, find the token most likely that ``exact`` does."""
    ours = peers = count = 0
    for example in examples:
        encoded = engine._encoder.example(example["messages"])
        ids = torch.tensor([encoded.prompt + encoded.target])
        wanted, theirs = (model(input_ids=ids).logits[0].argmax(1).tolist() for model in (exact, plain))
        scores, _ = engine._decoder.read(encoded.prompt, engine._decoder.keep(0))
        for position, token in enumerate(encoded.target, start=len(encoded.prompt)):
            ours += int(scores.argmax()) == wanted[position - 1]
            peers += theirs[position - 1] == wanted[position - 1]
            count += 1
            scores, _ = engine._decoder.read([token], position)
    return {"tokens": count, "ours": round(ours / count, 4), "transformers_peft": round(peers / count, 4)}


def in_float32(model: Any) -> Any:
    """Return a 4-bit ``model`` with plain float32 layers of the same weights."""
    dequantized(model)
    return torch.nn.Module.float(model)  # transformers' own refuses what was quantized


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompts", type=int, default=20, help="examples on which exactness is told")
    parser.add_argument("--peer", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    from peft import PeftModel

    models, registry = arguments.home / "models", Registry(arguments.home / "versions")
    version = registry.versions()[-1]
    directory = locate(arguments.base, models, lambda _text, _fraction: None)
    engine = load_engine(models, arguments.base, registry, lambda _text, _fraction: None)
    long = engine._encoder.tokenizer.encode("幸せとは何か。" * 200).ids[:PREFILL]
    figures: dict[str, Any] = {"on": f"{engine.device}, {os.cpu_count()} cores", "by": type(engine._decoder).__name__}
    figures["without"] = ours(engine, arguments.tokens, long)
    engine.use(version.name)
    figures["version"] = ours(engine, arguments.tokens, long)
    figures["resident_mib"] = round(psutil.Process().memory_info().rss / 2**20)
    plain, exact = (
        PeftModel.from_pretrained(model, str(version.directory)).eval()
        for model in (load_model(directory, trainable=True), in_float32(load_model(directory, trainable=True)))
    )
    figures["exactness"] = exactness(engine, plain, exact, read(arguments.data, arguments.prompts))
    del plain, exact
    plain = PeftModel.from_pretrained(load_model(directory, trainable=False), str(version.directory)).eval()
    prompt = engine._encoder.prompt([Message(role="user", content=PROMPT)])
    figures["transformers_peft"] = peers(plain, arguments.tokens, prompt, long)
    for script in arguments.peer:
        said = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, text=True, check=True)
        figures[script.stem] = json.loads(said.stdout.splitlines()[-1])
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
