"""Decoding on a CPU, by bitsandbytes' own 4-bit kernel; the head is in 4 bits too, and exact where it counts."""

import math
from typing import ClassVar

import torch
from torch.nn.functional import gelu, rms_norm

from adapters.decoder import Decoder, capped, turned
from adapters.linears import Linears
from adapters.packed import PackedLinears, Product
from adapters.sampling import Scores
from adapters.weights import GROUPS, Weights


class CpuDecoder(Decoder):
    """The forward pass by the fewest and cheapest calls; what the head says of the best is computed again exactly."""

    SHELVED_BYTES: ClassVar[int] = 128 * 2**20
    GROUP: ClassVar[int] = 64
    """Tokens of the vocabulary whose best one is looked for first."""
    CERTAIN: ClassVar[int] = 128
    """Tokens whose scores are exact: so many and more, of a vocabulary with as many groups."""

    def __init__(self, weights: Weights) -> None:
        """``weights`` are what ``packed.with_packed`` gives."""
        super().__init__(weights)
        self._packed_head = Product(weights.tensors["head.packed"], weights.tensors["head.blockwise"])

    def _linears(self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor]) -> Linears:
        # Half of all arithmetic is in gate and up, and of what rounding does to prompts only a quarter.
        return PackedLinears(names, sizes, inputs, tensors, rounded=names[0].endswith(GROUPS["gate_up"][0]))

    def _read_one_by_one(self, ids: list[int], start: int) -> Scores:
        x = torch.empty(0)
        for position, token in enumerate(ids, start=start):
            x = self._one(self._embedded(torch.tensor([token]))[0], position)
        return self._scores(self._normalised(x, self._norm))

    def _one(self, x: torch.Tensor, position: int) -> torch.Tensor:
        """Return the last hidden state of the token at ``position``, shape (d,), from its embedding."""
        heads, key_heads, head_dim = self.shape.heads, self.shape.key_heads, self.shape.head_dim
        rotations = {kind: (self._cosines[kind][position], self._sines[kind][position]) for kind in self._cosines}
        for layer in self._layers:
            before, after, before_mlp, after_mlp = layer.norms
            y = layer.qkv.one(self._normalised(x, before)).view(-1, head_dim)
            queries_keys = y[: heads + key_heads]
            if layer.head_norm is not None:
                queries_keys = rms_norm(queries_keys, (head_dim,), None, self.shape.eps).mul_(layer.head_norm)
            queries_keys = turned(queries_keys, *rotations[layer.kind])
            layer.keys[:, position] = queries_keys[heads:]
            layer.values[:, position] = y[heads + key_heads :]
            seen = slice(max(0, position + 1 - layer.window), position + 1)
            queries = queries_keys[:heads].view(key_heads, -1, head_dim)
            scores = torch.bmm(queries, layer.keys[:, seen].transpose(1, 2)).mul_(self.shape.scale)
            scores = capped(scores, self.shape.attention_cap)
            mixed = torch.bmm(scores.softmax(-1), layer.values[:, seen]).view(-1)
            x = x + self._normalised(layer.out.one(mixed), after)
            gate, up = torch.split(layer.gate_up.one(self._normalised(x, before_mlp)), layer.gate_up.sizes)
            x = x + self._normalised(layer.down.one(gelu(gate, approximate="tanh").mul_(up)), after_mlp)
        return x

    def _scores(self, x: torch.Tensor) -> Scores:
        scores = self._packed_head(x)
        # The best of each group bound the best of all from below, at a fraction of what sorting all costs.
        bests = scores.view(-1, self.GROUP).amax(1)
        bound, blocks = bests.topk(min(self.CERTAIN, len(bests)))
        within = scores.view(-1, self.GROUP)[blocks].ge_(bound[-1]).nonzero()
        ids = blocks[within[:, 0]] * self.GROUP + within[:, 1]
        scores[ids] = self._head[ids].float() @ x
        capped(scores, self.shape.cap)
        return Scores(scores, ids, scores[ids])

    def _normalised(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        """Return one row normalised; for one, arithmetic in Python is faster than torch's function."""
        scale = 1 / math.sqrt(torch.dot(x, x).item() / len(x) + self.shape.eps)
        return torch.mul(x, weight).mul_(scale)
