"""Judging versions: loss per target token, and whether a new one may become active. It trains nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from adapters.api import BASE, Engine, Finished, Message, Sampling
from adapters.base import compute_dtype, device, load_model, load_tokenizer, locate, weights_hash
from adapters.encoding import Encoder, Row
from adapters.lora import make_adaptable, put_on, read_version
from adapters.loss import grouped, pad, summed_loss
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
        batch = pad(group, device())
        total += float(summed_loss(model, batch))
        count += len(batch.targets)
    return total / count


def evaluate_file(models: Path, base: str, registry: Registry, data: Path, versions: Sequence[str]) -> dict[str, Any]:
    """Return ``{"versions": [{"version", "loss_per_token", "examples", "tokens", "skipped"}]}`` for an examples file.

    Each line stands alone; its target is its last message, from the assistant. Examples longer than the context are
    named in ``skipped``. Raises TrainingError for a file that is no examples file, VersionError for a version that is
    missing or another base's.
    """
    examples = read_examples(data)
    found = {name: None if name == BASE else registry.get(name) for name in versions}
    directory = locate(base, models, lambda _text, _fraction: None)
    weights = weights_hash(directory, models)
    rows, skipped = Encoder(load_tokenizer(directory)).rows(examples, max_tokens=8192)
    model = load_model(directory, trainable=True)
    layers = make_adaptable(model)
    figures = []
    for name, version in found.items():
        dtype = compute_dtype(device())
        put_on(None if version is None else read_version(version, base, weights, layers, dtype), layers)
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
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # and at nothing else that is a line end elsewhere
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"{path} cannot be read ({error}): give a file of examples, in UTF-8.") from error
    examples = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            example = _example(line)
            if example is None:
                raise TrainingError(
                    f"{path}, line {number}, is no example: write {{'messages': [...]}} with user and assistant in "
                    "turn, none of them empty, the assistant last."
                )
            examples.append(example)
    return examples


def _example(line: str) -> dict[str, Any] | None:
    """Return the example that ``line`` is, if it is one."""
    try:
        example: dict[str, Any] = json.loads(line)
        turns = [(message["role"], message["content"].strip()) for message in example["messages"]]
        hash((example.get("id"), example.get("conversation")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if turns and turns[0][0] == "system":
        turns = turns[1:]
    roles = ["user", "assistant"] * (len(turns) // 2)
    return example if turns and [role for role, _ in turns] == roles and all(text for _, text in turns) else None


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


def faults_in_replies(engine: Engine, prompts: Sequence[Sequence[Message]], seed: int) -> list[str]:
    """Return what is wrong with the engine's replies to ``prompts``, drawn as the chat draws them; empty if nothing is.

    A reply is at fault when it is empty, or when fewer than half of its sequences of four characters are different
    ones. Half of the replies may be at fault, as small models ramble.
    """
    empty = repeating = 0
    for prompt in prompts:
        *_, last = engine.reply(prompt, Sampling(max_new_tokens=PROBE_TOKENS, seed=seed))
        assert isinstance(last, Finished)
        grams = [last.reply[i : i + 4] for i in range(len(last.reply) - 3)]
        empty += not last.reply
        repeating += bool(grams) and len(set(grams)) < len(grams) / 2
    if (empty + repeating) * 2 <= len(prompts):
        return []
    named = ((empty, "were empty"), (repeating, "went round in circles"))
    return [f"{count} of {len(prompts)} test replies {what}" for count, what in named if count]


def probe_prompts(rows: Sequence[Row], examples: Sequence[dict[str, Any]]) -> list[list[Message]]:
    """Return up to ``PROBES`` prompts, spread over those of ``examples`` that are in ``rows``."""
    used = {name for row in rows for name in row.examples}
    chosen = [e for number, e in enumerate(examples) if e.get("id", number) in used]
    step = max(1, len(chosen) // PROBES)
    return [example["messages"][:-1] for example in chosen[::step][:PROBES]]
