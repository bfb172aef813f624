"""The decoder's forward and backward passes as CUDA graphs: two launches in the place of thousands. For training only.

A step of a small batch is bound by the launches of its kernels, which a graph records once and replays (PyTorch's
``torch.cuda.CUDAGraph``). A graph has one shape, so batches are padded to one of few.
"""

import sys
from typing import Any

import torch

from adapters.loss import hidden_states

Shape = tuple[int, int]
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
        self.ids = torch.zeros(shape, dtype=torch.long, device="cuda")
        self.forward, self.backward = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.forward, pool=pool):
            hidden = hidden_states(model, self.ids)
        self.outer = torch.zeros_like(hidden)
        with torch.cuda.graph(self.backward, pool=pool):
            found = torch.autograd.grad(hidden, trainable, self.outer)
            torch._foreach_add_([p.grad for p in trainable if p.grad is not None], list(found))
        self.hidden = hidden.detach()


class Captured:
    """Computes hidden states as ``loss.hidden_states`` does, from the second batch of a shape on by its graph.

    The gradients of ``trainable`` have to be there, and to stay the same tensors. Where capturing fails, batches are
    computed as they come.
    """

    def __init__(self, model: Any, trainable: list[torch.nn.Parameter]) -> None:
        self._model = model
        self._trainable = trainable
        self._anchor = torch.zeros((), device="cuda", requires_grad=True)
        self._pool = torch.cuda.graph_pool_handle()
        self._graphs: dict[Shape, _Graph | None] = {}
        """None for a shape that came once: what is made once, and its kernels' code, no graph can record."""
        self._most = MOST

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the hidden states, shape (rows, length, d), of ``ids`` (rows, length)."""
        rows, length = ids.shape
        if not self._most:
            return hidden_states(self._model, ids)
        shape = (rows, stepped(length))
        if graph := self._graph(shape):
            hidden: torch.Tensor = _Replay.apply(self._anchor, graph, ids)  # type: ignore[no-untyped-call]
            return hidden
        return hidden_states(self._model, torch.nn.functional.pad(ids, (0, shape[1] - length)))[:, :length]

    def give_way(self) -> None:
        """Give the graphs' memory back and make none any more."""
        self._graphs.clear()
        self._most = 0

    def _graph(self, shape: Shape) -> _Graph | None:
        """Return the graph of ``shape``, made now where it comes for the second time; None where there is none."""
        if shape not in self._graphs:
            if len(self._graphs) < self._most:
                self._graphs[shape] = None
            return None
        if self._graphs[shape] is None:
            try:
                self._graphs[shape] = _Graph(self._model, self._trainable, shape, self._pool)
            except RuntimeError as error:
                print(f"No CUDA graph for a batch of {shape}: {error}", file=sys.stderr)
                self.give_way()
        return self._graphs.get(shape)


def stepped(length: int) -> int:
    """Return the least length of a graph that holds ``length``: at most a quarter more, so that few are needed."""
    step = 1 << max(4, length.bit_length() - 3)
    return -(-length // step) * step
