"""Chat with a version: decode, prefill, first tokens, and whether it is exact. Prints one JSON line.

    python -m benchmarks.decode --home DIR --data FILE [--tokens 128] [--prompts 200] [--peer "PYTHON SCRIPT" ...]

The home's newest version is spoken with. The first peer is transformers + peft on the same NF4 weights in the same
process; a peer is a command, such as one for llama.cpp, that prints a JSON line of its own: it and we take turns, and
the median of three is told. Exactness is told along our greedy replies to the prompts of FILE, an examples file,
against the same weights, dequantized, in float32: the share of tokens at which the most likely one is the same, and the
total variation between what the 64 most likely are drawn with; for us, and for transformers + peft in bfloat16. The
same is told of a tiny random Gemma 2, which caps its scores and has layers with a sliding window.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import tempfile
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
from tests.adapters.conftest import save_checkpoint
from tests.adapters.making_versions import make_version
from tests.adapters.test_training import in_float32

PROMPT = "幸せとは何ですか？"
PREFILL = 512
REPLY = 64
"""Most tokens of a reply along which exactness is told."""


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
        engine._reader.forget()
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
    """Return how often the engine, and ``plain``, find the token most likely that ``exact`` does; and how far they are.

    The total variation is half the sum of the differences of chances, at a temperature of 1, of the 64 most likely.
    """
    same: dict[str, list[bool]] = {"ours": [], "transformers_peft": []}
    variation: dict[str, list[float]] = {"ours": [], "transformers_peft": []}
    stops = engine._encoder.stops | engine._decoder.alike
    for example in examples:
        prompt = engine._encoder.example(example["messages"]).prompt
        said = [engine._decoder.read(prompt, engine._decoder.keep(0)).every.cpu()]
        reply = [int(said[0].argmax())]
        while reply[-1] not in stops and len(reply) < REPLY:
            said.append(engine._decoder.read(reply[-1:], len(prompt) + len(reply) - 1).every.cpu())
            reply.append(int(said[-1].argmax()))
        ids = torch.tensor([prompt + reply[:-1]], device=exact.device)
        wanted, theirs = (model(input_ids=ids).logits[0, len(prompt) - 1 :].float().cpu() for model in (exact, plain))
        for number in range(len(reply)):
            top, most_likely = wanted[number].topk(64)
            for name, scores in (("ours", said[number]), ("transformers_peft", theirs[number])):
                same[name].append(int(scores.argmax()) == int(most_likely[0]))
                variation[name].append(float((top.softmax(0) - scores[most_likely].softmax(0)).abs().sum() / 2))
    return {"tokens": len(same["ours"])} | {
        name: {
            "most_likely": round(statistics.mean(same[name]), 4),
            "variation_mean": round(statistics.mean(variation[name]), 4),
            "variation_p95": round(statistics.quantiles(variation[name], n=20)[-1], 4),
        }
        for name in same
    }


def of_a_version(engine: GemmaEngine, directory: Path, version: Path, examples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the exactness of ``engine``, which speaks with ``version`` of the base in ``directory``."""
    from peft import PeftModel

    plain, exact = (
        PeftModel.from_pretrained(model, str(version)).eval()
        for model in (load_model(directory, trainable=True), in_float32(load_model(directory, trainable=True)))
    )
    return exactness(engine, plain, exact, examples)


def of_a_random_gemma_2(examples: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the exactness of a tiny random model with a random version, on those examples that fit."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        base, registry = save_checkpoint(scratch / "base", "gemma2"), Registry(scratch / "versions")
        version = registry.get(make_version(registry, base, rank=16))
        engine = load_engine(scratch / "models", str(base), registry, lambda _text, _fraction: None)
        engine.use(version.name)
        short = [each for each in examples if engine._encoder.length(each["messages"]) <= engine.context_tokens]
        return of_a_version(engine, base, version.directory, short)


def alternately(commands: list[str], act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run ``act`` and each of ``commands``, which print a JSON line, in turns; return the medians of three turns."""
    turns: dict[str, list[dict[str, Any]]] = {}
    for _ in range(3):
        turns.setdefault("ours", []).append(act())
        for command in commands:
            said = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)
            figures = json.loads(said.stdout.splitlines()[-1])
            turns.setdefault(Path(shlex.split(command)[1]).stem, []).append(figures)
    return {
        name: {k: statistics.median(f[k] for f in figures) for k, v in figures[0].items() if isinstance(v, float)}
        for name, figures in turns.items()
    }


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--base", default=EMBEDDED)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--prompts", type=int, default=200, help="examples on which exactness is told; 0 for none")
    parser.add_argument("--peer", action="append", default=[], metavar="COMMAND")
    arguments = parser.parse_args()
    models, registry = arguments.home / "models", Registry(arguments.home / "versions")
    version = registry.versions()[-1]
    directory = locate(arguments.base, models, lambda _text, _fraction: None)
    engine = load_engine(models, arguments.base, registry, lambda _text, _fraction: None)
    long = engine._encoder.tokenizer.encode("幸せとは何か。" * 200).ids[:PREFILL]
    figures: dict[str, Any] = {"on": f"{engine.device}, {os.cpu_count()} cores", "by": type(engine._decoder).__name__}
    figures["without"] = ours(engine, arguments.tokens, long)
    engine.use(version.name)
    figures["version"] = alternately(arguments.peer, lambda: ours(engine, arguments.tokens, long))
    figures["resident_mib"] = round(psutil.Process().memory_info().rss / 2**20)
    if arguments.prompts:
        examples = read(arguments.data, arguments.prompts)
        figures["exactness"] = of_a_version(engine, directory, version.directory, examples)
        figures["exactness_of_a_random_gemma_2"] = of_a_random_gemma_2(examples)
    from peft import PeftModel  # after the figure above, which is without it

    plain = PeftModel.from_pretrained(load_model(directory, trainable=False), str(version.directory)).eval()
    prompt = engine._encoder.prompt([Message(role="user", content=PROMPT)])
    figures["transformers_peft"] = peers(plain, arguments.tokens, prompt, long)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
