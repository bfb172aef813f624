"""A Gemma 2 or 3 that speaks: its forward pass for one conversation. What a device does best is in its own module.

transformers' modules and peft's layers take longer around a token than its arithmetic does. Here one token is some
thirty operations a layer on preallocated memory, and everything beside the 4-bit weights is in float32.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch.nn.functional import gelu, rms_norm

from adapters.linears import Linears
from adapters.lora import Adapter
from adapters.sampling import Scores
from adapters.weights import GROUPS, Weights

ROOM = 1024
"""Tokens for whose keys and values there is room at first; it is doubled when it is full."""
VOCABULARY = 8192
"""Tokens of the vocabulary whose scores exist at one time where losses are computed."""
Memory = list[torch.Tensor]
"""Keys and values of a conversation, as ``Layer.kept``, of each layer."""


@dataclass
class Layer:
    """One layer's weights, norms with their 1 added, and its keys and values."""

    qkv: Linears
    out: Linears
    gate_up: Linears
    down: Linears
    norms: list[torch.Tensor]
    """Before and after attention, before and after the MLP; shape (d,)."""
    head_norm: torch.Tensor | None
    """Of queries and keys, shape (query heads + key heads, head_dim)."""
    kind: str
    window: int
    """How many tokens back attention sees, itself included."""
    kept: torch.Tensor
    """Keys and, behind them, values; shape (2 * key heads, room, head_dim)."""

    @property
    def keys(self) -> torch.Tensor:
        """Shape (key heads, room, head_dim)."""
        return self.kept[: len(self.kept) // 2]

    @property
    def values(self) -> torch.Tensor:
        """Shape (key heads, room, head_dim)."""
        return self.kept[len(self.kept) // 2 :]


class Decoder(ABC):
    """Reads tokens after those it has read, and says what may come next. It keeps every key and value it has made."""

    FEW: ClassVar[int] = 6
    """Tokens that are sooner read one by one than by dequantizing all weights."""
    CHUNK: ClassVar[int] = 256
    """Tokens of a prompt that are read at once."""
    SHELVED_BYTES: ClassVar[int] = 0
    """What other conversations may hold, where reading them again would take longer than a person notices."""

    def __init__(self, weights: Weights) -> None:
        """``weights`` are used where they lie."""
        tensors = weights.tensors
        self.shape = weights.shape
        self.alike = frozenset(tensors["alike"].tolist())
        """Tokens that mean the end of a turn, whatever they are called."""
        self.linears, self.context = self.shape.linears(), self.shape.context
        self._embedding, self._head = weights.embedding, weights.head
        self._norm = tensors["norm"]
        self._on = self._norm.device
        self._cosines = {kind: tensors[f"cosines.{kind}"] for kind in set(self.shape.kinds)}
        self._sines = {kind: tensors[f"sines.{kind}"] for kind in set(self.shape.kinds)}
        self._room = min(ROOM, self.shape.context)
        self._ranks: tuple[int, ...] = ()
        """Of the update of each group of linear layers."""
        self._layers = [self._layer(number, tensors) for number in range(len(self.shape.kinds))]

    def _layer(self, number: int, tensors: dict[str, torch.Tensor]) -> Layer:
        shape = self.shape

        def linears(group: str) -> Linears:
            names = [f"model.layers.{number}.{part}" for part in GROUPS[group]]
            sizes = [shape.linear(part)[0] for part in GROUPS[group]]
            prefix = f"{number}.{group}."
            mine = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
            return self._linears(names, sizes, shape.linear(GROUPS[group][0])[1], mine)

        return Layer(
            **{group: linears(group) for group in GROUPS},
            norms=list(tensors[f"{number}.norms"]),
            head_norm=tensors.get(f"{number}.head_norm"),
            kind=shape.kinds[number],
            window=shape.windows[number],
            kept=torch.zeros((2 * shape.key_heads, self._room, shape.head_dim), device=self._on),
        )

    def wear(self, adapter: Adapter | None) -> None:
        """Speak with ``adapter`` from now on; what was read before is not to be built upon."""
        every = [linears for layer in self._layers for linears in (layer.qkv, layer.out, layer.gate_up, layer.down)]
        ranks = tuple(linears.rank(adapter) for linears in every)
        sizes = [linears.numbers(rank) for linears, rank in zip(every, ranks, strict=True)]
        flat = torch.zeros(sum(sizes), device=self._on)  # all updates, before the first is changed
        if adapter is not None:
            for linears, rank, part in zip(every, ranks, torch.split(flat, sizes), strict=True):
                linears.fill(linears.within(part, rank), adapter)
        flat = self._settled(flat, ranks)
        for linears, rank, part in zip(every, ranks, torch.split(flat, sizes), strict=True):
            linears.wear(linears.within(part, rank))
        self._ranks = ranks

    def _settled(self, flat: torch.Tensor, ranks: tuple[int, ...]) -> torch.Tensor:
        """Return the numbers of all updates, of ``ranks``, where they are used."""
        return flat

    @property
    def token_bytes(self) -> int:
        """What the keys and values of one token hold."""
        return sum(len(layer.kept) * layer.kept.element_size() for layer in self._layers) * self.shape.head_dim

    def copied(self, tokens: int) -> Memory:
        """Return a copy of what was read of the first ``tokens``."""
        return [layer.kept[:, :tokens].clone() for layer in self._layers]

    @torch.inference_mode()  # as room that was made while reading was
    def restore(self, memory: Memory, tokens: int) -> None:
        """Have read the first ``tokens`` of ``memory``, in the place of what was read."""
        self._make_room(tokens)
        for layer, kept in zip(self._layers, memory, strict=True):
            layer.kept[:, :tokens] = kept[:, :tokens]

    def keep(self, tokens: int) -> int:
        """Return how many of the first ``tokens`` that were read can be built upon: all, as none moves."""
        return tokens

    @torch.inference_mode()
    def read(self, ids: list[int], start: int) -> Scores:
        """Read ``ids`` from position ``start`` on, after what was read up to there; return what may follow."""
        self._make_room(start + len(ids))
        if len(ids) <= self.FEW:
            return self._read_one_by_one(ids, start)
        x = torch.empty(0)
        for begin in range(0, len(ids), self.CHUNK):
            part = torch.tensor(ids[begin : begin + self.CHUNK], device=self._on)
            x = self._many(self._embedded(part), start + begin)[-1]
        return self._scores(rms_norm(x, self._norm.shape, self._norm, self.shape.eps))

    @torch.inference_mode()
    def losses(self, ids: list[int], start: int, followed: Sequence[tuple[int, int]]) -> list[float]:
        """Read ``ids`` from position ``start`` on; return the loss of each token that follows on one of them.

        ``followed`` tells the places among ``ids`` and the tokens. Natural log, exact in float32 on every device.
        """
        self._make_room(start + len(ids))
        x = self._many(self._embedded(torch.tensor(ids, device=self._on)), start)
        if not followed:
            return []
        places, tokens = torch.tensor(followed, device=self._on).unbind(1)
        x = self._rows(x[places], self._norm)
        of_all = x.new_full((len(x),), -math.inf)
        for first in range(0, len(self._head), VOCABULARY):
            scores = capped(x @ self._head[first : first + VOCABULARY].float().T, self.shape.cap)
            of_all = torch.logaddexp(of_all, scores.logsumexp(1))
        found: list[float] = (of_all - capped((self._head[tokens].float() * x).sum(1), self.shape.cap)).tolist()
        return found

    @abstractmethod
    def _linears(self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor]) -> Linears:
        """Return the layers that are called ``names`` on this device."""

    @abstractmethod
    def _read_one_by_one(self, ids: list[int], start: int) -> Scores:
        """Do what ``read`` does for a few ``ids``, for which there is room."""

    @abstractmethod
    def _scores(self, x: torch.Tensor) -> Scores:
        """Return what may follow the token whose last hidden state, normalised, is ``x``, shape (d,)."""

    def _embedded(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of ``ids``, shape (n,), scaled: float32, (n, d)."""
        return self._embedding[ids].float() * self.shape.embed_scale

    def _make_room(self, tokens: int) -> None:
        """Have room for the keys and values of so many tokens."""
        if tokens <= self._room:
            return
        room = min(self.shape.context, max(tokens, 2 * self._room))
        wider = [layer.kept.new_zeros((len(layer.kept), room, self.shape.head_dim)) for layer in self._layers]
        for layer, kept in zip(self._layers, wider, strict=True):
            kept[:, : self._room] = layer.kept
        self._move(wider)

    def _move(self, memory: Memory) -> None:
        """Go on in ``memory``, which holds all that was read. Cannot fail."""
        for layer, kept in zip(self._layers, memory, strict=True):
            layer.kept = kept
        self._room = memory[0].shape[1]

    def _many(self, x: torch.Tensor, start: int) -> torch.Tensor:
        """Return the last hidden states of the tokens from ``start`` on, shape (n, d), from their embeddings."""
        heads, key_heads, head_dim = self.shape.heads, self.shape.key_heads, self.shape.head_dim
        end = start + len(x)
        places = torch.arange(end, device=self._on)
        for layer in self._layers:
            before, after, before_mlp, after_mlp = layer.norms
            y = layer.qkv.many(self._rows(x, before)).view(len(x), -1, head_dim).transpose(0, 1)
            queries_keys = y[: heads + key_heads]
            if layer.head_norm is not None:
                queries_keys = rms_norm(queries_keys, (head_dim,), None, self.shape.eps) * layer.head_norm[:, None]
            cosines, sines = self._cosines[layer.kind][start:end], self._sines[layer.kind][start:end]
            queries_keys = turned(queries_keys, cosines, sines)
            layer.keys[:, start:end] = queries_keys[heads:]
            layer.values[:, start:end] = y[heads + key_heads :]
            first = max(0, start + 1 - layer.window)
            behind = places[start:, None] - places[first:]
            unseen = (behind < 0) | (behind >= layer.window)
            queries = queries_keys[:heads].reshape(key_heads, -1, head_dim)
            scores = torch.bmm(queries, layer.keys[:, first:end].transpose(1, 2)).mul_(self.shape.scale)
            scores = capped(scores, self.shape.attention_cap)
            scores = scores.view(heads, len(x), -1).masked_fill_(unseen, -math.inf).softmax(-1)
            mixed = torch.bmm(scores.view(key_heads, -1, end - first), layer.values[:, first:end])
            mixed = mixed.view(heads, len(x), head_dim).transpose(0, 1).reshape(len(x), -1)
            x = x + self._rows(layer.out.many(mixed), after)
            gate, up = torch.split(layer.gate_up.many(self._rows(x, before_mlp)), layer.gate_up.sizes, dim=1)
            x = x + self._rows(layer.down.many(gelu(gate, approximate="tanh") * up), after_mlp)
        return x

    def _rows(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        return rms_norm(x, weight.shape, weight, self.shape.eps)


def turned(x: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Return x, shape (heads, ..., head_dim), rotated (RoPE, arXiv 2104.09864)."""
    return (x * cosines).addcmul_(x.roll(x.shape[-1] // 2, -1), sines)


def capped(scores: torch.Tensor, cap: float | None) -> torch.Tensor:
    """Return ``scores``, changed in place, between plus and minus ``cap`` (Gemma 2's soft cap)."""
    return scores if cap is None else scores.div_(cap).tanh_().mul_(cap)
