from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.base import load_model
from adapters.encoding import Row
from adapters.fused import fuse
from adapters.loss import losses, pad
from adapters.recipe import PRESETS
from adapters.training import _with_adapter

ROWS = [Row([2, *range(10, 10 + n)], [False] * 5 + [True] * (n - 4)) for n in (9, 30)]


def adapted(checkpoint: Path) -> Any:
    """Return a model under peft's own layers, its adapter already learnt."""
    torch.manual_seed(0)
    model = _with_adapter(load_model(checkpoint, trainable=True), replace(PRESETS["default"], dropout=1e-9), None)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    return model


def loss_and_gradients(model: Any) -> tuple[float, dict[str, torch.Tensor]]:
    model.zero_grad()
    loss = losses(model.get_base_model(), pad(ROWS, "cpu")).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("keep_weights", [True, False])
def test_a_fused_layer_computes_what_pefts_layer_computes(checkpoint: Path, keep_weights: bool) -> None:
    model = adapted(checkpoint)
    expected, wanted = loss_and_gradients(model)
    fuse(model, keep_weights=keep_weights)
    for _ in range(2):
        loss, gradients = loss_and_gradients(model)
        assert loss == pytest.approx(expected, rel=2e-3)
        assert gradients.keys() == wanted.keys()
        for name, gradient in gradients.items():
            assert torch.nn.functional.cosine_similarity(gradient.flatten(), wanted[name].flatten(), dim=0) > 0.999


def test_what_is_undone_is_pefts_again(checkpoint: Path) -> None:
    model = adapted(checkpoint)
    expected, wanted = loss_and_gradients(model)
    fuse(model, keep_weights=True)()
    loss, gradients = loss_and_gradients(model)
    assert loss == expected
    assert all(torch.equal(gradients[name], gradient) for name, gradient in wanted.items())
    assert not any("forward" in vars(module) for module in model.modules())


def test_kept_weights_change_nothing(checkpoint: Path) -> None:
    kept, made = adapted(checkpoint), adapted(checkpoint)
    fuse(kept, keep_weights=True)
    fuse(made, keep_weights=False)
    assert loss_and_gradients(kept)[0] == loss_and_gradients(made)[0]
