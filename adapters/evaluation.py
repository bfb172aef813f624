"""Judging versions: loss per target token, and whether a new one may become active. It trains nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adapters.api import BASE
from adapters.base import compute_dtype, device, load_model, load_tokenizer, locate
from adapters.encoding import Encoder, Row
from adapters.lora import make_adaptable, put_on, read_adapter
from adapters.loss import grouped, pack, summed_loss
from adapters.registry import Registry
from socrates_errors import TrainingError

BATCH_TOKENS = 1024
PROBES = 3
"""How many prompts a new version answers before it may speak."""
PROBE_TOKENS = 32


@torch.no_grad()
def loss_per_token(model: Any, rows: Sequence[Row]) -> float | None:
    """Return the mean natural-log loss over the target tokens of ``rows``; None where there is no row."""
    if not rows:
        return None
    total, count = 0.0, 0
    for group in grouped(sorted(rows, key=lambda row: len(row.ids)), BATCH_TOKENS):
        batch = pack(group, device())
        total += float(summed_loss(model, batch))
        count += len(batch.targets)
    return total / count


def evaluate_file(models: Path, base: str, registry: Registry, data: Path, versions: Sequence[str]) -> dict[str, Any]:
    """Return ``{"versions": [{"version", "loss_per_token", "examples", "tokens", "skipped"}]}`` for an examples file.

    Each line stands alone; its target is its last message, from the assistant. Examples longer than the context are
    named in ``skipped``. Raises TrainingError for a file that is no examples file, VersionError for a missing version.
    """
    examples = read_examples(data)
    adapters = {name: None if name == BASE else registry.get(name).directory for name in versions}
    directory = locate(base, models, lambda _text, _fraction: None)
    rows, skipped = Encoder(load_tokenizer(directory)).rows(examples, max_tokens=8192)
    model = load_model(directory, trainable=True)
    layers = make_adaptable(model)
    figures = []
    for name, adapter in adapters.items():
        put_on(None if adapter is None else read_adapter(adapter, layers, compute_dtype(device())), layers)
        figures.append(
            {
                "version": name,
                "loss_per_token": loss_per_token(model, rows),
                "examples": sum(len(row.examples) for row in rows),
                "tokens": sum(sum(row.supervised) for row in rows),
                "skipped": skipped,
            }
        )
    return {"versions": figures}


def read_examples(path: Path) -> list[dict[str, Any]]:
    """Return the lines of an examples file; raises TrainingError naming the first line that is no example."""
    examples = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            example = json.loads(line)
            roles = [message["role"] for message in example["messages"] if message["content"].strip()]
        except (ValueError, KeyError, TypeError, AttributeError):
            roles = []
        turns = roles[1:] if roles[:1] == ["system"] else roles
        if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
            raise TrainingError(
                f"{path}, line {number}, is no example: write {{'messages': [...]}} with user and assistant in turn, "
                "none of them empty, the assistant last."
            )
        examples.append(example)
    return examples


@dataclass(frozen=True)
class Judgement:
    """Whether a new version may become active by itself, and the sentence that says why."""

    better: bool
    reason: str


def judge(candidate: float | None, parent: float | None, parent_name: str, faults: Sequence[str]) -> Judgement:
    """Judge a candidate by its held-out loss against its parent's, and by what was wrong with its replies.

    Nothing to compare with is no fault: a first corpus has no held-out examples yet.
    """
    if faults:
        return Judgement(False, f"{', and '.join(faults)}.")
    if candidate is None or parent is None:
        return Judgement(True, "There are no held-out examples yet, so it was not compared.")
    figures = f"held-out loss {candidate:.3f} against {parent:.3f} of {parent_name}"
    if not candidate <= parent:  # so that a loss that is not a number is worse, too
        return Judgement(False, f"It is worse: {figures}.")
    return Judgement(True, f"It is better: {figures}.")


@torch.inference_mode()
def faults_in_replies(model: Any, encoder: Encoder, prompts: Sequence[list[int]], seed: int) -> list[str]:
    """Return what is wrong with replies to ``prompts`` (ids), drawn as the chat draws them; empty when nothing is.

    A reply is at fault when it is empty, or when fewer than half of its sequences of four tokens are different ones.
    Half of the replies may be at fault, as small models ramble.
    """
    empty = repeating = 0
    torch.manual_seed(seed)
    for prompt in prompts:
        out = model.generate(
            input_ids=torch.tensor([prompt], device=device()),
            attention_mask=torch.ones(1, len(prompt), device=device(), dtype=torch.long),
            max_new_tokens=PROBE_TOKENS,
            do_sample=True,
            temperature=0.8,
            top_k=64,
            top_p=0.95,
            repetition_penalty=1.1,
            eos_token_id=sorted(encoder.stops),
            pad_token_id=0,
        )
        reply = [token for token in out[0, len(prompt) :].tolist() if token not in encoder.stops]
        grams = [tuple(reply[i : i + 4]) for i in range(len(reply) - 3)]
        empty += not encoder.tokenizer.decode(reply).strip()
        repeating += bool(grams) and len(set(grams)) < len(grams) / 2
    if (empty + repeating) * 2 <= len(prompts):
        return []
    named = ((empty, "were empty"), (repeating, "went round in circles"))
    return [f"{count} of {len(prompts)} test replies {what}" for count, what in named if count]


def probe_prompts(encoder: Encoder, examples: Sequence[dict[str, Any]]) -> list[list[int]]:
    """Return up to ``PROBES`` prompts as ids, spread over ``examples``, each without the turns before it."""
    step = max(1, len(examples) // PROBES)
    chosen = [example["messages"][-2] for example in examples[::step][:PROBES]]
    return [encoder.prompt([message]) for message in chosen]
