"""A frozen 4-bit linear layer with its low-rank update, forward and backward in one function. For training only.

peft's own layer keeps a float32 copy of each input and walks a tree of small modules; here one bfloat16 input is kept,
and, where memory allows, the dequantized weight, which an epoch would otherwise make anew for each pass (the idea of
Unsloth's manual backward for LoRA).
"""

from collections.abc import Callable
from typing import Any

import torch

from adapters.base import is_linear4bit

Weight = Callable[[], torch.Tensor]
"""Returns a dequantized weight, shape (outputs, inputs)."""


class _AdaptedLinear(torch.autograd.Function):
    """``y = W x + scale B A x``, of which only A and B, and x itself, get a gradient."""

    @staticmethod
    def forward(  # noqa: PLR0917
        ctx: Any, x: torch.Tensor, a: torch.Tensor, b: torch.Tensor, weight: Weight, scale: float
    ) -> torch.Tensor:
        """Return y of shape (..., outputs); x (..., inputs), a (rank, inputs), b (outputs, rank)."""
        flat = x.reshape(-1, x.shape[-1])
        down, up = a.to(x.dtype), (b * scale).to(x.dtype)
        middle = flat @ down.T
        y = torch.addmm(flat @ weight().T, middle, up.T)
        ctx.save_for_backward(flat, middle, down, up)
        ctx.weight, ctx.scale, ctx.shape = weight, scale, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor, None, None]:
        """Return the gradients of x, a and b."""
        flat, middle, down, up = ctx.saved_tensors
        outer = outer.reshape(len(flat), -1)
        of_middle = outer @ up
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.addmm(outer @ ctx.weight(), of_middle, down).view(ctx.shape)
        return of_x, (of_middle.T @ flat).float(), (outer.T @ middle).float() * ctx.scale, None, None


def fuse(model: Any, *, keep_weights: bool) -> None:
    """Make every adapted linear layer of a peft ``model`` run in one function; its parameters stay peft's.

    ``keep_weights`` keeps the dequantized weights in memory: two bytes for each of the base's linear weights.
    """
    for module in model.modules():
        linear = getattr(module, "base_layer", module)
        if linear is not module and is_linear4bit(linear):
            module.forward = _forward(module, _kept(linear) if keep_weights else _weight(linear))


def dequantized_bytes(model: Any) -> int:
    """Return the size of the dequantized weights that ``fuse`` may keep."""
    linears = [module for module in model.modules() if is_linear4bit(module)]
    return sum(2 * linear.in_features * linear.out_features for linear in linears)


def _forward(module: Any, weight: Weight) -> Callable[..., torch.Tensor]:
    a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
    scale = float(module.scaling["default"])

    def forward(x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = _AdaptedLinear.apply(x, a, b, weight, scale)  # type: ignore[no-untyped-call]
        return y

    return forward


def _weight(linear: Any) -> Weight:
    from bitsandbytes.functional import dequantize_4bit

    return lambda: dequantize_4bit(linear.weight.data, linear.weight.quant_state)


def _kept(linear: Any) -> Weight:
    made = _weight(linear)
    kept: list[torch.Tensor] = []

    def weight() -> torch.Tensor:
        if not kept:
            kept.append(made())
        return kept[0]

    return weight
