"""The decoder's forward and backward passes as CUDA graphs: two launches in the place of thousands. For training only.

A step of a small batch is bound by the launches of its kernels, which a graph records once and replays (PyTorch's
``torch.cuda.CUDAGraph``). A graph has one shape, so batches are padded to one of few.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from adapters.loss import Decoder, hidden_states

Shape = tuple[int, int, bool]
"""Rows, tokens of each, and whether activations are computed twice."""
MOST = 24
"""Graphs kept at one time; each costs the driver some megabytes."""


class _Replay(torch.autograd.Function):
    """The hidden states of a graph; their gradient is added to the parameters' by the graph itself."""

    @staticmethod
    def forward(ctx: Any, _anchor: torch.Tensor, graph: "_Graph", ids: torch.Tensor) -> torch.Tensor:
        """Return the hidden states, shape (rows, length, d), of ``ids`` (rows, length).

        The anchor is there so that autograd calls backward.
        """
        ctx.graph, ctx.length = graph, ids.shape[1]
        graph.ids.zero_()[:, : ids.shape[1]] = ids
        graph.forward.replay()
        return graph.hidden[:, : ids.shape[1]].clone()

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[None, None, None]:
        """Add the gradients of the parameters, given that of the hidden states."""
        ctx.graph.outer.zero_()[:, : ctx.length] = outer
        ctx.graph.backward.replay()
        return None, None, None


class _Graph:
    """The passes of one shape, and the tensors that they read and write."""

    def __init__(self, model: Any, trainable: list[torch.nn.Parameter], shape: Shape, pool: Any) -> None:
        rows, length, checkpointing = shape
        self.ids = torch.zeros((rows, length), dtype=torch.long, device="cuda")
        self.forward, self.backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.forward, pool=pool):
            hidden = hidden_states(model, self.ids, checkpointing=checkpointing)
        self.outer = torch.zeros_like(hidden)
        with torch.cuda.graph(self.backward, pool=pool):
            found = torch.autograd.grad(hidden, trainable, self.outer)
            torch._foreach_add_([p.grad for p in trainable if p.grad is not None], list(found))
        self.hidden = hidden.detach()


class Captured:
    """Computes hidden states as ``loss.hidden_states`` does, from the second batch of a shape on by its graph.

    The gradients of ``trainable`` have to be there, and to stay the same tensors. Where capturing fails, batches are
    computed as they come, and ``failed`` is called where that was not for want of memory.
    """

    def __init__(self, model: Any, trainable: list[torch.nn.Parameter], failed: Callable[[], None]) -> None:
        self.graphs: dict[Shape, _Graph] = {}
        self._model = model
        self._trainable = trainable
        self._failed = failed
        self._anchor = torch.zeros((), device="cuda", requires_grad=True)
        self._pool = torch.cuda.graph_pool_handle()
        self._seen: set[Shape] = set()
        """Shapes that came once: what is made once, and the code of their kernels, no graph can record."""
        self._most = MOST

    def decoder(self, *, checkpointing: bool) -> Decoder:
        """Return what computes hidden states, with or without computing activations twice."""
        return partial(self._hidden, checkpointing)

    def give_way(self) -> None:
        """Give the graphs' memory back and make none any more."""
        self.graphs.clear()
        self._most = 0

    def _hidden(self, checkpointing: bool, ids: torch.Tensor) -> torch.Tensor:
        rows, length = ids.shape
        shape = (rows, stepped(length), checkpointing)
        if shape in self._seen and shape not in self.graphs and len(self.graphs) < self._most:
            self._capture(shape)
        if graph := self.graphs.get(shape):
            hidden: torch.Tensor = _Replay.apply(self._anchor, graph, ids)  # type: ignore[no-untyped-call]
            return hidden
        if len(self.graphs) < self._most:
            self._seen.add(shape)
            ids = torch.nn.functional.pad(ids, (0, shape[1] - length))
        return hidden_states(self._model, ids, checkpointing=checkpointing)[:, :length]

    def _capture(self, shape: Shape) -> None:
        stream = torch.cuda.current_stream()
        try:
            self.graphs[shape] = _Graph(self._model, self._trainable, shape, self._pool)
        except RuntimeError as error:
            torch.cuda.set_stream(stream)  # which a capture that failed does not do
            print(f"No CUDA graph for a batch of {shape}: {error.__context__ or error}", file=sys.stderr)
            self.give_way()
            if not isinstance(error, torch.OutOfMemoryError):
                self._failed()


def stepped(length: int) -> int:
    """Return the least length of a graph that holds ``length``: few lengths, at most a quarter, or 15, more."""
    step = 1 << max(4, length.bit_length() - 3)
    return -(-length // step) * step
