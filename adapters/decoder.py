"""A Gemma 2 or 3 that speaks on a CPU: its forward pass for one conversation, on bitsandbytes' own 4-bit kernel.

transformers' modules and peft's layers take longer around a token than its arithmetic does. Here one token is some
thirty operations a layer on preallocated memory, the head is in 4 bits too, and what it says of the best few hundred
tokens is computed again with the exact weights.
"""

import ctypes
import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialized
from torch.nn.functional import gelu, rms_norm

from adapters.base import has_avx512bf16, is_linear4bit
from adapters.files import replace_bytes
from adapters.lora import Adapter

BLOCK = 64
"""Weights that share a scale, in bitsandbytes' NF4."""
CHUNK = 256
"""Tokens of a prompt that are read at once."""
FEW = 6
"""Tokens that are sooner read one by one than by dequantizing all weights."""
CERTAIN = 256
"""Tokens at least whose scores are exact: all that a ``top_k`` of this size less the penalised ones may draw."""


def speaks(model: Any) -> bool:
    """Tell whether this CPU has the kernel, and ``model`` the shapes that it takes."""
    linears = [module for module in model.modules() if is_linear4bit(module)]
    fitting = all(m.out_features % 32 == 0 and m.in_features % BLOCK == 0 and m.bias is None for m in linears)
    head: torch.Tensor = model.lm_head.weight
    return bool(
        head.device.type == "cpu"
        and head.dtype == torch.bfloat16
        and has_avx512bf16()
        and fitting
        and all(m.weight.quant_state.blocksize == BLOCK and m.weight.quant_state.quant_type == "nf4" for m in linears)
        and head.shape[0] % 128 == 0
        and head.shape[1] % BLOCK == 0
    )


class _Product:
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


class _Linears:
    """4-bit layers that read the same input, as one, with the active adapter's update."""

    def __init__(self, layers: dict[str, Any]) -> None:
        """``layers`` are bitsandbytes' modules by name, which stay as they are."""
        self._layers = layers
        modules = list(layers.values())
        self.sizes = [module.out_features for module in modules]
        codes = torch.cat([module.weight.data.reshape(-1) for module in modules])
        scales = torch.cat([_scales(module.weight.quant_state) for module in modules])
        outputs, inputs = sum(self.sizes), modules[0].in_features
        self._product = _Product(_packed(codes, outputs, inputs), _blockwise(scales, outputs, inputs))
        self._down: torch.Tensor | None = None
        """The updates' A matrices one below the other, shape (ranks, inputs), float32."""
        self._up: list[tuple[slice, slice, torch.Tensor]] = []
        """Of each layer with an update: its outputs, its rows of A, and B, shape (outputs, rank)."""

    def wear(self, adapter: Adapter | None) -> None:
        """Take on what ``adapter`` has for these layers."""
        pairs = {} if adapter is None else adapter.layers
        downs, ups, start, rank = [], [], 0, 0
        for name, size in zip(self._layers, self.sizes, strict=True):
            if name in pairs:
                a, b = pairs[name]
                downs.append(a.float())
                ups.append((slice(start, start + size), slice(rank, rank + len(a)), b.float().contiguous()))
                rank += len(a)
            start += size
        self._down, self._up = torch.cat(downs) if downs else None, ups

    def one(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (outputs,), for x of shape (inputs,)."""
        y = self._product(x).float()
        if self._down is not None:
            middle = torch.mv(self._down, x)
            for outputs, ranks, up in self._up:
                y[outputs].addmv_(up, middle[ranks])
        return y

    def many(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (n, outputs), for x of shape (n, inputs), by dequantized weights."""
        from bitsandbytes.functional import dequantize_4bit

        low = x.bfloat16()
        y = torch.cat(
            [low @ dequantize_4bit(m.weight.data, m.weight.quant_state).T for m in self._layers.values()], dim=1
        ).float()
        if self._down is not None:
            middle = x @ self._down.T
            for outputs, ranks, up in self._up:
                y[:, outputs] += middle[:, ranks] @ up.T
        return y


@dataclass
class _Layer:
    """One layer's weights, norms with their 1 added, and its keys and values."""

    qkv: _Linears
    out: _Linears
    gate_up: _Linears
    down: _Linears
    norms: list[torch.Tensor]
    """Before and after attention, before and after the MLP; shape (d,)."""
    head_norm: torch.Tensor | None
    """Of queries and keys, shape (query heads + key heads, head_dim)."""
    window: int
    """How many tokens back attention sees, itself included."""
    cosines: torch.Tensor
    sines: torch.Tensor
    """Of the rotation at each position, shape (context, head_dim); the first half of the sines is negated."""
    keys: torch.Tensor
    values: torch.Tensor
    """Shape (key heads, context, head_dim)."""


class Decoder:
    """Reads tokens after those it has read, and says what may come next. It keeps every key and value it has made."""

    def __init__(self, model: Any, context: int, head_file: Path | None = None) -> None:
        """``model`` is a 4-bit model on a CPU of which ``speaks`` is true; its weights are used where they lie.

        The head in 4 bits, seconds of work, is kept in ``head_file``.
        """
        config = model.config
        self._embedding = model.model.embed_tokens
        self._heads, self._key_heads = config.num_attention_heads, config.num_key_value_heads
        self._head_dim, self._eps = config.head_dim, config.rms_norm_eps
        self._scale = config.query_pre_attn_scalar**-0.5
        self._attention_cap = getattr(config, "attn_logit_softcapping", None)
        self._cap = getattr(config, "final_logit_softcapping", None)
        self._norm = 1 + model.model.norm.weight.float()
        self._exact: torch.Tensor = model.lm_head.weight.data
        names = {module: name for name, module in model.named_modules()}
        rotations = _rotations(model, context)
        self._layers = [
            self._layer(layer, config.layer_types[number], names, rotations, context)
            for number, layer in enumerate(model.model.layers)
        ]
        self._head = _kept_head(self._exact, head_file)

    def _layer(self, layer: Any, kind: str, names: Any, rotations: Any, context: int) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        cosines, sines = rotations[kind]

        def linears(*modules: Any) -> _Linears:
            return _Linears({names[module]: getattr(module, "linear", module) for module in modules})

        def one_and(module: Any) -> torch.Tensor:
            weight: torch.Tensor = module.weight.detach().float()
            return 1 + weight

        norms = (
            layer.input_layernorm,
            layer.post_attention_layernorm,
            layer.pre_feedforward_layernorm,
            layer.post_feedforward_layernorm,
        )
        head_norm = None
        if hasattr(attention, "q_norm"):
            each = [one_and(attention.q_norm)] * self._heads + [one_and(attention.k_norm)] * self._key_heads
            head_norm = torch.stack(each)
        window = attention.sliding_window if kind == "sliding_attention" else context
        shape = (self._key_heads, context, self._head_dim)
        return _Layer(
            qkv=linears(attention.q_proj, attention.k_proj, attention.v_proj),
            out=linears(attention.o_proj),
            gate_up=linears(mlp.gate_proj, mlp.up_proj),
            down=linears(mlp.down_proj),
            norms=[one_and(norm) for norm in norms],
            head_norm=head_norm,
            window=min(window, context),
            cosines=cosines,
            sines=sines,
            keys=torch.empty(shape),
            values=torch.empty(shape),
        )

    def wear(self, adapter: Adapter | None) -> None:
        """Speak with ``adapter`` from now on; what was read before is not to be built upon."""
        for layer in self._layers:
            for linears in (layer.qkv, layer.out, layer.gate_up, layer.down):
                linears.wear(adapter)

    def keep(self, tokens: int) -> int:
        """Return how many of the first ``tokens`` that were read can be built upon: all, as none moves."""
        return tokens

    @torch.inference_mode()
    def read(self, ids: list[int], start: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Read ``ids`` from position ``start`` on, after what was read up to there.

        Returns the scores of all tokens, shape (vocabulary,), and the ids of those whose scores are exact.
        """
        x = torch.empty(0)
        if len(ids) <= FEW:
            for position, token in enumerate(ids, start=start):
                x = self._one(self._embedding(torch.tensor([token]))[0].float(), position)
        else:
            for begin in range(0, len(ids), CHUNK):
                part = torch.tensor(ids[begin : begin + CHUNK])
                x = self._many(self._embedding(part).float(), start + begin)[-1]
        return self._scores(self._normalised(x, self._norm))

    def _one(self, x: torch.Tensor, position: int) -> torch.Tensor:
        """Return the last hidden state of the token at ``position``, shape (d,), from its embedding."""
        heads, head_dim = self._heads, self._head_dim
        for layer in self._layers:
            before, after, before_mlp, after_mlp = layer.norms
            y = layer.qkv.one(self._normalised(x, before)).view(-1, head_dim)
            turned = y[: heads + self._key_heads]
            if layer.head_norm is not None:
                turned = rms_norm(turned, (head_dim,), None, self._eps).mul_(layer.head_norm)
            turned = _turned(turned, layer.cosines[position], layer.sines[position])
            layer.keys[:, position] = turned[heads:]
            layer.values[:, position] = y[heads + self._key_heads :]
            seen = slice(max(0, position + 1 - layer.window), position + 1)
            queries = turned[:heads].view(self._key_heads, -1, head_dim)
            scores = self._capped(torch.bmm(queries, layer.keys[:, seen].transpose(1, 2)).mul_(self._scale))
            mixed = torch.bmm(scores.softmax(-1), layer.values[:, seen]).view(-1)
            x = x + self._normalised(layer.out.one(mixed), after)
            gate, up = torch.split(layer.gate_up.one(self._normalised(x, before_mlp)), layer.gate_up.sizes)
            x = x + self._normalised(layer.down.one(gelu(gate, approximate="tanh").mul_(up)), after_mlp)
        return x

    def _many(self, x: torch.Tensor, start: int) -> torch.Tensor:
        """Return the last hidden states of the tokens from ``start`` on, shape (n, d), from their embeddings."""
        heads, key_heads, head_dim = self._heads, self._key_heads, self._head_dim
        end = start + len(x)
        places = torch.arange(start, end)
        for layer in self._layers:
            before, after, before_mlp, after_mlp = layer.norms
            y = layer.qkv.many(self._rows(x, before)).view(len(x), -1, head_dim).transpose(0, 1)
            turned = y[: heads + key_heads]
            if layer.head_norm is not None:
                turned = rms_norm(turned, (head_dim,), None, self._eps) * layer.head_norm[:, None]
            turned = _turned(turned, layer.cosines[start:end], layer.sines[start:end])
            layer.keys[:, start:end] = turned[heads:]
            layer.values[:, start:end] = y[heads + key_heads :]
            first = max(0, start + 1 - layer.window)
            behind = places[:, None] - torch.arange(first, end)
            unseen = (behind < 0) | (behind >= layer.window)
            queries = turned[:heads].reshape(key_heads, -1, head_dim)
            scores = self._capped(torch.bmm(queries, layer.keys[:, first:end].transpose(1, 2)).mul_(self._scale))
            scores = scores.view(heads, len(x), -1).masked_fill_(unseen, -math.inf).softmax(-1)
            mixed = torch.bmm(scores.view(key_heads, -1, end - first), layer.values[:, first:end])
            mixed = mixed.view(heads, len(x), head_dim).transpose(0, 1).reshape(len(x), -1)
            x = x + self._rows(layer.out.many(mixed), after)
            gate, up = torch.split(layer.gate_up.many(self._rows(x, before_mlp)), layer.gate_up.sizes, dim=1)
            x = x + self._rows(layer.down.many(gelu(gate, approximate="tanh") * up), after_mlp)
        return x

    def _scores(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the scores of all tokens and the ids of those whose scores are exact."""
        scores = self._head(x).float()
        # The best of each 128 bound the best of all from below, at a fraction of what sorting all costs.
        bests = scores.view(-1, 128).amax(1)
        bound, blocks = bests.topk(min(CERTAIN, len(bests)))
        within = scores.view(-1, 128)[blocks].ge_(bound[-1]).nonzero()
        ids = blocks[within[:, 0]] * 128 + within[:, 1]
        scores[ids] = self._exact[ids].float() @ x
        if self._cap is not None:
            scores = scores.div_(self._cap).tanh_().mul_(self._cap)
        return scores, ids

    def _capped(self, scores: torch.Tensor) -> torch.Tensor:
        if self._attention_cap is None:
            return scores
        return scores.div_(self._attention_cap).tanh_().mul_(self._attention_cap)

    def _normalised(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return one row normalised; for one, arithmetic in Python is faster than torch's function."""
        scale = 1 / math.sqrt(torch.dot(x, x).item() / len(x) + self._eps)
        return torch.mul(x, weight).mul_(scale)

    def _rows(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, weight.shape, weight, self._eps)


def _turned(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Return x, shape (heads, ..., head_dim), rotated (RoPE, arXiv 2104.09864)."""
    return (x * cosines).addcmul_(x.roll(x.shape[-1] // 2, -1), sines)


def _rotations(model: Any, context: int) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return, for each kind of layer, cosines and sines, shape (context, head_dim), half of the sines negated."""
    positions, like = torch.arange(context)[None], torch.empty(0)
    found = {}
    for kind in set(model.config.layer_types):
        kinds = (kind,) if model.config.model_type != "gemma2" else ()
        cosines, sines = (table[0].clone() for table in model.model.rotary_emb(like, positions, *kinds))
        sines[:, : sines.shape[1] // 2] *= -1
        found[kind] = cosines, sines
    return found


def _scales(state: Any) -> torch.Tensor:
    """Return each block's scale, float32."""
    from bitsandbytes.functional import dequantize_blockwise

    scales: torch.Tensor = state.absmax
    if state.nested:
        scales = dequantize_blockwise(scales, state.state2) + state.offset
    return scales.float().reshape(-1)


def _kept_head(weights: torch.Tensor, file: Path | None) -> _Product:
    """Return the product with ``weights`` in NF4, from ``file`` where it is there and whole."""
    if file is not None and file.is_file():
        try:
            kept = load_file(file)
            if kept["weights"].shape == (len(weights), weights.shape[1] // 2):
                return _Product(kept["weights"], kept["scales"])
        except (OSError, KeyError, SafetensorError):
            pass  # it is only a cache
    made = _quantized(weights)
    if file is not None:
        with suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_bytes(file, serialized(made))
    return _Product(**made)


def _quantized(weights: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return ``weights``, shape (outputs, inputs), in NF4 as ``_Product`` takes them."""
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
