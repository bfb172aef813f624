from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import loss as loss_module
from adapters import steps
from adapters.base import load_model
from adapters.encoding import Row
from adapters.fused import fuse
from adapters.loss import losses, pad
from adapters.memory import Memory
from adapters.recipe import PRESETS
from adapters.training import _with_adapter
from socrates_errors import TrainingError

RECIPE = replace(PRESETS["default"], rank=4, alpha=8, batch_tokens=128, epochs=2)
ROWS = [Row([2, *range(10, 9 + n)], [False] * 5 + [True] * (n - 5)) for n in (20, 22, 25, 30)]
TARGETS = sum(sum(row.supervised) for row in ROWS)


class Cut(Memory):
    """Cuts every step into parts of ``size`` rows."""

    size, twice = 1, False

    def parts(self, rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], bool]]:
        for start in range(0, len(rows), self.size):
            yield rows[start : start + self.size], self.twice


def trained(checkpoint: Path, kind: type[Memory] = Memory) -> tuple[Any, Memory]:
    """Return a model whose adapter has learnt something, and its memory."""
    base = load_model(checkpoint, trainable=True)
    memory = kind(base, ROWS, RECIPE)
    torch.manual_seed(0)
    model = _with_adapter(base, RECIPE, None)
    fuse(model, keep_weights=True)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return model.train(), memory


SCALE = {"targets": TARGETS, "pairs": 0, "pair_weight": 0.0}


def gradients(model: Any, memory: Memory) -> tuple[float, list[torch.Tensor]]:
    model.zero_grad()
    loss = float(steps.accumulate(model.get_base_model(), ROWS, SCALE, memory))
    return loss, [p.grad.clone() for p in model.parameters() if p.grad is not None]


def assert_alike(actual: tuple[float, list[torch.Tensor]], expected: tuple[float, list[torch.Tensor]]) -> None:
    assert actual[0] == pytest.approx(expected[0], rel=1e-3)
    for one, other in zip(actual[1], expected[1], strict=True):
        assert torch.nn.functional.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.999
        assert float(one.norm()) == pytest.approx(float(other.norm()), rel=1e-2)


@pytest.mark.parametrize(("size", "twice"), [(1, False), (3, False), (2, True)])
def test_a_step_in_parts_is_the_step_of_all_rows_at_once(checkpoint: Path, size: int, twice: bool) -> None:
    model, _ = trained(checkpoint)
    loss = losses(model.get_base_model(), pad(ROWS, "cpu")).sum() / TARGETS
    loss.backward()  # type: ignore[no-untyped-call]
    at_once = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model, cut = trained(checkpoint, type("_", (Cut,), {"size": size, "twice": twice}))
    assert_alike(gradients(model, cut), (float(loss.detach()), at_once))


def test_activations_computed_twice_change_nothing(gemma3: Path) -> None:
    once, twice = (type("_", (Cut,), {"size": 4, "twice": twice}) for twice in (False, True))
    expected, actual = gradients(*trained(gemma3, once)), gradients(*trained(gemma3, twice))
    assert actual[0] == expected[0]
    assert all(map(torch.equal, actual[1], expected[1]))


def test_after_a_step_nothing_is_computed_twice_any_more(gemma3: Path) -> None:
    """A model that generates while it checkpoints loses its cache in silence."""
    model, cut = trained(gemma3, type("_", (Cut,), {"twice": True}))
    gradients(model, cut)
    assert not model.get_base_model().model.is_gradient_checkpointing


def running_out(rows_at_once: int) -> Callable[[Any, Any, None], torch.Tensor]:
    """Return a loss that has memory for so many rows only; what was computed in the meantime is wrong."""

    def loss(model: Any, batch: Any, _decoder: None) -> torch.Tensor:
        if len(batch.ids) > rows_at_once:
            losses(model, batch).sum().backward()  # type: ignore[no-untyped-call]
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return losses(model, batch)

    return loss


@pytest.mark.parametrize("rows_at_once", [1, 3])
def test_a_step_that_runs_out_of_memory_is_done_in_smaller_parts(
    gemma3: Path, rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = gradients(*trained(gemma3))
    monkeypatch.setattr(loss_module, "losses", running_out(rows_at_once))
    assert_alike(gradients(*trained(gemma3)), expected)


def test_after_running_out_of_memory_the_next_steps_are_smaller_from_the_beginning(
    gemma3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    short = running_out(2)

    def loss(model: Any, batch: Any, decoder: None) -> torch.Tensor:
        asked.append(len(batch.ids))
        return short(model, batch, decoder)

    monkeypatch.setattr(loss_module, "losses", loss)
    model, memory = trained(gemma3)
    events = list(steps.run_epochs(model, ROWS, [], RECIPE, memory))
    assert asked == [4, 2, 2, 2, 2]
    assert [event["event"] for event in events] == ["step", "evaluated"] * 2


def test_one_row_that_does_not_fit_ends_the_run_with_what_to_do(gemma3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loss_module, "losses", running_out(0))
    with pytest.raises(TrainingError, match="choose a smaller base"):
        gradients(*trained(gemma3))


def test_other_errors_are_not_taken_for_a_lack_of_memory(gemma3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> torch.Tensor:
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(loss_module, "losses", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        gradients(*trained(gemma3))
