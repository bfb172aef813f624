"""Decoding on a GPU: the pass of one token is a CUDA graph, launched at once in the place of some 800 kernels."""

import logging
import math
from importlib.util import find_spec
from typing import Any, ClassVar

import torch
from torch.nn.functional import gelu, rms_norm

from adapters.decoder import Decoder, Memory, capped
from adapters.linears import Linears
from adapters.lora import Adapter
from adapters.sampling import Scores
from adapters.weights import BLOCK, Weights

log = logging.getLogger(__name__)

ROWS, BLOCKS, PROGRAMS = 16, 4, 1000
"""Outputs and blocks that a program of our product takes at once; and about how many programs keep a GPU busy."""
Products = tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]
"""The outputs without their update, shape (parts, outputs); of that B, what A gives, and each layer's rank."""
Said = tuple[torch.Tensor, torch.Tensor]
"""All scores, shape (vocabulary,), and those of the best with their ids, as numbers, shape (2, n)."""


class GpuLinears(Linears):
    """Layers on a GPU, by bitsandbytes' kernels and by our own."""

    def __init__(
        self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor], dtype: torch.dtype
    ) -> None:
        """``tensors`` are a group's of ``weights.Weights``; matrices are multiplied in ``dtype``."""
        import bitsandbytes  # noqa: F401  # which has the kernels

        super().__init__(names, sizes, inputs)
        self._codes, self._scales, self._dtype = tensors["codes"], tensors["scales"], dtype
        blocks = inputs // BLOCK
        parts = min(max(1, round(PROGRAMS * ROWS / self._outputs)), -(-blocks // BLOCKS))
        self._share = -(-blocks // (parts * BLOCKS)) * BLOCKS
        """Blocks of each row that a program of our product takes."""
        self._parts = -(-blocks // self._share)

    def _product(self, x: torch.Tensor) -> torch.Tensor:
        shape = (self._outputs, self._inputs)
        y: torch.Tensor = torch.ops.bitsandbytes.gemm_4bit(
            x.view(1, -1), self._codes, shape, self._scales, BLOCK, "nf4"
        )
        return y.view(-1)

    def products(self, x: torch.Tensor) -> Products:
        """Return what our own kernel gives of x, shape (inputs,), and what is needed for the update."""
        from adapters import kernels

        a, b = self._update or (x, x)
        ranks = 0 if self._update is None else len(b)
        y, middle = x.new_empty((self._parts, self._outputs)), x.new_empty(max(1, ranks))
        kernels.product[(self._outputs // ROWS + ranks, self._parts)](
            x, self._codes.view(torch.int32), self._scales, y, a, middle, self._outputs, self._inputs, self._share,
            ROWS, BLOCKS, 1024, num_warps=4,
        )  # fmt: skip
        return y, b, middle, ranks // len(self.sizes)

    def _products(self, x: torch.Tensor) -> torch.Tensor:
        shape = (self._outputs, self._inputs)
        weights: torch.Tensor = torch.ops.bitsandbytes.dequantize_4bit(
            self._codes, self._scales, BLOCK, "nf4", shape, self._dtype
        )
        return (x.to(self._dtype) @ weights.T).float()


class GpuDecoder(Decoder):
    """The forward pass of one token on tensors that stay where they are, so that a graph can hold it.

    It is computed by our own kernels (``kernels.py``) where Triton can compile them, else by torch's.
    """

    CHUNK: ClassVar[int] = 512
    CANDIDATES: ClassVar[int] = 256
    """Best tokens from which is drawn, without all scores leaving the GPU."""
    SPLITS: ClassVar[int] = 16
    """Parts of a conversation to which each head attends at once."""

    def __init__(self, weights: Weights) -> None:
        """Capture nothing yet: that is done for the first token."""
        self._dtype = weights.tensors["embedding"].dtype
        super().__init__(weights)
        assert isinstance(weights.head, torch.Tensor)
        self._head: torch.Tensor = weights.head
        self._token = torch.zeros(1, dtype=torch.long, device=self._on)
        self._position = torch.zeros(1, dtype=torch.long, device=self._on)
        self._graphs: dict[tuple[int, ...], tuple[torch.cuda.CUDAGraph, Said]] = {}
        """By the ranks of the updates: the graph of the pass of one token, and what it writes."""
        self._worn: dict[tuple[int, ...], torch.Tensor] = {}
        """By the ranks of the updates: where a graph reads their numbers."""
        self._ways = [GpuDecoder._by_torch] if self._on.type == "cuda" else []
        """How a token's pass may be computed and captured, the best one last."""
        if self._ways and find_spec("triton") is not None and self.shape.head_dim.bit_count() == 1:
            self._ways.append(GpuDecoder._by_kernels)
        self._captures = bool(self._ways)
        """Whether there is a way, and was memory for it."""

    def _linears(self, names: list[str], sizes: list[int], inputs: int, tensors: dict[str, torch.Tensor]) -> Linears:
        return GpuLinears(names, sizes, inputs, tensors, self._dtype)

    def wear(self, adapter: Adapter | None) -> None:
        """Speak with ``adapter`` from now on; what was read before is not to be built upon."""
        super().wear(adapter)
        self._captures = bool(self._ways)

    def _settled(self, flat: torch.Tensor, ranks: tuple[int, ...]) -> torch.Tensor:
        worn = self._worn.setdefault(ranks, flat)
        return worn if worn is flat else worn.copy_(flat)

    def _move(self, memory: Memory) -> None:
        self._graphs.clear()  # they read and write the memory that there was
        super()._move(memory)
        self._captures = bool(self._ways)

    def _read_one_by_one(self, ids: list[int], start: int) -> Scores:
        said = torch.empty(0), torch.empty(0)
        for position, token in enumerate(ids, start=start):
            self._token.fill_(token)
            self._position.fill_(position)
            said = self._step()
        return _fetched(*said)

    def _step(self) -> Said:
        """Return what may follow ``self._token`` at ``self._position``."""
        while self._captures and self._ranks not in self._graphs:
            self._capture()
        if not self._captures:
            return self._by_torch()
        graph, said = self._graphs[self._ranks]
        graph.replay()
        return said

    def _capture(self) -> None:
        """Make the graph in the best way; where that fails, say so and give that way up."""
        stream = torch.cuda.current_stream()
        try:
            self._ways[-1](self)  # what is made once, and the code of the kernels, no graph can record
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                said = self._ways[-1](self)
            self._graphs[self._ranks] = graph, said
        except torch.OutOfMemoryError:  # until another version speaks, or there is more room
            torch.cuda.set_stream(stream)  # which a capture that failed does not do
            log.warning("no memory for a graph")
            self._captures = False
        except Exception:  # Triton's compiler, and the compiler that it calls, raise anything
            torch.cuda.set_stream(stream)
            log.warning("no graph %s", self._ways.pop().__name__, exc_info=True)
            self._captures = bool(self._ways)

    def _by_torch(self) -> Said:
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
            scores = torch.bmm(queries, layer.keys.transpose(1, 2)).mul_(shape.scale)
            chances = capped(scores, shape.attention_cap).add_(masks[layer.window]).softmax(-1)
            mixed = torch.bmm(chances, layer.values).view(-1)
            x = x + self._rows(layer.out.one(mixed), after)
            gate, up = torch.split(layer.gate_up.one(self._rows(x, before_mlp)), layer.gate_up.sizes)
            x = x + self._rows(layer.down.one(gelu(gate, approximate="tanh").mul_(up)), after_mlp)
        return self._said(self._rows(x, self._norm))

    def _by_kernels(self) -> Said:
        """Compute the pass of one token by our own kernels, nine a layer."""
        from adapters import kernels

        shape, splits = self.shape, self.SPLITS
        heads, head_dim, inner = shape.heads, shape.head_dim, shape.inner_width
        x = self._embedded(self._token)[0]
        normalised = self._rows(x, self._layers[0].norms[0])
        mixed, gated = x.new_empty(heads * head_dim), x.new_empty(inner)
        parts, peaks, sums = (x.new_empty(heads, splits, size) for size in (head_dim, 1, 1))
        befores = [layer.norms[0] for layer in self._layers[1:]] + [self._norm]
        for layer, before_next in zip(self._layers, befores, strict=True):
            _, after, before_mlp, after_mlp = layer.norms
            y, b, middle, rank = _products(layer.qkv, normalised)
            head_norm, cap = layer.head_norm, shape.attention_cap
            kernels.attention[(heads, splits)](
                y, b, middle, y if head_norm is None else head_norm, self._cosines[layer.kind],
                self._sines[layer.kind], layer.kept, self._position, parts, peaks, sums, self._room, y.shape[1],
                layer.window, shape.eps, shape.scale, cap or 0.0, cap is not None, head_norm is not None, heads,
                shape.key_heads, head_dim, len(y), rank, splits, 16,
            )  # fmt: skip
            kernels.combined[(heads,)](parts, peaks, sums, mixed, head_dim, splits)
            self._add(x, _products(layer.out, mixed), after, before_mlp, normalised)
            y, b, middle, rank = _products(layer.gate_up, normalised)
            kernels.gated[(-(-inner // 256),)](y, b, middle, gated, inner, 256, len(y), rank)
            self._add(x, _products(layer.down, gated), after_mlp, before_next, normalised)
        return self._said(normalised)

    def _add(self, x: torch.Tensor, products: Products, after: Any, before: Any, normalised: torch.Tensor) -> None:
        """Add a layer's outputs to ``x``, and normalise that into ``normalised`` for what reads it next."""
        from adapters import kernels

        y, b, middle, rank = products
        size = 1 << (len(x) - 1).bit_length()
        kernels.added[(1,)](
            x, y, b, middle, after, before, normalised, self.shape.eps, len(x), size, len(y), rank, num_warps=32
        )

    def _scores(self, x: torch.Tensor) -> Scores:
        return _fetched(*self._said(x))

    def _said(self, x: torch.Tensor) -> Said:
        """Return all scores: a bfloat16 head is read once for both halves of x, and sums are in float32."""
        if self._head.dtype == torch.float32 or self._on.type == "cpu":
            scores = self._head.float() @ x
        else:
            upper = x.to(self._head.dtype)
            both = torch.stack([upper, (x - upper.float()).to(self._head.dtype)])
            scores = torch.mm(both, self._head.T, out_dtype=torch.float32).sum(0)
        scores = capped(scores, self.shape.cap)
        values, ids = scores.topk(min(self.CANDIDATES, len(scores)), sorted=False)
        return scores, torch.stack([values, ids.float()])


def _fetched(every: torch.Tensor, candidates: torch.Tensor) -> Scores:
    """Return the scores with the best on the CPU; they stay what they are when a graph writes the next."""
    of_best, best = candidates.cpu()
    return Scores(every.clone(), best.long(), of_best.clone())


def _products(linears: Linears, x: torch.Tensor) -> Products:
    assert isinstance(linears, GpuLinears)
    return linears.products(x)
