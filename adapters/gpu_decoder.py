"""Decoding on a GPU: the pass of one token is a CUDA graph, launched at once in the place of some 800 kernels."""

import math
import sys
from typing import ClassVar

import torch
from torch.nn.functional import gelu, rms_norm

from adapters.decoder import Decoder, Scores, capped
from adapters.linears import Linears, Update
from adapters.weights import BLOCK, Weights


class GpuLinears(Linears):
    """Layers on a GPU. An update is copied to where the one before it was, where a graph reads it."""

    def __init__(
        self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor], dtype: torch.dtype
    ) -> None:
        """``tensors`` are a group's of ``weights.Weights``; matrices are multiplied in ``dtype``."""
        import bitsandbytes  # noqa: F401  # which has the kernels

        super().__init__(names, sizes, inputs)
        self._codes, self._scales, self._dtype = tensors["codes"], tensors["scales"], dtype
        self._buffers: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        """By rank, where an update is copied to."""

    def wear(self, update: Update) -> None:
        """Make ``update`` the active one. Cannot fail."""
        self._update = update
        if update is not None:
            self._update = self._buffers.setdefault(len(update[0]), update)
            for buffer, tensor in zip(self._update, update, strict=True):
                if buffer is not tensor:
                    buffer.copy_(tensor)

    def _product(self, x: torch.Tensor) -> torch.Tensor:
        shape = (self._outputs, self._inputs)
        y: torch.Tensor = torch.ops.bitsandbytes.gemm_4bit(
            x.view(1, -1), self._codes, shape, self._scales, BLOCK, "nf4"
        )
        return y.view(-1)

    def _dequantized(self) -> torch.Tensor:
        shape = (self._outputs, self._inputs)
        weights: torch.Tensor = torch.ops.bitsandbytes.dequantize_4bit(
            self._codes, self._scales, BLOCK, "nf4", shape, self._dtype
        )
        return weights


class GpuDecoder(Decoder):
    """The forward pass of one token on tensors that stay where they are, so that a graph can hold it."""

    CHUNK: ClassVar[int] = 512

    def __init__(self, weights: Weights) -> None:
        """Capture nothing yet: that is done for the first token."""
        self._dtype = weights.tensors["embedding"].dtype
        super().__init__(weights)
        assert isinstance(self._head, torch.Tensor)
        self._all_rows = self._head
        self._token = torch.zeros(1, dtype=torch.long, device=self._on)
        self._position = torch.zeros(1, dtype=torch.long, device=self._on)
        self._graphs: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, torch.Tensor]] = {}
        """By the ranks of the updates: the graph of the pass of one token, and the scores that it writes."""
        self._captures = self._on.type == "cuda"

    def _linears(self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor]) -> Linears:
        return GpuLinears(names, sizes, inputs, tensors, self._dtype)

    def _make_room(self, tokens: int) -> None:
        room = self._room
        super()._make_room(tokens)
        if self._room != room:
            self._graphs.clear()  # they read and write the memory that there was

    def _read_one_by_one(self, ids: list[int], start: int) -> Scores:
        scores = torch.empty(0)
        for position, token in enumerate(ids, start=start):
            self._token.fill_(token)
            self._position.fill_(position)
            scores = self._step()
        return scores, None

    def _step(self) -> torch.Tensor:
        """Return what may follow ``self._token`` at ``self._position``."""
        if not self._captures:
            return self._one()
        if self._ranks not in self._graphs:
            self._capture()
        if self._ranks not in self._graphs:
            return self._one()
        graph, scores = self._graphs[self._ranks]
        graph.replay()
        return scores.clone()

    def _capture(self) -> None:
        """Make the graph; where that fails, say so and go on without any."""
        self._one()  # what is made once, and the code of the kernels, no graph can record
        graph, stream = torch.cuda.CUDAGraph(), torch.cuda.current_stream()
        try:
            with torch.cuda.graph(graph):
                scores = self._one()
            self._graphs[self._ranks] = graph, scores
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # which a capture that failed does not do
            print(f"No CUDA graph for decoding: {error.__context__ or error}", file=sys.stderr)
            self._graphs.clear()
            self._captures = False

    def _one(self) -> torch.Tensor:
        """Compute the pass of one token by launches that do not depend on what the tensors hold."""
        shape, position = self.shape, self._position
        heads, key_heads, head_dim = shape.heads, shape.key_heads, shape.head_dim
        behind = position - torch.arange(self._room, device=self._on)
        masks = {
            window: torch.where((behind >= 0) & (behind < window), 0.0, -math.inf)[None, None]
            for window in set(shape.windows)
        }
        cosines = {kind: table.index_select(0, position) for kind, table in self._cosines.items()}
        sines = {kind: table.index_select(0, position) for kind, table in self._sines.items()}
        x = self._embedded(self._token)[0]
        for layer in self._layers:
            before, after, before_mlp, after_mlp = layer.norms
            y = layer.qkv.one(self._rows(x, before)).view(-1, head_dim)
            queries_keys = y[: heads + key_heads]
            if layer.head_norm is not None:
                torch.mul(rms_norm(queries_keys, (head_dim,), None, shape.eps), layer.head_norm, out=queries_keys)
            other_half = queries_keys.roll(head_dim // 2, -1)
            queries_keys.mul_(cosines[layer.kind]).addcmul_(other_half, sines[layer.kind])
            # Keys and values are neighbours, in what was computed as in what is kept.
            layer.kept.index_copy_(1, position, y[heads:, None])
            queries = y[:heads].view(key_heads, -1, head_dim)
            scores = self._attention(queries, layer.keys, masks[layer.window])
            mixed = torch.bmm(scores.softmax(-1), layer.values).view(-1)
            x = x + self._rows(layer.out.one(mixed), after)
            gate, up = torch.split(layer.gate_up.one(self._rows(x, before_mlp)), layer.gate_up.sizes)
            x = x + self._rows(layer.down.one(gelu(gate, approximate="tanh").mul_(up)), after_mlp)
        return self._scores(self._rows(x, self._norm))[0]

    def _attention(self, queries: torch.Tensor, keys: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return attention's scores, shape (key heads, queries of each, room)."""
        scale, cap = self.shape.scale, self.shape.attention_cap
        if cap is None:
            return torch.baddbmm(mask, queries, keys.transpose(1, 2), alpha=scale)
        scores = torch.baddbmm(mask, queries, keys.transpose(1, 2), beta=0, alpha=scale / cap)
        return torch.add(mask, scores.tanh_(), alpha=cap)

    def _scores(self, x: torch.Tensor) -> Scores:
        """Return all scores, exact: a bfloat16 head is read once for both halves of x, and sums are in float32."""
        if self._all_rows.dtype == torch.float32 or self._on.type == "cpu":
            return capped(self._all_rows.float() @ x, self.shape.cap), None
        upper = x.to(self._all_rows.dtype)
        both = torch.stack([upper, (x - upper.float()).to(self._all_rows.dtype)])
        scores = torch.mm(both, self._all_rows.T, out_dtype=torch.float32).sum(0)
        return capped(scores, self.shape.cap), None
