"""A random model of gemma-2-2b's true shape: loading, chat with an adapter, and swaps. Prints one JSON line.

    python -m benchmarks.base_2b [--directory DIR] [--tokens 128] [--swaps 50]

Speed and memory only: random weights say nothing about quality. The peer of each chat figure is plain transformers +
peft on the same weights, run after ours.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from adapters.api import Finished, Message, Sampling
from adapters.base import device, load_model
from adapters.engine import GemmaEngine, load_engine
from adapters.registry import Registry
from benchmarks import swap
from tests.adapters.conftest import make_tokenizer
from tests.adapters.making_versions import make_version

PROMPT = [Message(role="user", content="What is justice? " * 8)]


def make_base(directory: Path) -> None:
    """Write a random Gemma 2 2B in bfloat16 with a tiny tokenizer."""
    configuration = Gemma2Config(
        vocab_size=256_000,
        hidden_size=2304,
        intermediate_size=9216,
        num_hidden_layers=26,
        num_attention_heads=8,
        num_key_value_heads=4,
        head_dim=256,
        eos_token_id=[1, 5],
        dtype="bfloat16",
    )
    torch.manual_seed(0)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Gemma2ForCausalLM(configuration)
    torch.set_default_dtype(torch.float32)
    model.save_pretrained(str(directory))
    make_tokenizer().save(str(directory / "tokenizer.json"))


def chat(engine: GemmaEngine, tokens: int) -> dict[str, float]:
    """Return the median time to first token and decode speed of three replies."""
    figures: list[Finished] = []
    for seed in range(4):
        *_, last = engine.reply(PROMPT, Sampling(max_new_tokens=tokens, temperature=1.0, seed=seed))
        assert isinstance(last, Finished)
        figures.append(last)
    kept = figures[1:]
    return {
        "ttft_s": round(statistics.median(f.ttft_s for f in kept), 3),
        "tokens_per_s": round(statistics.median(f.tokens_per_s for f in kept), 1),
    }


def peer(directory: Path, version: Path, tokens: int, swaps: int) -> dict[str, Any]:
    """Return plain transformers + peft's decode speed with the same adapter, and its swaps."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(load_model(directory, trainable=False), str(version)).eval()
    ids = torch.randint(6, 400, (1, 64), device=device())

    def spent(count: int) -> float:
        began = time.perf_counter()
        model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
        )
        return time.perf_counter() - began

    spent(8)  # warms up
    first = statistics.median(spent(1) for _ in range(3))
    speed = (tokens - 1) / (statistics.median(spent(tokens) for _ in range(3)) - first)
    return {"tokens_per_s": round(speed, 1), "swap": swap.peer(model.unload(), version, swaps)}


def main() -> None:
    """Make the model, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, help="where the random base is made, or was made before")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--swaps", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        directory = arguments.directory or scratch / "gemma-2-2b"
        if not (directory / "tokenizer.json").exists():
            make_base(directory)
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
        cuda = torch.cuda.is_available()
        registry = Registry(scratch / "versions")
        version = make_version(registry, directory, rank=16)
        began = time.perf_counter()
        engine = load_engine(scratch / "models", str(directory), registry, lambda _text, _fraction: None)
        figures: dict[str, Any] = {
            "device": torch.cuda.get_device_name() if cuda else "cpu",
            "load_s": round(time.perf_counter() - began, 1),
            "loaded_gib": round(torch.cuda.memory_allocated() / 2**30, 2) if cuda else None,
            "chat_base": chat(engine, arguments.tokens),
        }
        figures["swap"] = swap.ours(engine, version, arguments.swaps)
        engine.use(version)
        figures["chat_adapter"] = chat(engine, arguments.tokens)
        figures["chat_peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2) if cuda else None
        del engine
        figures["transformers_peft"] = peer(
            directory, registry.get(version).directory, arguments.tokens, arguments.swaps
        )
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
