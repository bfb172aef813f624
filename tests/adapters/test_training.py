import json
import subprocess
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from adapters.api import BASE
from adapters.base import (
    allow_repacking,
    compute_dtype,
    device,
    has_avx512bf16,
    is_linear4bit,
    load_model,
    load_tokenizer,
)
from adapters.encoding import Encoder
from adapters.evaluation import evaluate_file, loss_per_token
from adapters.fused import fuse
from adapters.loss import losses, pad
from adapters.recipe import PRESETS, Recipe
from adapters.registry import Registry
from adapters.runner import Job
from adapters.steps import warm_up_then_cosine
from adapters.training import _sentence, _with_adapter, train
from socrates_errors import TrainingError

QUICKLY = replace(PRESETS["default"], rank=4, alpha=8, learning_rate=1e-2, epochs=3, min_steps=0)
PROMPTS = ["What is justice?", "What is courage?", "幸せとは何か。", "徳とは何か。"]


def lines(count: int, target: str = "What do you think?", start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "id": start + i,
            "conversation": f"c{start + i}",
            "messages": [
                {"role": "user", "content": PROMPTS[i % len(PROMPTS)]},
                {"role": "assistant", "content": target},
            ],
        }
        for i in range(count)
    ]


def write(path: Path, examples: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(e, ensure_ascii=False) + "\n" for e in examples), encoding="utf-8")
    return str(path)


def job(tmp_path: Path, checkpoint: Path, recipe: Recipe = QUICKLY, **changes: Any) -> Job:
    made = Job(
        base=str(checkpoint),
        models=str(tmp_path / "models"),
        versions=str(tmp_path / "versions"),
        train=write(tmp_path / "train.jsonl", lines(4)),
        held_out=write(tmp_path / "held_out.jsonl", lines(2, start=100)),
        recipe=recipe.to_json(),
        parent=BASE,
        title="",
        as_of="2026-01-01T00:00:00.000000Z",
    )
    return replace(made, **changes)


def test_a_run_tells_what_happens_and_publishes_a_better_version(tmp_path: Path, checkpoint: Path) -> None:
    events = list(train(job(tmp_path, checkpoint)))
    kinds = [event["event"] for event in events]
    assert kinds[0] == "started"
    assert kinds[-1] == "published"
    assert kinds.count("evaluated") == 4
    assert kinds.count("step") == events[0]["steps"]
    last = events[-1]
    assert last["held_out"]["candidate"] < last["held_out"]["parent"] == last["held_out"]["base"]
    assert "better" in last["reason"] or "test replies" in last["reason"]


def test_a_version_carries_what_made_it(tmp_path: Path, gemma3: Path) -> None:
    made = job(tmp_path, gemma3)
    *_, last = train(made)
    version = Registry(Path(made.versions)).get(last["version"])
    assert sorted(version.manifest["corpus"]["ids"]) == [0, 1, 2, 3]
    assert version.manifest["recipe"]["learning_rate"] == QUICKLY.learning_rate
    assert [entry["epoch"] for entry in version.manifest["losses"]] == [1, 2, 3]
    assert version.held_out_loss == last["held_out"]["candidate"]
    assert (version.parent, version.base, version.examples) == (BASE, str(gemma3), 4)
    course = [json.loads(line) for line in (version.directory / "run.jsonl").read_text().splitlines()]
    assert [line["held_out_loss"] for line in course if "held_out_loss" in line][1:] == [
        entry["held_out_loss"] for entry in version.manifest["losses"]
    ]
    assert [line["step"] for line in course if "loss" in line] == [1, 2, 3, 4, 5, 6][: len(course) - 4]


def test_evaluating_the_published_version_gives_the_figure_it_was_judged_by(tmp_path: Path, gemma3: Path) -> None:
    made = job(tmp_path, gemma3)
    *_, last = train(made)
    figures = evaluate_file(
        Path(made.models), made.base, Registry(Path(made.versions)), Path(made.held_out), [BASE, last["version"]]
    )["versions"]
    assert [f["version"] for f in figures] == [BASE, last["version"]]
    assert figures[0]["loss_per_token"] == pytest.approx(last["held_out"]["base"], rel=1e-6)
    assert figures[1]["loss_per_token"] == pytest.approx(last["held_out"]["candidate"], rel=1e-6)
    assert figures[1]["examples"] == 2


def test_the_same_seed_and_examples_give_the_same_weights(tmp_path: Path, gemma3: Path) -> None:
    made = job(tmp_path, gemma3)
    files = [
        (Registry(Path(made.versions)).get(list(train(made))[-1]["version"]).directory) / "adapter_model.safetensors"
        for _ in range(2)
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_version_is_judged_against_its_parent_and_can_start_from_it(tmp_path: Path, gemma3: Path) -> None:
    *cold, first = train(job(tmp_path, gemma3))
    warm = replace(QUICKLY, start="parent", epochs=1)
    events = list(train(job(tmp_path, gemma3, warm, parent=first["version"])))
    assert events[0]["parent"] == first["version"]
    assert events[1]["held_out_loss"] == first["held_out"]["candidate"]
    first_loss, cold_loss = (next(e["loss"] for e in run if e["event"] == "step") for run in (events, cold))
    assert first_loss < 0.8 * cold_loss, "a warm start begins where its parent ended"


def test_a_training_begins_with_the_starter_whoever_speaks(tmp_path: Path, gemma3: Path) -> None:
    *cold, first = train(job(tmp_path, gemma3))
    registry = Registry(tmp_path / "begun" / "versions")
    registry.begin_with(registry.directory.parent.parent / "versions" / first["version"])

    def first_loss(start: Literal["nothing", "starter"]) -> float:
        made = replace(job(tmp_path, gemma3, replace(QUICKLY, start=start)), versions=str(registry.directory))
        events = list(train(made))
        assert events[0]["parent"] == BASE
        return float(next(event["loss"] for event in events if event["event"] == "step"))

    cold_loss = next(event["loss"] for event in cold if event["event"] == "step")
    assert first_loss("nothing") == pytest.approx(cold_loss)
    assert first_loss("starter") < 0.8 * cold_loss


def test_a_starter_of_other_weights_begins_nothing(tmp_path: Path, gemma3: Path) -> None:
    *cold, first = train(job(tmp_path, gemma3))
    shipped = Registry(tmp_path / "versions").get(first["version"]).directory
    told = json.loads((shipped / "version.json").read_text())
    told["base"]["weights_hash"] = "sha256:another"
    (shipped / "version.json").write_text(json.dumps(told))
    registry = Registry(tmp_path / "begun" / "versions")
    registry.begin_with(shipped)
    events = list(train(replace(job(tmp_path, gemma3), versions=str(registry.directory))))
    losses = [[event["loss"] for event in run if event["event"] == "step"] for run in (events, cold)]
    assert losses[0] == losses[1]


def test_a_warm_start_carries_the_shape_of_its_parent(tmp_path: Path, gemma3: Path) -> None:
    narrow = replace(QUICKLY, targets=("q_proj", "v_proj"), rank=2, alpha=4)
    first = list(train(job(tmp_path, gemma3, narrow)))[-1]
    made = job(tmp_path, gemma3, replace(QUICKLY, start="parent", epochs=1), parent=first["version"])
    recipe = Registry(Path(made.versions)).get(list(train(made))[-1]["version"]).manifest["recipe"]
    assert (recipe["rank"], recipe["alpha"], recipe["targets"]) == (2, 4, ["q_proj", "v_proj"])


def test_a_warm_start_does_not_ask_the_hub(tmp_path: Path, gemma3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import peft.utils.save_and_load as saving

    asked: list[object] = []
    monkeypatch.setattr(saving, "check_file_exists_on_hf_hub", lambda *names: asked.append(names))
    first = list(train(job(tmp_path, gemma3)))[-1]
    list(train(job(tmp_path, gemma3, replace(QUICKLY, start="parent", epochs=1), parent=first["version"])))
    assert asked == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(28, "No space left on device"), "free some disk space"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory"),
        (RuntimeError("something else"), "something else"),
    ],
)
def test_what_ends_a_run_is_told_with_what_to_do(error: Exception, expected: str) -> None:
    assert expected in _sentence(error)


def test_a_worse_version_is_kept_aside_with_the_reason(tmp_path: Path, gemma3: Path) -> None:
    first = list(train(job(tmp_path, gemma3)))[-1]
    noise = write(tmp_path / "noise.jsonl", lines(4, target="徳 徳 stronger ab 徳"))
    last = list(train(job(tmp_path, gemma3, parent=first["version"], train=noise)))[-1]
    assert last["event"] == "published"
    assert not last["better"]
    assert "worse" in last["reason"] or "test replies" in last["reason"]


def test_without_held_out_examples_a_version_is_published_uncompared(tmp_path: Path, gemma3: Path) -> None:
    last = list(train(job(tmp_path, gemma3, held_out=write(tmp_path / "none.jsonl", []))))[-1]
    assert last["event"] == "published"
    assert last["held_out"]["candidate"] is None


def test_a_loss_that_is_not_finite_is_refused_and_publishes_nothing(tmp_path: Path, gemma3: Path) -> None:
    made = job(tmp_path, gemma3, replace(QUICKLY, learning_rate=float("inf")))
    last = list(train(made))[-1]
    assert last["event"] == "refused"
    assert "loss became" in last["reason"]
    assert Registry(Path(made.versions)).versions() == []


def test_an_adapter_that_did_not_move_is_refused(tmp_path: Path, gemma3: Path) -> None:
    last = list(train(job(tmp_path, gemma3, replace(QUICKLY, learning_rate=0.0))))[-1]
    assert (last["event"], "changed nothing" in last["reason"]) == ("refused", True)


def test_no_examples_are_refused_with_what_to_do(tmp_path: Path, gemma3: Path) -> None:
    last = list(train(job(tmp_path, gemma3, train=write(tmp_path / "none.jsonl", []))))[-1]
    assert (last["event"], "approve or rewrite" in last["reason"]) == ("refused", True)


def test_an_example_that_does_not_fit_is_named(tmp_path: Path, gemma3: Path) -> None:
    long = write(tmp_path / "long.jsonl", [*lines(2), *lines(1, target="long " * 400, start=9)])
    started = next(iter(train(job(tmp_path, gemma3, replace(QUICKLY, max_tokens=200), train=long))))
    assert started["skipped"] == [9]


@pytest.mark.parametrize(
    "line",
    ['{"messages": []}', "not json", '{"messages": [{"role": "user", "content": "a"}]}', '{"messages": "text"}'],
)
def test_a_line_that_is_no_example_is_named_by_its_number(tmp_path: Path, gemma3: Path, line: str) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(lines(1)[0]) + "\n" + line + "\n")
    with pytest.raises(TrainingError, match="line 2"):
        list(train(job(tmp_path, gemma3, train=str(bad))))


def test_the_child_process_speaks_events_and_nothing_else(tmp_path: Path, gemma3: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text(job(tmp_path, gemma3).to_json())
    child = subprocess.run(
        [sys.executable, "-P", "-m", "adapters.training", str(file)], capture_output=True, text=True, check=True
    )
    events = [json.loads(line) for line in child.stdout.splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("started", "published")


def test_the_learning_rate_rises_and_then_falls_to_a_tenth() -> None:
    factor = warm_up_then_cosine(100, 0.1)
    assert [round(factor(step), 3) for step in (0, 9, 10, 100)] == [0.1, 1.0, 1.0, 0.1]


# The gradient of an adapter on NF4 weights, after the model has been used for evaluation


def adapter_gradients(model: Any, batch: Any) -> dict[str, torch.Tensor]:
    """Return the gradient of each LoRA matrix after one backward pass."""
    model.zero_grad()
    losses(model.get_base_model(), batch).sum().backward()  # type: ignore[no-untyped-call]
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.requires_grad and p.grad is not None}


def dequantized(model: Any, dtype: torch.dtype) -> None:
    """Put plain linear layers in the place of the 4-bit ones, with their weights as ``dtype``."""
    from bitsandbytes.functional import dequantize_4bit

    for name, module in list(model.named_modules()):
        if is_linear4bit(module):
            state = copy(module.weight.quant_state)
            state.dtype = dtype
            weight = dequantize_4bit(module.weight.data, state)
            plain = torch.nn.Linear(module.in_features, module.out_features, bias=False, dtype=weight.dtype)
            plain.weight = torch.nn.Parameter(weight, requires_grad=False)
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, plain)


def in_float32(model: Any) -> Any:
    """Return a 4-bit ``model`` with plain float32 layers of the same weights, which are not rounded to bfloat16."""
    dequantized(model, torch.float32)
    return torch.nn.Module.float(model)  # transformers' own refuses what was quantized


def adapted(model: Any, recipe: Recipe = QUICKLY) -> Any:
    torch.manual_seed(0)
    wrapped = _with_adapter(model, recipe, None)
    if recipe.dropout == 0 and any(map(is_linear4bit, model.modules())):
        fuse(wrapped, keep_weights=True)
    for name, parameter in wrapped.named_parameters():
        if "lora_B" in name:  # at zero, half of the gradients would be zero
            torch.nn.init.normal_(parameter, std=0.05)
    return wrapped


def gradients_after_chat_and_evaluation(
    checkpoint: Path, recipe: Recipe, *, repacking: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the gradients on the 4-bit model and on its dequantized twin, after a reply and an evaluation."""
    encoder = Encoder(load_tokenizer(checkpoint))
    rows, _ = encoder.rows(lines(4), 512)
    batch = pad(rows, device())
    model = load_model(checkpoint, trainable=True)
    allow_repacking(model, repacking)
    twin = load_model(checkpoint, trainable=True)
    dequantized(twin, compute_dtype(device()))
    model, twin = adapted(model, recipe), adapted(twin, recipe)
    for _ in range(2):  # chat, train, evaluate, and train again
        model.eval()
        with torch.inference_mode():
            model(input_ids=batch.ids[:, :8])
        with torch.no_grad():
            loss_per_token(model.get_base_model(), rows)
        model.train()
        actual = adapter_gradients(model, batch)
    twin.train()
    return actual, adapter_gradients(twin, batch)


def cosines(actual: dict[str, Any], expected: dict[str, Any]) -> list[float]:
    return [
        float(torch.nn.functional.cosine_similarity(actual[name].flatten().float(), g.flatten().float(), dim=0))
        if name in actual
        else 0.0
        for name, g in expected.items()
    ]


PEFTS_OWN = replace(QUICKLY, dropout=1e-9)
"""Any dropout keeps peft's own layers, with which the presets that have some are trained."""


@pytest.mark.parametrize("recipe", [QUICKLY, PEFTS_OWN], ids=["fused", "peft"])
def test_gradients_after_chat_and_evaluation_are_those_of_the_dequantized_model(
    checkpoint: Path, recipe: Recipe
) -> None:
    actual, expected = gradients_after_chat_and_evaluation(checkpoint, recipe, repacking=False)
    assert actual.keys() == expected.keys()
    assert len(expected) == 3 * 7 * 2
    assert min(cosines(actual, expected)) > 0.999


@pytest.mark.skipif(not has_avx512bf16(), reason="only CPUs with AVX512-BF16 have the kernel that loses gradients")
def test_gradients_are_lost_where_repacking_is_allowed(checkpoint: Path) -> None:
    """Shows that the test before this one can fail."""
    actual, expected = gradients_after_chat_and_evaluation(checkpoint, PEFTS_OWN, repacking=True)
    assert min(cosines(actual, expected)) < 0.9


def test_a_trainable_model_keeps_its_embedding_and_norms_as_loaded(checkpoint: Path) -> None:
    model = adapted(load_model(checkpoint, trainable=True))
    frozen = {p.dtype for n, p in model.named_parameters() if not p.requires_grad and "lora" not in n}
    assert torch.float32 not in frozen or frozen == {torch.float32, torch.uint8}
    assert all("lora_" in n for n, p in model.named_parameters() if p.requires_grad)


def test_a_published_version_has_the_same_logits_in_plain_peft(tmp_path: Path, checkpoint: Path) -> None:
    from peft import PeftModel

    from adapters.lora import make_adaptable, put_on, read_adapter, shapes

    made = job(tmp_path, checkpoint)
    directory = Registry(Path(made.versions)).get(list(train(made))[-1]["version"]).directory
    ids = torch.tensor([Encoder(load_tokenizer(checkpoint)).prompt(lines(1)[0]["messages"][:1])])
    plain = PeftModel.from_pretrained(load_model(checkpoint, trainable=True), str(directory)).eval()
    ours = load_model(checkpoint, trainable=True)
    layers = make_adaptable(ours)
    put_on(read_adapter(directory, shapes(layers), device()), layers)
    assert all(layer.a is not None for layer in layers.values())
    with torch.no_grad():
        expected = plain(input_ids=ids).logits.float()
        actual = ours(input_ids=ids).logits.float()
    assert float((actual - expected).norm() / expected.norm()) < 0.02
