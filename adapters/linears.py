"""4-bit linear layers that read the same input, with the active version's update (LoRA, arXiv 2106.09685)."""

from abc import ABC, abstractmethod
from itertools import accumulate

import torch

from adapters.lora import Adapter

Update = tuple[torch.Tensor, torch.Tensor] | None
"""A, shape (layers * rank, inputs), and B transposed, (layers * rank, outputs), float32; None without any.

Each layer has its own rows, and zeros in B where the outputs are not its own: rank is the greatest of any.
"""


class Linears(ABC):
    """``y = W x + B A x`` for several layers as one, their outputs one behind the other."""

    def __init__(self, names: list[str], sizes: list[int], inputs: int) -> None:
        """``sizes`` are the outputs of each of the layers that are called ``names``."""
        self._names, self.sizes = names, sizes
        self._outputs, self._inputs = sum(sizes), inputs
        ends = list(accumulate(sizes))
        self._slices = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        self._update: Update = None
        self._own: torch.Tensor | None = None
        """B of each layer without the zeros, shape (layers, rank, outputs of one); None where these differ."""

    def rank(self, adapter: Adapter | None) -> int:
        """Return the greatest rank that ``adapter`` has among the layers; 0 where it changes none of them."""
        pairs = {} if adapter is None else adapter.layers
        return max((len(pairs[name][0]) for name in self._names if name in pairs), default=0)

    def numbers(self, rank: int) -> int:
        """Return how many numbers an update of ``rank`` has."""
        return len(self._names) * rank * (self._inputs + self._outputs)

    def within(self, flat: torch.Tensor, rank: int) -> Update:
        """Return the update of ``rank`` whose ``numbers`` are those of ``flat``."""
        if not rank:
            return None
        rows = len(self._names) * rank
        a, b = torch.split(flat, [rows * self._inputs, rows * self._outputs])
        return a.view(rows, self._inputs), b.view(rows, self._outputs)

    def fill(self, update: Update, adapter: Adapter) -> None:
        """Write into ``update``, which is all zeros, what ``adapter`` adds to these layers."""
        if update is None:
            return
        a, b = (matrix.view(len(self._names), -1, matrix.shape[1]) for matrix in update)
        for number, (name, outputs) in enumerate(zip(self._names, self._slices, strict=True)):
            if name in adapter.layers:
                down, up = adapter.layers[name]
                a[number, : len(down)] = down
                torch.mul(up.T, adapter.scale, out=b[number, : len(down), outputs])

    def wear(self, update: Update) -> None:
        """Make ``update`` the active one. Cannot fail."""
        self._update, self._own = update, None
        layers = len(self.sizes)
        if update is not None and layers > 1 and len(set(self.sizes)) == 1:
            blocks = update[1].view(layers, -1, layers, self.sizes[0])
            self._own = torch.diagonal(blocks, dim1=0, dim2=2).permute(2, 0, 1)

    def one(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (outputs,), for x of shape (inputs,)."""
        y = self._product(x)
        if self._update is not None:
            down, up = self._update
            middle = torch.mv(down, x)
            if self._own is None:
                y.addmv_(up.T, middle)
            else:  # half of the numbers are read
                y.view(len(self._own), 1, -1).baddbmm_(middle.view(len(self._own), 1, -1), self._own)
        return y

    def many(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (n, outputs), for x of shape (n, inputs)."""
        y = self._products(x)
        if self._update is not None:
            down, up = self._update
            y.addmm_(x @ down.T, up)
        return y

    @abstractmethod
    def _product(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``W x``, a new float32 tensor of shape (outputs,)."""

    @abstractmethod
    def _products(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``W x`` of each row of x, a new float32 tensor of shape (n, outputs), by dequantized weights."""
