"""Products with 4-bit weights on a CPU, by the kernels that bitsandbytes has for it. The model is decoder's concern.

Its library is called directly: importing the package takes 2 s and 100 MB, and nothing of it is needed here.
"""

import ctypes
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import torch

from adapters.linears import Linears
from adapters.weights import BLOCK, GROUPS, Weights

FACTORS = 64
"""How many are tried of each output; twice a factor is as good as the factor."""


@cache
def library() -> Any | None:
    """Return bitsandbytes' library for CPUs; None where it is not there or its kernel does not run on this CPU."""
    package = find_spec("bitsandbytes")
    for directory in package.submodule_search_locations or () if package else ():
        for file in Path(directory).glob("libbitsandbytes_cpu.*"):
            with suppress(OSError, AttributeError):  # another version of it, or what it needs is missing
                return _opened(file)
    return None


def _opened(file: Path) -> Any | None:
    found = ctypes.CDLL(str(file))
    found.has_avx512bf16_cpu.restype = ctypes.c_bool
    product = found.gemv_4bit_inference_cpu_nf4_bf16
    product.argtypes = [ctypes.c_int64] * 3 + [ctypes.c_void_p] * 4 + [ctypes.c_int64] * 3
    product.restype = None
    for dequantize in (found.cdequantize_blockwise_cpu_nf4_bf16, found.cdequantize_blockwise_cpu_nf4_fp32):
        dequantize.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_longlong] * 3
        dequantize.restype = None
    return found if found.has_avx512bf16_cpu() else None


@torch.inference_mode()
def as_expected() -> bool:
    """Tell whether the kernel computes what is expected of it: its order of codes is nobody's promise."""
    from bitsandbytes.functional import dequantize_4bit, quantize_4bit

    weights, x = torch.randn(64, 128).bfloat16(), torch.randn(128)
    codes, state = quantize_4bit(weights, blocksize=BLOCK, quant_type="nf4")
    exact = dequantize_4bit(codes, state).float() @ x
    packed, scales = _packed(codes, *weights.shape), state.absmax.float()
    products = (
        Product(packed, _blockwise(scales, *weights.shape)),
        FinerProduct(packed, *_fitted(codes, scales, *weights.shape)),
    )
    return all((product(x) - exact).norm() < 0.02 * exact.norm() for product in products)


class Product:
    """``y = W x`` for one x, where W of shape (outputs, inputs) is in NF4, packed as the kernel takes it."""

    def __init__(self, weights: torch.Tensor, scales: torch.Tensor, rows: int = 1) -> None:
        """``weights`` are what ``_packed`` gives, ``scales`` what ``_blockwise`` does; the kernel is given ``rows``."""
        outputs, inputs = len(weights), 2 * weights.shape[1]
        found = library()
        assert found is not None
        self._kernel = found.gemv_4bit_inference_cpu_nf4_bf16
        self._weights, self._scales = weights, scales
        self._x = torch.empty(rows, inputs, dtype=torch.bfloat16)
        self._y = torch.empty(rows, outputs, dtype=torch.bfloat16)
        addresses = [t.data_ptr() for t in (self._x, self._weights, self._scales, self._y)]
        self._call = (rows, outputs, inputs, *addresses, BLOCK, inputs, outputs)

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return y, float32, of x, shape (inputs,)."""
        self._x.copy_(x)
        self._kernel(*self._call)
        return self._y[0].float()


class FinerProduct(Product):
    """The same, nearer to the exact one: the kernel computes in bfloat16.

    It is given two unequal shares of x, whose roundings, of x and of y, half cancel in the sum: it spends its time on
    unpacking W, so that two rows take a quarter longer than one. Each output has a factor of its own beside the scales
    of its blocks, chosen so that these lose the least by being rounded.
    """

    SHARES: ClassVar[torch.Tensor] = torch.tensor([[0.6], [0.4]])

    def __init__(self, weights: torch.Tensor, scales: torch.Tensor, factors: torch.Tensor) -> None:
        """``weights`` are what ``_packed`` gives, ``scales`` and ``factors`` what ``_fitted`` does."""
        super().__init__(weights, scales, rows=2)
        self._factors = factors
        self._shares = torch.empty(self._x.shape)
        self._sums = torch.empty(self._y.shape)
        self._first, self._second = self._sums

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return y, float32, of x, shape (inputs,)."""
        self._x.copy_(torch.mul(x, self.SHARES, out=self._shares))
        self._kernel(*self._call)
        self._sums.copy_(self._y)
        return torch.add(self._first, self._second).mul_(self._factors)


class PackedLinears(Linears):
    """Layers on a CPU; their weights lie twice, packed for one row and row by row for many."""

    def __init__(
        self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor], *, rounded: bool
    ) -> None:
        """``tensors`` are a group's of ``with_packed``; ``rounded``: faster for many rows, in bfloat16."""
        super().__init__(names, sizes, inputs)
        self._codes, self._scales = tensors["codes"], tensors["scales"]
        self._packed = FinerProduct(tensors["packed"], tensors["blockwise"], tensors["factors"])
        self._dtype = torch.bfloat16 if rounded else torch.float32

    def _product(self, x: torch.Tensor) -> torch.Tensor:
        return self._packed(x)

    def _products(self, x: torch.Tensor) -> torch.Tensor:
        found = library()
        assert found is not None
        weights = torch.empty(self._outputs, self._inputs, dtype=self._dtype)
        addresses = [t.data_ptr() for t in (self._codes, self._scales, weights)]
        if self._dtype == torch.bfloat16:
            found.cdequantize_blockwise_cpu_nf4_bf16(*addresses, BLOCK, self._outputs, self._inputs)
            return (x.bfloat16() @ weights.T).float()
        found.cdequantize_blockwise_cpu_nf4_fp32(*addresses, BLOCK, self._outputs, self._inputs)
        # oneDNN's product of float32, which is faster than the one that ``@`` would take here
        return torch.ops.mkldnn._linear_pointwise(x, weights, None, "none", [], "")  # type: ignore[no-any-return]


def with_packed(weights: Weights) -> Weights:
    """Return ``weights`` with ``packed`` and ``blockwise`` of each group and of the head, which is quantized to NF4.

    Each group has ``factors`` too.
    """
    from bitsandbytes.functional import quantize_4bit

    shape, tensors = weights.shape, dict(weights.tensors)
    for number in range(len(shape.kinds)):
        for group, parts in GROUPS.items():
            outputs, inputs = sum(shape.linear(part)[0] for part in parts), shape.linear(parts[0])[1]
            name = f"{number}.{group}"
            codes = tensors[f"{name}.codes"]
            tensors[f"{name}.packed"] = _packed(codes, outputs, inputs)
            fitted = _fitted(codes, tensors[f"{name}.scales"], outputs, inputs)
            tensors[f"{name}.blockwise"], tensors[f"{name}.factors"] = fitted
    assert isinstance(weights.head, torch.Tensor)
    packed, scales = [], []
    for rows in torch.split(weights.head, 8192):  # the quantization takes many times the memory of what it is given
        codes, state = quantize_4bit(rows, blocksize=BLOCK, quant_type="nf4")
        packed.append(_packed(codes, *rows.shape))
        scales.append(_blockwise(state.absmax.float(), *rows.shape))
    tensors |= {"head.packed": torch.cat(packed), "head.blockwise": torch.cat(scales, dim=1)}
    return Weights(shape, tensors)


def _blockwise(scales: torch.Tensor, outputs: int, inputs: int) -> torch.Tensor:
    """Return each block's scale in the kernel's order, shape (inputs / BLOCK, outputs)."""
    return scales.reshape(outputs, inputs // BLOCK).T.to(torch.bfloat16).contiguous()


def _fitted(codes: torch.Tensor, scales: torch.Tensor, outputs: int, inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return scales as ``_blockwise`` does, and a factor from 1 to 2 for each output, shape (outputs,).

    The kernel rounds the scales, and the values that codes stand for. Of each block the scale that makes up best for
    the latter is taken; of the factors by which all scales of an output may be divided, that which costs them the
    least by rounding.
    """
    from bitsandbytes.functional import get_4bit_type

    values = get_4bit_type("nf4", device="cpu")
    rounded = values.bfloat16().float()
    targets, weights = [], []
    for some, theirs in zip(
        torch.split(codes.view(outputs, -1), 1024), torch.split(scales.view(outputs, -1), 1024), strict=True
    ):
        each = torch.stack([some >> 4, some & 0x0F], dim=-1).view(len(some), -1, BLOCK).long()
        squares = rounded.square()[each].sum(-1).clamp_min(1)  # 0 in a block of nothing but zeros
        targets.append(theirs * (values * rounded)[each].sum(-1) / squares)
        weights.append(squares)
    target, weight = torch.cat(targets), torch.cat(weights)
    factors, least = torch.ones(outputs), torch.full((outputs,), torch.inf)
    for factor in torch.linspace(1, 2, FACTORS + 1)[:-1]:
        errors = weight * ((target / factor).bfloat16().float() * factor - target).square()
        factors = torch.where(errors.sum(1) < least, factor, factors)
        least = torch.minimum(errors.sum(1), least)
    return _blockwise(target / factors[:, None], outputs, inputs), factors


def _packed(codes: torch.Tensor, outputs: int, inputs: int) -> torch.Tensor:
    """Return 4-bit codes, two a byte and the first in its upper half, in the kernel's order.

    Of 32 outputs and two inputs, the first 16 outputs' codes are the lower halves of 32 bytes, the others' the upper.
    """
    lower, upper = codes.view(outputs // 32, 2, 16, inputs // 2).transpose(2, 3).unbind(1)
    packed = torch.empty(outputs // 32, inputs // 2, 16, 2, dtype=torch.uint8)
    packed[..., 0] = (upper & 0xF0) | (lower >> 4)
    packed[..., 1] = ((upper & 0x0F) << 4) | (lower & 0x0F)
    return packed.view(outputs, inputs // 2)
