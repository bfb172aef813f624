"""Training one version: a generator of events over accelerate, without a screen. Judging is adapters.judging's work.

Run as ``python -m adapters.training job.json``: one JSON line per event on standard output, diagnostics on standard
error.
"""

import hashlib
import json
import math
import os
import platform
import stat
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version as library_version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as serialized

from adapters.api import BASE, Event
from adapters.base import device, load_model, load_tokenizer, locate, weights_hash
from adapters.encoding import Encoder
from adapters.examples import read_examples
from adapters.fused import fuse
from adapters.judging import Judge
from adapters.lora import Adapter, make_adaptable, read_version, shapes, unwrap
from adapters.loss import grouped
from adapters.memory import Memory, out_of_memory
from adapters.recipe import Recipe
from adapters.registry import Registry
from adapters.runner import Job
from adapters.steps import RefusedError, joined, run_epochs
from socrates_errors import SocratesError, VersionError
from socrates_language import tr

EVALUATED = ("step", "epoch", "train_loss", "held_out_loss")
"""What run.jsonl keeps of an evaluation, beside each step's loss."""
LIBRARIES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate")


def train(job: Job) -> Iterator[Event]:
    """Train on ``job``'s examples, publish the version, and yield what happens on the way.

    The last event is ``published`` or ``refused``; a SocratesError is raised for what the user has to mend.
    """
    started = time.perf_counter()
    processes = joined()
    recipe = Recipe.from_json(job.recipe)
    registry = Registry(Path(job.versions))
    read = read_examples(Path(job.train))
    examples, held_out = in_order(read), in_order(read_examples(Path(job.held_out)))
    directory = locate(job.base, Path(job.models), lambda _text, _fraction: None)
    encoder = Encoder(load_tokenizer(directory))
    rows, skipped = encoder.rows(examples, recipe.max_tokens, pairs=recipe.pair_weight > 0)
    held_out_rows, skipped_held_out = encoder.rows(held_out, recipe.max_tokens)
    if not rows:
        reason = tr("There is no example to train on: approve or rewrite some replies first.")
        yield {"event": "refused", "reason": reason}
        return
    model = load_model(directory, trainable=True)
    weights = weights_hash(directory, Path(job.models))
    parent, parent_adapter = _parent(job.parent, registry, job.base, weights, model)

    memory = Memory(model, rows, recipe, processes.num_processes)
    epochs = max(recipe.epochs, math.ceil(recipe.min_steps / len(list(grouped(rows, recipe.batch_tokens)))))
    tokens, targets = sum(len(r.ids) for r in rows), sum(sum(r.supervised) for r in rows)
    yield {
        "event": "started",
        "examples": sum(len(r.examples) for r in rows),
        "held_out": sum(len(r.examples) for r in held_out_rows),
        "tokens": tokens,
        "target_tokens": targets,
        "steps": epochs * len(list(grouped(rows, recipe.batch_tokens))),
        "epochs": epochs,
        "device": device(),
        "base": job.base,
        "parent": parent,
        "skipped": skipped + skipped_held_out,
        "memory": memory.event(),
        "processes": processes.num_processes,
    }
    judge = Judge(encoder, registry, weights, examples=examples, held_out=held_out, max_tokens=recipe.max_tokens)
    judge.before(model, parent, parent_adapter)
    before = judge.records[-1].loss
    untrained = {"event": "evaluated", "epoch": 0, "step": 0, "held_out_loss": before, "train_loss": None}
    yield untrained | {"best": False, "last": False}

    torch.manual_seed(recipe.seed)
    trained = _with_adapter(model, recipe, _beginning(recipe, registry, parent, weights))
    fusible = trained.peft_config["default"].lora_dropout == 0
    if fusible:
        unfuse = fuse(trained, keep_weights=memory.keeps_weights)
    else:  # a warm start has its parent's dropout
        unfuse = None
        memory.without_graphs()
    losses: list[dict[str, Any]] = []
    course: list[dict[str, Any]] = [{k: untrained[k] for k in EVALUATED}]
    step_seconds = 0.0
    best: dict[str, torch.Tensor] = {}
    try:
        for event in run_epochs(trained, rows, held_out_rows, replace(recipe, epochs=epochs), memory):
            if event["event"] == "step":
                step_seconds = event["elapsed_s"]
                course.append({k: event[k] for k in ("step", "epoch", "loss")})
            else:
                losses.append({k: event[k] for k in ("epoch", "train_loss", "held_out_loss")})
                course.append({k: event[k] for k in EVALUATED})
                if event["best"]:
                    best = _lora_tensors(trained)
            yield event
    except RefusedError as refusal:
        yield {"event": "refused", "reason": str(refusal)}
        return
    if not processes.is_main_process:
        return
    with registry.draft() as draft:
        _save(draft, trained, best, job.base)
        (draft / "run.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in course))
        if unfuse is not None:
            unfuse()
        evaluation = judge.after(trained.unload(), draft)
        seconds = time.perf_counter() - started
        published = registry.publish(
            draft,
            {
                "title": job.title,
                "note": "",
                "parent": parent,
                "base": {"id": job.base, "weights_hash": weights},
                "template_hash": encoder.template_hash(),
                "corpus": {
                    "digest": _digest(read),
                    "examples": sum(len(r.examples) for r in rows),
                    "ids": [name for row in rows for name in row.examples],
                    "tokens": tokens,
                    "as_of": job.as_of,
                },
                "recipe": recipe.to_json() | _shape(trained) | {"epochs_run": len(losses)},
                "losses": losses,
                "held_out": {
                    "examples": sum(len(r.examples) for r in held_out_rows),
                    "tokens": sum(sum(r.supervised) for r in held_out_rows),
                    **evaluation.losses(),
                },
                "libraries": {"python": platform.python_version()} | {n: library_version(n) for n in LIBRARIES},
                "seconds": round(seconds, 1),
                "step_seconds": round(step_seconds, 1),
                "peak_memory_bytes": memory.peak_bytes(),
                "device": device(),
                "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            },
        )
    yield {
        "event": "published",
        "version": published.name,
        "better": evaluation.better,
        "reason": evaluation.reason,
        "held_out": evaluation.losses(),
        "evaluation": evaluation.told(published.name),
        "seconds": seconds,
    }


def in_order(examples: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the examples in the order of their texts, so that their order in the file changes nothing.

    What continues a conversation follows on it. A line without an id is named by its number.
    """
    named = [{"id": number} | example for number, example in enumerate(examples)]
    return sorted(named, key=lambda e: ([(m["role"], m["content"]) for m in e["messages"]], str(e.get("rejected"))))


def _parent(name: str, registry: Registry, base: str, weights: str, model: Any) -> tuple[str, Adapter | None]:
    """Return the version to judge against and its adapter; the base where that version is another base's or damaged."""
    if name == BASE:
        return BASE, None
    try:
        layers = make_adaptable(model)
        try:
            return name, read_version(registry.get(name), base, weights, shapes(layers), device())
        finally:
            unwrap(model)
    except VersionError as error:
        print(error, file=sys.stderr)
        return BASE, None


def _beginning(recipe: Recipe, registry: Registry, parent: str, weights: str) -> Path | None:
    """Return the directory of the version with whose weights ``recipe`` begins; None for nobody's.

    ``parent`` fits the base, whose weights have the hash ``weights``; the starter version may be missing, or another's.
    """
    if recipe.start == "parent":
        return None if parent == BASE else registry.get(parent).directory
    starter = registry.starter if recipe.start == "starter" else None
    return starter.directory if starter is not None and starter.weights_hash == weights else None


def _with_adapter(model: Any, recipe: Recipe, warm: Path | None) -> Any:
    """Return ``model`` under peft with a trainable adapter: a fresh one, or a copy of the version in ``warm``."""
    from peft import LoraConfig, PeftModel, get_peft_model

    if warm is not None:
        return PeftModel.from_pretrained(model, str(warm), is_trainable=True)
    settings = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.targets),
        bias="none",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, settings)


def _lora_tensors(model: Any) -> dict[str, torch.Tensor]:
    """Return a copy of the adapter in peft's names, in bfloat16 on the CPU."""
    from peft import get_peft_model_state_dict

    # Without this, peft asks the hub whether the base's embedding has been resized.
    tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: t.detach().to("cpu", torch.bfloat16).contiguous() for name, t in tensors.items()}


def _shape(model: Any) -> dict[str, Any]:
    """Return the adapter's own settings: a warm start has its parent's, whatever the recipe says."""
    settings = model.peft_config["default"]
    return {
        "rank": settings.r,
        "alpha": settings.lora_alpha,
        "dropout": settings.lora_dropout,
        "targets": sorted(settings.target_modules),
    }


def _save(draft: Path, model: Any, tensors: dict[str, torch.Tensor], base: str) -> None:
    """Write the adapter as a standard PEFT directory."""
    settings = model.peft_config["default"]
    settings.inference_mode = True
    settings.base_model_name_or_path = base
    settings.save_pretrained(str(draft))
    # Not by save_file, whose failures are no OSErrors.
    (draft / "adapter_model.safetensors").write_bytes(serialized(tensors, metadata={"format": "pt"}))


def _digest(examples: Sequence[dict[str, Any]]) -> str:
    """Return a hash of the examples that does not depend on their order."""
    lines = sorted(json.dumps(example, ensure_ascii=False, sort_keys=True) for example in examples)
    return f"sha256:{hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}"


def _end_with_the_application() -> None:
    """End this process when the application that started it is gone: then its end of our standard input closes."""
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()


def launched(processes: int) -> list[str]:
    """Return the command that trains in so many processes of this machine, one for each GPU where there are any."""
    options = {"num_processes": processes, "num_machines": 1, "mixed_precision": "no", "dynamo_backend": "no"}
    options["main_process_port"] = 0  # any that is free
    launcher = [sys.executable, "-P", "-m", "accelerate.commands.launch", "--multi_gpu"]
    return [*launcher, *(f"--{name}={value}" for name, value in options.items()), "-m", "adapters.training"]


def main() -> int:
    """Carry out the job file named on the command line; return the exit status.

    Where there are several GPUs, this process becomes accelerate's launcher, which starts one of us for each.
    """
    if torch.cuda.device_count() > 1 and "LOCAL_RANK" not in os.environ:
        command = launched(torch.cuda.device_count())
        os.execv(command[0], [*command, sys.argv[1]])
    _end_with_the_application()
    os.nice(10)
    job = Job.from_json(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        for event in train(job):
            if joined().is_main_process:
                _say(event)
        joined().destroy_process_group()
    except (SocratesError, OSError, MemoryError, RuntimeError) as error:
        traceback.print_exc()
        _say({"event": "failed", "reason": _sentence(error), "cancelled": False})  # whichever process it is
        return 1
    return 0


def _say(event: Event) -> None:
    print(json.dumps(event, ensure_ascii=False), flush=True)


def _sentence(error: Exception) -> str:
    """Say what ended the run and what to do."""
    if isinstance(error, SocratesError):
        return str(error)
    if isinstance(error, OSError):
        return tr(
            "The training could not read or write its files ({error}): free some disk space and train again."
        ).format(error=error)
    if out_of_memory(error):
        return tr("The training ran out of memory: close other programs, or choose a smaller base, and train again.")
    return tr("The training failed ({error}): the log tells more.").format(error=error)


if __name__ == "__main__":
    sys.exit(main())
