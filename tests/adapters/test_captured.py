from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import steps
from adapters.base import load_model
from adapters.captured import Captured, stepped
from adapters.encoding import Row
from adapters.fused import fuse
from adapters.loss import hidden_states, losses
from adapters.memory import Memory
from adapters.recipe import PRESETS
from adapters.training import _with_adapter

RECIPE = replace(PRESETS["default"], rank=4, alpha=8, batch_tokens=128, epochs=4, patience=4)
SCALE = {"targets": 60, "pairs": 0, "pair_weight": 0.0}
on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA graphs need a GPU")


def rows(length: int, first: int) -> list[Row]:
    made = ([2, *range(first + shift, first + shift + length - 1)] for shift in (0, 7, 3))
    return [Row(ids, [False] * 5 + [True] * (length - 5)) for ids in made]


@pytest.fixture
def model(checkpoint: Path) -> Any:
    """A model whose adapter has learnt something, and whose gradients are there."""
    torch.manual_seed(0)
    made = _with_adapter(load_model(checkpoint, trainable=True), RECIPE, None)
    fuse(made, keep_weights=True)
    for name, parameter in made.named_parameters():
        if "lora_B" in name:
            parameter.data.copy_(
                0.05 * torch.randn(parameter.shape)
            )  # a capture that failed leaves CUDA's generator behind
        if parameter.requires_grad:
            parameter.grad = torch.zeros_like(parameter)
    return made.train()


def trainable(model: Any) -> list[torch.nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


class Cut(Memory):
    """Computes so many rows at once."""

    def __init__(self, size: int, twice: bool) -> None:
        self._size, self._twice, self._correction = size, twice, 1.0

    def parts(self, rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], bool]]:
        for start in range(0, len(rows), self._size):
            yield rows[start : start + self._size], self._twice


def gradients(
    model: Any, part: list[Row], captured: Captured | None, *, size: int = 3, twice: bool = False
) -> tuple[float, list[torch.Tensor]]:
    model.zero_grad(set_to_none=False)
    loss = float(steps.accumulate(model.get_base_model(), part, SCALE, Cut(size, twice), captured))
    return loss, [p.grad.clone() for p in trainable(model) if p.grad is not None]


def assert_alike(actual: tuple[float, list[torch.Tensor]], expected: tuple[float, list[torch.Tensor]]) -> None:
    assert actual[0] == pytest.approx(expected[0], rel=1e-2)
    for one, other in zip(actual[1], expected[1], strict=True):
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.999
        assert float(one.norm()) == pytest.approx(float(other.norm()), rel=2e-2)


def captured_of(model: Any, failed: list[bool] | None = None) -> Captured:
    return Captured(
        model.get_base_model(), trainable(model), lambda: (failed if failed is not None else []).append(True)
    )


@on_a_gpu
@pytest.mark.parametrize("twice", [False, True])
@pytest.mark.parametrize("size", [1, 3])
def test_a_graph_computes_what_launches_compute(model: Any, size: int, twice: bool) -> None:
    captured = captured_of(model)
    batches = [rows(length, first) for first in (10, 60, 110) for length in (20, 30, 17)]
    for batch in [*batches, *batches]:
        assert_alike(gradients(model, batch, captured, size=size, twice=twice), gradients(model, batch, None))
    assert set(captured.graphs) == {(size, 32, twice)}


@on_a_gpu
def test_the_gradients_of_several_batches_add_up(model: Any) -> None:
    captured = captured_of(model)
    for _ in range(3):
        _, once = gradients(model, rows(20, 10), captured)
    steps.accumulate(model.get_base_model(), rows(20, 10), SCALE, Cut(3, False), captured)
    for parameter, gradient in zip(trainable(model), once, strict=True):
        torch.testing.assert_close(parameter.grad, 2 * gradient)


@on_a_gpu
def test_where_capturing_fails_batches_are_computed_as_they_come(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def waiting(model: Any, ids: torch.Tensor, **options: Any) -> torch.Tensor:
        hidden = hidden_states(model, ids, **options)
        if torch.cuda.is_current_stream_capturing():
            hidden.sum().item()  # which no capture allows
        return hidden

    monkeypatch.setattr("adapters.captured.hidden_states", waiting)
    failed: list[bool] = []
    captured, stream = captured_of(model, failed), torch.cuda.current_stream()
    for _ in range(3):
        assert_alike(gradients(model, rows(20, 10), captured), gradients(model, rows(20, 10), None))
    assert failed == [True]
    assert not captured.graphs
    assert torch.cuda.current_stream() == stream


@on_a_gpu
def test_graphs_give_way_before_steps_become_smaller(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    captured = captured_of(model)
    for _ in range(2):
        expected = gradients(model, rows(20, 10), captured)
    assert captured.graphs

    def short(*arguments: Any) -> torch.Tensor:
        if captured.graphs:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return losses(*arguments)

    monkeypatch.setattr("adapters.loss.losses", short)
    assert_alike(gradients(model, rows(20, 10), captured), expected)


@on_a_gpu
def test_a_run_by_graphs_has_the_losses_of_one_without(checkpoint: Path) -> None:
    curves = []
    for captures in (True, False):
        base = load_model(checkpoint, trainable=True)
        memory = Memory(base, rows(20, 10), RECIPE)
        assert memory.captures
        memory.captures = captures
        torch.manual_seed(0)
        made = _with_adapter(base, RECIPE, None)
        fuse(made, keep_weights=memory.keeps_weights)
        events = steps.run_epochs(made, [*rows(20, 10), *rows(30, 60)], rows(25, 40), RECIPE, memory)
        curves.append([event["loss"] if event["event"] == "step" else event["held_out_loss"] for event in events])
    assert len(curves[0]) > RECIPE.epochs
    assert curves[0] == pytest.approx(curves[1], rel=2e-2)


def test_a_graph_is_little_longer_than_what_it_computes() -> None:
    lengths = range(1, 4096)
    assert all(length <= stepped(length) <= max(1.25 * length, length + 15) for length in lengths)
    assert len({stepped(length) for length in lengths}) < 32
