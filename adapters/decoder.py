"""A Gemma 2 or 3 that speaks on a CPU: its forward pass for one conversation, on bitsandbytes' own 4-bit kernel.

transformers' modules and peft's layers take longer around a token than its arithmetic does. Here one token is some
thirty operations a layer on preallocated memory, the head is in 4 bits too, and what it says of the best few hundred
tokens is computed again with the exact weights.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import gelu, rms_norm

from adapters.base import has_avx512bf16
from adapters.lora import Adapter
from adapters.packed import BLOCK, Linears, fits, kept_head
from adapters.recipe import ALL_LINEAR

CHUNK = 256
"""Tokens of a prompt that are read at once."""
ROOM = 1024
"""Tokens for whose keys and values there is room at first; it is doubled when it is full."""
FEW = 6
"""Tokens that are sooner read one by one than by dequantizing all weights."""
GROUP = 64
"""Tokens of the vocabulary whose best one is looked for first."""
CERTAIN = 256
"""Tokens whose scores are exact: so many and more, of a vocabulary with as many groups."""
Scores = tuple[torch.Tensor, torch.Tensor | None]
"""The scores of all tokens, shape (vocabulary,), and the ids of those that are exact, the best; None where all are."""


def speaks(model: Any) -> bool:
    """Tell whether this CPU has the kernel, and ``model`` the shapes and the mathematics that are computed here."""
    config, head = model.config, model.lm_head.weight
    linears = [module for name, module in model.named_modules() if name.endswith(ALL_LINEAR)]
    return bool(
        head.device.type == "cpu"
        and head.dtype == torch.bfloat16
        and has_avx512bf16()
        and head.shape[0] % GROUP == 0
        and head.shape[1] % BLOCK == 0
        and all(map(fits, linears))
        and config.hidden_activation == "gelu_pytorch_tanh"
        and not getattr(config, "use_bidirectional_attention", False)
        and all(kind in ("default", "linear") for kind in _rope_types(config))
    )


def _rope_types(config: Any) -> set[str]:
    """Return how positions are rotated, in any kind of layer."""
    settings = config.rope_parameters
    every = [settings] if "rope_type" in settings else list(settings.values())
    return {each["rope_type"] for each in every}


@dataclass
class _Layer:
    """One layer's weights, norms with their 1 added, and its keys and values."""

    qkv: Linears
    out: Linears
    gate_up: Linears
    down: Linears
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
    """Shape (key heads, room, head_dim)."""


class Decoder:
    """Reads tokens after those it has read, and says what may come next. It keeps every key and value it has made."""

    def __init__(self, model: Any, context: int, head_file: Path | None = None) -> None:
        """``model`` is a 4-bit model on a CPU of which ``speaks`` is true; its weights are used where they lie.

        The head in 4 bits, seconds of work, is kept in ``head_file``.
        """
        config = model.config
        self._embedding = model.model.embed_tokens
        self._model_type = config.model_type
        self._heads, self._key_heads = config.num_attention_heads, config.num_key_value_heads
        self._head_dim, self._eps = config.head_dim, config.rms_norm_eps
        self._scale = config.query_pre_attn_scalar**-0.5
        # transformers' Gemma 3 has the setting too, and does not use it.
        self._attention_cap = config.attn_logit_softcapping if config.model_type == "gemma2" else None
        self._cap = config.final_logit_softcapping
        self._context, self._room = context, min(ROOM, context)
        self._norm = 1 + model.model.norm.weight.float()
        self._exact: torch.Tensor = model.lm_head.weight.data
        names = {module: name for name, module in model.named_modules()}
        rotations = _rotations(model, context)
        self._layers = [
            self._layer(layer, config.layer_types[number], names, rotations, context)
            for number, layer in enumerate(model.model.layers)
        ]
        self._head = kept_head(self._exact, head_file)

    def _layer(self, layer: Any, kind: str, names: Any, rotations: Any, context: int) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp
        cosines, sines = rotations[kind]

        def linears(*modules: Any) -> Linears:
            return Linears({names[module]: getattr(module, "linear", module) for module in modules})

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
        if self._model_type != "gemma2":
            each = [one_and(attention.q_norm)] * self._heads + [one_and(attention.k_norm)] * self._key_heads
            head_norm = torch.stack(each)
        window = attention.sliding_window if kind == "sliding_attention" else context
        shape = (self._key_heads, self._room, self._head_dim)
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
        every = [linears for layer in self._layers for linears in (layer.qkv, layer.out, layer.gate_up, layer.down)]
        updates = [linears.update(adapter) for linears in every]  # all of them before the first is changed
        for linears, update in zip(every, updates, strict=True):
            linears.down, linears.up = update

    def keep(self, tokens: int) -> int:
        """Return how many of the first ``tokens`` that were read can be built upon: all, as none moves."""
        return tokens

    @torch.inference_mode()
    def read(self, ids: list[int], start: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Read ``ids`` from position ``start`` on, after what was read up to there.

        Returns the scores of all tokens, shape (vocabulary,), and the ids of those whose scores are exact.
        """
        self._make_room(start + len(ids))
        x = torch.empty(0)
        if len(ids) <= FEW:
            for position, token in enumerate(ids, start=start):
                x = self._one(self._embedding(torch.tensor([token]))[0].float(), position)
        else:
            for begin in range(0, len(ids), CHUNK):
                part = torch.tensor(ids[begin : begin + CHUNK])
                x = self._many(self._embedding(part).float(), start + begin)[-1]
        return self._scores(self._normalised(x, self._norm))

    def _make_room(self, tokens: int) -> None:
        """Have room for the keys and values of so many tokens."""
        if tokens <= self._room:
            return
        room = min(self._context, max(tokens, 2 * self._room))
        for layer in self._layers:
            wider = (self._key_heads, room - self._room, self._head_dim)
            layer.keys = torch.cat([layer.keys, torch.empty(wider)], dim=1)
            layer.values = torch.cat([layer.values, torch.empty(wider)], dim=1)
        self._room = room

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
        # The best of each group bound the best of all from below, at a fraction of what sorting all costs.
        bests = scores.view(-1, GROUP).amax(1)
        bound, blocks = bests.topk(min(CERTAIN, len(bests)))
        within = scores.view(-1, GROUP)[blocks].ge_(bound[-1]).nonzero()
        ids = blocks[within[:, 0]] * GROUP + within[:, 1]
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
