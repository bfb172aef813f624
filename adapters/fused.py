"""Frozen 4-bit linear layers with their low-rank updates, and normalisations, in few operations. For training only.

peft's own layer keeps a float32 copy of each input and walks a tree of small modules; here one bfloat16 input is kept,
and, where memory allows, the dequantized weight, which an epoch would otherwise make anew for each pass (the idea of
Unsloth's manual backward for LoRA).
"""

from collections.abc import Callable
from typing import Any

import torch

from adapters.base import compute_dtype, device, is_linear4bit

Weight = Callable[[], torch.Tensor]
"""Returns a dequantized weight, shape (outputs, inputs)."""


class _AdaptedLinear(torch.autograd.Function):
    """``y = W x + B A x``, of which only A and B, and x itself, get a gradient."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, down: torch.Tensor, up: torch.Tensor, weight: Weight) -> torch.Tensor:
        """Return y of shape (..., outputs); x (..., inputs), down (rank, inputs), up (outputs, rank)."""
        flat = x.reshape(-1, x.shape[-1])
        middle = flat @ down.T
        y = torch.addmm(flat @ weight().T, middle, up.T)
        ctx.save_for_backward(flat, middle, down, up)
        ctx.weight, ctx.shape = weight, x.shape
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, torch.Tensor, torch.Tensor, None]:
        """Return the gradients of x, down and up."""
        flat, middle, down, up = ctx.saved_tensors
        outer = outer.reshape(len(flat), -1)
        of_middle = outer @ up
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.addmm(outer @ ctx.weight(), of_middle, down).view(ctx.shape)
        return of_x, of_middle.T @ flat, outer.T @ middle, None


class _Cast(torch.autograd.Function):
    """All updates at once in the dtype that is computed in, B scaled: on a GPU a few kernels and not thousands."""

    @staticmethod
    def forward(ctx: Any, dtype: torch.dtype, scales: list[float], *matrices: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the matrices, each times its scale."""
        ctx.scales = scales
        cast = [torch.empty_like(matrix, dtype=dtype) for matrix in matrices]
        torch._foreach_copy_(cast, torch._foreach_mul(matrices, scales))
        return tuple(cast)

    @staticmethod
    def backward(ctx: Any, *outer: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Return the gradients in float32."""
        found = [torch.empty_like(gradient, dtype=torch.float32) for gradient in outer]
        torch._foreach_copy_(found, outer)
        torch._foreach_mul_(found, ctx.scales)
        return None, None, *found


def fuse(model: Any, *, keep_weights: bool) -> Callable[[], None]:
    """Make every adapted linear layer of a peft ``model`` run in one function; its parameters stay peft's.

    ``keep_weights`` keeps the dequantized weights in memory: two bytes for each of the base's linear weights. Returns
    what undoes it.
    """
    changed: list[Any] = []
    updates: list[tuple[torch.Tensor, ...]] = []
    matrices: list[torch.Tensor] = []
    scales: list[float] = []
    for module in model.modules():
        linear = getattr(module, "base_layer", module)
        if linear is not module and is_linear4bit(linear):
            weight = _kept(linear) if keep_weights else _weight(linear)
            module.forward = _forward(weight, updates, len(matrices))
            matrices += [module.lora_A["default"].weight, module.lora_B["default"].weight]
            scales += [1.0, float(module.scaling["default"])]
        elif type(module).__name__.endswith("RMSNorm"):
            module.forward = _normalisation(module)
        else:
            continue
        changed.append(module)
    dtype = compute_dtype(device())

    def cast(*_call: Any) -> None:
        updates.clear()  # first: what autograd keeps of a parameter belongs to the stream of the pass that made it
        updates[:] = [_Cast.apply(dtype, scales, *matrices)]  # type: ignore[no-untyped-call]

    hook = model.get_base_model().model.register_forward_pre_hook(cast)

    def undo() -> None:
        hook.remove()
        updates.clear()
        for module in changed:
            del module.forward

    return undo


def dequantized_bytes(model: Any) -> int:
    """Return the size of the dequantized weights that ``fuse`` may keep."""
    linears = [module for module in model.modules() if is_linear4bit(module)]
    return sum(2 * linear.in_features * linear.out_features for linear in linears)


def _forward(weight: Weight, updates: list[tuple[torch.Tensor, ...]], number: int) -> Callable[..., torch.Tensor]:
    """Return a layer's forward, whose update is the ``number``-th of those made when the pass began."""

    def forward(x: torch.Tensor) -> torch.Tensor:
        down, up = updates[0][number : number + 2]
        y: torch.Tensor = _AdaptedLinear.apply(x, down, up, weight)  # type: ignore[no-untyped-call]
        return y

    return forward


def _normalisation(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return Gemma's normalisation, in float32 as in transformers, by torch's own function."""
    weight = 1.0 + module.weight.detach().float()

    def forward(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.rms_norm(x.float(), weight.shape, weight, module.eps).type_as(x)

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
