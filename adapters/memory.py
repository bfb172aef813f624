"""What fits into memory: how much of an optimiser step is computed at once, and at what price. It trains nothing."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from resource import RUSAGE_SELF, getrusage
from typing import Any

import psutil
import torch

from adapters.api import Event
from adapters.base import compute_dtype, device, is_linear4bit
from adapters.captured import stepped
from adapters.encoding import Row
from adapters.fused import dequantized_bytes
from adapters.loss import CHUNK, grouped
from adapters.recipe import Recipe
from socrates_errors import TrainingError
from socrates_language import tr

SHARE = {"cuda": 0.9, "cpu": 0.7}
"""Of the free memory, what a training may take; a CPU's is everybody's."""
BESIDE_GRAPHS = 3
"""What CUDA graphs and passes without one hold together, in the memory of one pass."""
OPTIMISER_BYTES = 16
"""For each trained number, beside itself: gradient, two moments, and what it was at the beginning."""


class Memory:
    """How the rows of a step are cut into parts that fit.

    It begins with an estimate from the model's shape, takes on a GPU what the first part really needed, and gives way
    each time memory has run out.
    """

    def __init__(self, model: Any, rows: Sequence[Row], recipe: Recipe, processes: int = 1) -> None:
        """``model`` is the base, before it gets an adapter; so many ``processes`` share a CPU's memory."""
        config = model.config
        number_bytes = torch.finfo(compute_dtype(device())).bits // 8
        heads = config.num_attention_heads
        self._layers = config.num_hidden_layers
        self._input_bytes = number_bytes * config.hidden_size
        # What autograd keeps of a layer for each token, measured on small models of many shapes: four normalisations,
        # partly in float32, and the inputs of the linear layers, of the gate and of attention.
        self._layer_bytes = number_bytes * (
            10.5 * config.hidden_size + 4.2 * config.intermediate_size + 8.2 * heads * config.head_dim
        )
        # Attention that is not built in keeps its matrices: for each token and head, 8 bytes for each token of its row,
        # in float32 as in bfloat16, whose probabilities are in float32 first.
        self._attention_bytes = 8 * heads if config._attn_implementation == "eager" else 0
        self._head_bytes = 10 * CHUNK * config.vocab_size
        linears = [(n, m) for n, m in model.named_modules() if is_linear4bit(m) and n.endswith(recipe.targets)]
        trained = sum(recipe.rank * (linear.in_features + linear.out_features) for _, linear in linears)
        self.captures = device() == "cuda" and recipe.dropout == 0
        """Whether passes become CUDA graphs: worth smaller parts, and activations computed twice."""
        self._correction = 0.0
        """What was measured against what was estimated; 0 until then."""
        self._earlier_peak = 0
        if device() == "cuda":
            torch.cuda.empty_cache()  # what loading took is no part of it
            torch.cuda.reset_peak_memory_stats()
        free = _free_bytes() if device() == "cuda" else _free_bytes() // processes
        room = SHARE[device()] * free - OPTIMISER_BYTES * trained - self._head_bytes
        groups = list(grouped(sorted(rows, key=lambda row: len(row.ids)), recipe.batch_tokens))
        most = max(self._bytes(group) for group in groups)
        kept = dequantized_bytes(model)
        self.captures &= self._bytes(groups[-1][-1:], checkpointing=True) <= room / BESIDE_GRAPHS
        share = BESIDE_GRAPHS if self.captures else 1
        self.keeps_weights = room - kept >= share * most
        """Whether the dequantized weights may stay: only where whole steps fit beside them."""
        self._room = (room - kept if self.keeps_weights else room) / share
        parts = [part for group in groups for part in self.parts(group)]
        self._told = {
            "micro_batch_tokens": max(math.prod(_padded(part)) for part, _ in parts),
            "checkpointing": any(checkpointing for _, checkpointing in parts),
            "kept_weights": self.keeps_weights,
            "graphs": self.captures,
        }

    def event(self) -> Event:
        """Return ``{"micro_batch_tokens", "checkpointing", "kept_weights", "graphs"}``, as the run begins with them."""
        return self._told

    def parts(self, rows: Sequence[Row]) -> Iterator[tuple[Sequence[Row], bool]]:
        """Yield ``rows`` in equal parts, halved until they fit.

        Each comes with whether its activations have to be computed twice (gradient checkpointing, arXiv 1604.06174),
        which is so where not even one row fits otherwise.
        """
        by_length = sorted(rows, key=lambda row: len(row.ids), reverse=True)
        checkpointing = bool(rows) and self._bytes(by_length[:1]) > self._room
        size = len(rows)
        while size > 1 and self._bytes(by_length[:size], checkpointing=checkpointing) > self._room:
            size = (size + 1) // 2
        for start in range(0, len(rows), max(1, size)):
            yield rows[start : start + size], checkpointing

    def give_way(self, part: Sequence[Row], checkpointing: bool) -> None:
        """Halve what is taken at once, as ``part`` did not fit; TrainingError where it cannot be halved."""
        if len(part) == 1 and checkpointing:
            raise TrainingError(
                tr(
                    "Not even one row of {tokens} tokens fits into memory: close other programs, split the longest "
                    "conversation, or choose a smaller base, and train again."
                ).format(tokens=_padded(part)[1])
            )
        self._room = min(self._room, self._bytes(part, checkpointing=checkpointing)) / 2
        self._correction = self._correction or 1.0  # from now on, experience is in the room

    def without_graphs(self) -> None:
        """Take the room that was left for graphs, of which there will be none."""
        if self.captures:
            self.captures, self._room = False, self._room * BESIDE_GRAPHS
            self._told["graphs"] = False

    @contextmanager
    def measured(self, part: Sequence[Row], checkpointing: bool) -> Iterator[None]:
        """Correct the estimate by what the computation of the first ``part`` takes; on a CPU nothing tells."""
        if device() == "cpu" or self._correction:
            yield
            return
        self._earlier_peak = self.peak_bytes()
        torch.cuda.reset_peak_memory_stats()
        estimated = self._bytes(part, checkpointing=checkpointing)
        yield
        # What stays afterwards, gradients and kept weights, is no part of it.
        taken = torch.cuda.max_memory_allocated() - torch.cuda.memory_allocated() - self._head_bytes
        self._correction = max(0.25, taken / estimated)

    def peak_bytes(self) -> int:
        """Return the most memory this process has held: the GPU's since the base was loaded, else its resident set."""
        if device() == "cuda":
            return max(self._earlier_peak, int(torch.cuda.max_memory_reserved()))
        return getrusage(RUSAGE_SELF).ru_maxrss * 1024

    def _bytes(self, rows: Sequence[Row], *, checkpointing: bool = False) -> float:
        """Estimate what a pass over ``rows``, there and back, holds; the head's logits aside."""
        count, length = _padded(rows)
        length = stepped(length) if self.captures else length
        layer = self._layer_bytes + self._attention_bytes * length
        per_token = self._layers * self._input_bytes + layer if checkpointing else self._layers * layer
        return float(count * length * per_token * (self._correction or 1.0))


def out_of_memory(error: BaseException) -> bool:
    """Tell whether ``error`` says that memory ran out, a GPU's or a CPU's."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def _padded(rows: Sequence[Row]) -> tuple[int, int]:
    """Return how many sequences ``rows`` are, rejected replies included, and the length of each when padded."""
    every = [*rows, *(row.rejected for row in rows if row.rejected is not None)]
    return len(every), max(len(row.ids) for row in every)


def _free_bytes() -> int:
    """Return what may be taken: what the device has free, and what torch holds of it without need."""
    if device() == "cuda":
        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        return int(torch.cuda.mem_get_info()[0]) + unused
    return int(psutil.virtual_memory().available)
