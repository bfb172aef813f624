"""What may come next, and drawing from it. Who computed the scores is not its concern."""

from dataclasses import dataclass

import torch

from adapters.api import Sampling


@dataclass(frozen=True)
class Scores:
    """The scores of the next token."""

    every: torch.Tensor
    """Of all tokens, shape (vocabulary,), on any device; those that are not among the best may be approximate."""
    best: torch.Tensor
    """Ids on the CPU, shape (n,): no other token scores more than one of these."""
    of_best: torch.Tensor
    """The scores of the best, float32 on the CPU, shape (n,)."""

    @classmethod
    def plain(cls, every: torch.Tensor) -> "Scores":
        """Return exact scores of which nobody knows the best."""
        return cls(every, torch.empty(0, dtype=torch.long), torch.empty(0))


@torch.inference_mode()
def draw(scores: Scores, sampling: Sampling, reply: list[int], random: torch.Generator) -> int:
    """Return the next token's id, drawn on the CPU: from the best alone, where no other could be.

    In this order, as in transformers: repetition penalty, temperature, top-k, top-p (arXiv 1904.09751).
    """
    said = set(reply) if sampling.repetition_penalty != 1 else set()
    among = [place for place, token in enumerate(scores.best.tolist()) if token in said]
    wanted = 1 if sampling.temperature == 0 else sampling.top_k
    best: torch.Tensor | None = None
    if 0 < wanted <= len(scores.best) - len(among):  # a penalty only takes a score away
        best, values, penalised = scores.best, scores.of_best, among
    else:
        values, penalised = scores.every.float().cpu(), sorted(said)
    if penalised:
        places = torch.tensor(penalised)
        at, penalty = values[places], sampling.repetition_penalty
        values = values.index_copy(0, places, torch.where(at > 0, at / penalty, at * penalty))
    if sampling.temperature == 0:
        drawn = int(values.argmax())
    else:
        top, ids = (values / sampling.temperature).topk(min(sampling.top_k or len(values), len(values)))
        cumulative = top.softmax(0).cumsum(0)
        # The most likely token stays, and each after it while those before it hold less than top_p.
        last = min(int(torch.searchsorted(cumulative, sampling.top_p)), len(top) - 1)
        chance = torch.rand((), generator=random) * cumulative[last]
        drawn = int(ids[min(int(torch.searchsorted(cumulative, chance, right=True)), last)])
    return drawn if best is None else int(best[drawn])
