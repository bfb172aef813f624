"""Reading tokens by transformers' own modules, on any device: for where ``decoder.Decoder`` does not run."""

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from adapters.lora import Adapter, make_adaptable, put_on, shapes
from adapters.sampling import Scores
from adapters.weights import context_of, indistinguishable


class Modules:
    """Reads as ``Decoder`` does; transformers' cache cannot be cut back."""

    def __init__(self, model: Any, end_of_turn: int) -> None:
        """``model`` is a 4-bit model, whose linear layers are wrapped."""
        self._model = model
        self._layers = make_adaptable(model)
        self.linears = shapes(self._layers)
        self.alike = indistinguishable(model.lm_head.weight, end_of_turn)
        self.context = context_of(model.config)
        self._cache: Any = None
        self._read = 0
        """How many tokens are in the cache."""

    def wear(self, adapter: Adapter | None) -> None:
        """Speak with ``adapter`` from now on; nothing that was read is kept."""
        put_on(adapter, self._layers)
        self._cache = None

    def keep(self, tokens: int) -> int:
        """Return how many of the first ``tokens`` that were read can be built upon; the others are forgotten."""
        from transformers import DynamicCache

        if self._cache is None or tokens != self._read:
            self._cache, self._read = DynamicCache(config=self._model.config), 0
        return self._read

    @torch.inference_mode()
    def read(self, ids: list[int], start: int) -> Scores:
        """Read ``ids`` from position ``start`` on; return the scores of what may follow."""
        return Scores.plain(self._logits(ids, start, 1)[-1])

    @torch.inference_mode()
    def losses(self, ids: list[int], start: int, followed: Sequence[tuple[int, int]]) -> list[float]:
        """Read ``ids`` from position ``start`` on; return the loss of each token that follows, as ``Decoder`` does."""
        places, tokens = torch.tensor(followed, dtype=torch.long, device=self._model.device).view(-1, 2).unbind(1)
        found: list[float] = cross_entropy(self._logits(ids, start, places), tokens, reduction="none").tolist()
        return found

    def _logits(self, ids: list[int], start: int, kept: int | torch.Tensor) -> torch.Tensor:
        """Read ``ids``; return the logits after the last of them, so many, or those at places: (n, vocabulary)."""
        cache, self._cache = self._cache, None  # a failure half way leaves no cache that looks whole
        tokens = torch.tensor([ids], device=self._model.device)
        out = self._model(input_ids=tokens, past_key_values=cache, use_cache=True, logits_to_keep=kept)
        self._cache, self._read = cache, start + len(ids)
        logits: torch.Tensor = out.logits[0].float()
        return logits
