from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import memory as module
from adapters.base import load_model
from adapters.encoding import Row
from adapters.fused import fuse
from adapters.loss import losses, pad
from adapters.memory import Memory, out_of_memory
from adapters.recipe import PRESETS
from adapters.training import _with_adapter
from socrates_errors import TrainingError

RECIPE = replace(PRESETS["default"], rank=4, batch_tokens=128)
PLENTY, MIB = 2**40, 2**20
NO_GRAPHS = {"graphs": False}


def rows(count: int, length: int = 32) -> list[Row]:
    return [Row([2, *range(10, 9 + length)], [False] * 5 + [True] * (length - 5)) for _ in range(count)]


@pytest.fixture(scope="module")
def model(gemma3: Path) -> Any:
    return load_model(gemma3, trainable=True)


def memory(model: Any, free_bytes: int, monkeypatch: pytest.MonkeyPatch, of: list[Row] | None = None) -> Memory:
    monkeypatch.setattr(module, "_free_bytes", lambda: free_bytes)
    return Memory(model, of or rows(8), RECIPE)


def sizes(memory: Memory, group: list[Row]) -> list[tuple[int, bool]]:
    return [(len(part), checkpointing) for part, checkpointing in memory.parts(group)]


def test_with_plenty_of_memory_a_step_is_computed_at_once(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ample = memory(model, PLENTY, monkeypatch)
    assert sizes(ample, rows(4)) == [(4, False)]
    assert ample.event() == {"micro_batch_tokens": 128, "checkpointing": False, "kept_weights": True} | NO_GRAPHS


def test_with_less_memory_steps_are_cut_before_activations_are_computed_twice(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for free_bytes in range(16 * MIB, MIB, -MIB // 16):
        told = memory(model, free_bytes, monkeypatch).event()
        if told not in seen:
            seen.append(told)
    assert seen[0] == {"micro_batch_tokens": 128, "checkpointing": False, "kept_weights": True} | NO_GRAPHS
    assert {"micro_batch_tokens": 128, "checkpointing": False, "kept_weights": False} | NO_GRAPHS in seen
    assert {"micro_batch_tokens": 64, "checkpointing": False, "kept_weights": False} | NO_GRAPHS in seen
    assert {"micro_batch_tokens": 32, "checkpointing": False, "kept_weights": False} | NO_GRAPHS in seen
    checkpointed = [told["checkpointing"] for told in seen]
    assert checkpointed == sorted(checkpointed)
    assert checkpointed[-1]


def test_only_rows_that_do_not_fit_alone_are_computed_twice(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    tight = memory(model, 11 * MIB, monkeypatch, of=[*rows(8), *rows(1, 400)])
    assert sizes(tight, rows(4))[0][1] is False
    assert sizes(tight, rows(1, 400)) == [(1, True)]


def test_a_rejected_reply_takes_as_much_room_as_its_target(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (1, 4):
        pairs = [replace(row, rejected=row) for row in rows(count)]
        ample = memory(model, PLENTY, monkeypatch, of=pairs)
        assert ample._bytes(pairs) == 2 * ample._bytes(rows(count))


def test_on_a_gpu_the_first_part_corrects_the_estimate_and_no_peak_is_forgotten(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ample = memory(model, PLENTY, monkeypatch)
    part = rows(4)
    estimated, head = ample._bytes(part), ample._head_bytes
    held = {"now": 100 * MIB, "peak": 900 * MIB}
    monkeypatch.setattr(module, "device", lambda: "cuda")
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda: held["now"])
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: held["peak"])
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda: held["peak"])
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: held.update(peak=held["now"]))
    with ample.measured(part, False):
        held.update(now=200 * MIB, peak=200 * MIB + head + int(2 * estimated))
    assert ample._bytes(part) == pytest.approx(2 * estimated, rel=1e-6)
    assert ample.peak_bytes() == 900 * MIB
    with ample.measured(part, False):
        held.update(peak=1000 * MIB)
    assert ample._bytes(part) == pytest.approx(2 * estimated, rel=1e-6)
    assert ample.peak_bytes() == 1000 * MIB


def as_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "device", lambda: "cuda")
    monkeypatch.setattr(module, "compute_dtype", lambda _device: torch.bfloat16)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)


def test_on_a_gpu_passes_become_graphs_where_their_memory_is_there(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    as_on_a_gpu(monkeypatch)
    seen = [memory(model, free_bytes, monkeypatch).event() for free_bytes in range(40 * MIB, MIB, -MIB // 16)]
    assert seen[0] == {"micro_batch_tokens": 128, "checkpointing": False, "kept_weights": True, "graphs": True}
    with_graphs = [told for told in seen if told["graphs"]]
    assert seen[: len(with_graphs)] == with_graphs
    assert {"micro_batch_tokens": 32, "checkpointing": False, "kept_weights": False, "graphs": True} in with_graphs
    assert any(told["checkpointing"] for told in with_graphs)
    assert len(with_graphs) < len(seen)
    assert not Memory(model, rows(8), replace(RECIPE, dropout=0.1)).captures


def test_without_graphs_their_room_is_taken(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    as_on_a_gpu(monkeypatch)
    every = (memory(model, free_bytes, monkeypatch) for free_bytes in range(40 * MIB, MIB, -MIB // 16))
    tight = next(made for made in every if len(sizes(made, rows(4))) > 1)
    tight.without_graphs()
    tight.without_graphs()
    assert not tight.captures
    assert sizes(tight, rows(4)) == [(4, False)]


def test_an_empty_share_of_a_step_has_no_parts(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sizes(memory(model, PLENTY, monkeypatch), []) == []


def test_each_time_memory_has_run_out_half_is_taken_until_one_row_is_too_much(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    giving = memory(model, PLENTY, monkeypatch)
    seen = [next(giving.parts(rows(4)))]
    while seen[-1] != (rows(1), True):
        giving.give_way(*seen[-1])
        seen.append(next(giving.parts(rows(4))))
    assert [len(part) for part, checkpointing in seen if not checkpointing] == [4, 2, 1]
    with pytest.raises(TrainingError, match="32 tokens fits into memory: close other programs"):
        giving.give_way(*seen[-1])


@pytest.mark.parametrize("length", [16, 64])
def test_the_estimate_is_what_autograd_keeps(checkpoint: Path, length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    base = load_model(checkpoint, trainable=True)
    estimate = memory(base, PLENTY, monkeypatch)._bytes(rows(4, length))
    model = _with_adapter(base, RECIPE, None)
    fuse(model, keep_weights=True)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, int] = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    model.train()
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        loss = losses(model.get_base_model(), pad(rows(4, length), "cpu")).sum()
    assert loss.requires_grad
    assert sum(kept.values()) == pytest.approx(estimate, rel=0.3)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"), True),
        (MemoryError(), True),
        (RuntimeError("shape mismatch"), False),
    ],
)
def test_what_says_that_memory_ran_out_is_known(error: Exception, expected: bool) -> None:
    assert out_of_memory(error) is expected
