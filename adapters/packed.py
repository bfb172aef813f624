"""Products with 4-bit weights on a CPU, by the kernel that bitsandbytes has for it. The model is decoder's concern."""

import ctypes
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialized

from adapters.base import is_linear4bit
from adapters.files import replace_bytes
from adapters.lora import Adapter

BLOCK = 64
"""Weights that share a scale, in bitsandbytes' NF4."""
HEAD = f"head-nf4-{BLOCK}"
"""What the file of a head in this format is called at the beginning."""


def fits(linear: Any) -> bool:
    """Tell whether the kernel takes a layer, wrapped or not."""
    linear = getattr(linear, "linear", linear)
    if not is_linear4bit(linear) or linear.weight.dtype != torch.uint8 or linear.bias is not None:
        return False
    state = linear.weight.quant_state
    shaped = linear.out_features % 32 == 0 and linear.in_features % BLOCK == 0
    return bool(shaped and state.blocksize == BLOCK and state.quant_type == "nf4")


class Product:
    """``y = W x`` for one x, where W of shape (outputs, inputs) is in NF4, packed as the kernel takes it."""

    def __init__(self, weights: torch.Tensor, scales: torch.Tensor) -> None:
        """``weights`` are what ``_packed`` gives, ``scales`` what ``_blockwise`` does."""
        outputs, inputs = len(weights), 2 * weights.shape[1]
        self._kernel = _kernel()
        self._weights, self._scales = weights, scales
        self._x = torch.empty(inputs, dtype=torch.bfloat16)
        self._y = torch.empty(outputs, dtype=torch.bfloat16)
        addresses = [t.data_ptr() for t in (self._x, self._weights, self._scales, self._y)]
        self._call = (1, outputs, inputs, *addresses, BLOCK, inputs, outputs)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return y in bfloat16, valid until the next call, of x, shape (inputs,)."""
        self._x.copy_(x)
        self._kernel(*self._call)
        return self._y


Ups = list[tuple[slice, slice, torch.Tensor]]
"""Of each layer with an update: its outputs, its rows of A, and B, shape (outputs, rank)."""


class Linears:
    """4-bit layers that read the same input, as one, with the active adapter's update."""

    def __init__(self, layers: dict[str, Any]) -> None:
        """``layers`` are bitsandbytes' modules by name, which stay as they are."""
        self._layers = layers
        modules = list(layers.values())
        self.sizes = [module.out_features for module in modules]
        codes = torch.cat([module.weight.data.reshape(-1) for module in modules])
        scales = torch.cat([_scales(module.weight.quant_state) for module in modules])
        outputs, inputs = sum(self.sizes), modules[0].in_features
        self._product = Product(_packed(codes, outputs, inputs), _blockwise(scales, outputs, inputs))
        self.down: torch.Tensor | None = None
        """The updates' A matrices one below the other, shape (ranks, inputs), float32; None without an update."""
        self.up: Ups = []

    def update(self, adapter: Adapter | None) -> tuple[torch.Tensor | None, Ups]:
        """Return what ``down`` and ``up`` are with ``adapter``."""
        pairs = {} if adapter is None else adapter.layers
        downs, ups, start, rank = [], [], 0, 0
        for name, size in zip(self._layers, self.sizes, strict=True):
            if name in pairs:
                a, b = pairs[name]
                downs.append(a.float())
                ups.append((slice(start, start + size), slice(rank, rank + len(a)), b.float().contiguous()))
                rank += len(a)
            start += size
        return torch.cat(downs) if downs else None, ups

    def one(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (outputs,), for x of shape (inputs,)."""
        y = self._product(x).float()
        if self.down is not None:
            middle = torch.mv(self.down, x)
            for outputs, ranks, up in self.up:
                y[outputs].addmv_(up, middle[ranks])
        return y

    def many(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (n, outputs), for x of shape (n, inputs), by dequantized weights."""
        from bitsandbytes.functional import dequantize_4bit

        low = x.bfloat16()
        y = torch.cat(
            [low @ dequantize_4bit(m.weight.data, m.weight.quant_state).to(low.dtype).T for m in self._layers.values()],
            dim=1,
        ).float()
        if self.down is not None:
            middle = x @ self.down.T
            for outputs, ranks, up in self.up:
                y[:, outputs] += middle[:, ranks] @ up.T
        return y


def kept_head(weights: torch.Tensor, file: Path | None) -> Product:
    """Return the product with ``weights`` in NF4, from ``file`` where it is there and whole."""
    if file is not None and file.is_file():
        outputs, inputs = weights.shape
        wanted = {
            "weights": ((outputs, inputs // 2), torch.uint8),
            "scales": ((inputs // BLOCK, outputs), torch.bfloat16),
        }
        with suppress(OSError, SafetensorError):  # it is only a cache
            kept = load_file(file)
            if {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in kept.items()} == wanted:
                return Product(**kept)
    made = _quantized(weights)
    if file is not None:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_bytes(file, serialized(made))
    return Product(**made)


def _quantized(weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return ``weights``, shape (outputs, inputs), in NF4 as ``Product`` takes them."""
    from bitsandbytes.functional import quantize_4bit

    packed, scales = [], []
    for rows in torch.split(weights, 8192):  # the quantization takes many times the memory of what it is given
        codes, state = quantize_4bit(rows, blocksize=BLOCK, quant_type="nf4")
        packed.append(_packed(codes, *rows.shape))
        scales.append(_blockwise(state.absmax.float(), *rows.shape))
    return {"weights": torch.cat(packed), "scales": torch.cat(scales, dim=1)}


def _blockwise(scales: torch.Tensor, outputs: int, inputs: int) -> torch.Tensor:
    """Return each block's scale in the kernel's order, shape (inputs / BLOCK, outputs)."""
    return scales.reshape(outputs, inputs // BLOCK).T.to(torch.bfloat16).contiguous()


def _packed(codes: torch.Tensor, outputs: int, inputs: int) -> torch.Tensor:
    """Return 4-bit codes, two a byte and the first in its upper half, in the kernel's order.

    Of 32 outputs and two inputs, the first 16 outputs' codes are the lower halves of 32 bytes, the others' the upper.
    """
    lower, upper = codes.view(outputs // 32, 2, 16, inputs // 2).transpose(2, 3).unbind(1)
    packed = torch.empty(outputs // 32, inputs // 2, 16, 2, dtype=torch.uint8)
    packed[..., 0] = (upper & 0xF0) | (lower >> 4)
    packed[..., 1] = ((upper & 0x0F) << 4) | (lower & 0x0F)
    return packed.view(outputs, inputs // 2)


def _kernel() -> Any:
    """Return bitsandbytes' product of bfloat16 rows with packed NF4 weights."""
    from bitsandbytes.cextension import lib

    kernel = lib.gemv_4bit_inference_cpu_nf4_bf16
    kernel.argtypes = [ctypes.c_int64] * 3 + [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 3
    kernel.restype = None
    return kernel


def _scales(state: Any) -> torch.Tensor:
    """Return each block's scale, float32."""
    from bitsandbytes.functional import dequantize_blockwise

    scales: torch.Tensor = state.absmax
    if state.nested:
        scales = dequantize_blockwise(scales, state.state2) + state.offset
    return scales.float().reshape(-1)
