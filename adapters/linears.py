"""4-bit linear layers that read the same input, with the active version's update (LoRA, arXiv 2106.09685)."""

from abc import ABC, abstractmethod

import torch

from adapters.lora import Adapter

Update = tuple[torch.Tensor, torch.Tensor] | None
"""A, shape (ranks, inputs), and B, shape (outputs, ranks), float32, of all layers as one; None without an update."""


class Linears(ABC):
    """``y = W x + B A x`` for several layers as one, their outputs one behind the other."""

    def __init__(self, names: list[str], sizes: list[int], inputs: int) -> None:
        """``sizes`` are the outputs of each of the layers that are called ``names``."""
        self._names, self.sizes = names, sizes
        self._outputs, self._inputs = sum(sizes), inputs
        self._update: Update = None

    def update(self, adapter: Adapter | None) -> Update:
        """Return the update that ``adapter`` makes."""
        pairs = {} if adapter is None else adapter.layers
        mine = [pairs[name] for name in self._names if name in pairs]
        if not mine:
            return None
        a = torch.cat([a for a, _ in mine]).float()
        b = a.new_zeros(self._outputs, len(a))  # each layer's own ranks reach its own outputs
        output = rank = 0
        for name, size in zip(self._names, self.sizes, strict=True):
            if name in pairs:
                up = pairs[name][1]
                b[output : output + size, rank : rank + up.shape[1]] = up
                rank += up.shape[1]
            output += size
        return a, b

    def wear(self, update: Update) -> None:
        """Make ``update`` the active one. Cannot fail."""
        self._update = update

    def one(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (outputs,), for x of shape (inputs,)."""
        y = self._product(x)
        if self._update is not None:
            down, up = self._update
            y.addmv_(up, torch.mv(down, x))
        return y

    def many(self, x: torch.Tensor) -> torch.Tensor:
        """Return the outputs, float32 of shape (n, outputs), for x of shape (n, inputs), by dequantized weights."""
        weights = self._dequantized()
        y = (x.to(weights.dtype) @ weights.T).float()
        if self._update is not None:
            down, up = self._update
            y.addmm_(x @ down.T, up.T)
        return y

    @abstractmethod
    def _product(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``W x``, a new float32 tensor of shape (outputs,)."""

    @abstractmethod
    def _dequantized(self) -> torch.Tensor:
        """Return W, shape (outputs, inputs), in the type in which matrices are multiplied here."""
