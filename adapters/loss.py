"""The loss at the supervised positions of a packed batch, without ever holding the batch's full logits."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from adapters.encoding import Row

CHUNK = 256
"""Positions whose logits exist at one time; Gemma's vocabulary makes 256 of them 268 MB in float32."""
MARGIN_SCALE, MARGIN = 2.0, 1.0
"""Beta and gamma of the pairs' penalty."""
NEGLIGIBLE = 1e-5
"""A chance too small to move anything: the gradient without it has a cosine above 0.99999 with the whole one."""

Decoder = Callable[[torch.Tensor], torch.Tensor]
"""Returns the hidden states, shape (rows, length, d), of ids (rows, length), in the place of ``hidden_states``."""


class HeadLoss(torch.autograd.Function):
    """Cross-entropy of a frozen head at each position, and on the way forward the gradient for the hidden states too.

    The logits of a chunk are needed once: for its loss, and at once for its gradient, after which they are dropped
    (the fused linear cross-entropy of Liger Kernel, arXiv 2410.10989). Words that no position of the chunk gives a
    chance of ``NEGLIGIBLE`` are left out of the gradient (the filter of cut cross-entropy, arXiv 2411.09009), which
    spares nearly all of the second product. The head itself gets no gradient.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, head: torch.Tensor, targets: torch.Tensor, softcap: float | None
    ) -> torch.Tensor:
        """Return the losses, natural log, shape (n,); hidden (n, d), head (vocabulary, d), targets (n,)."""
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        gradient = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(targets), CHUNK):
            part = slice(start, start + CHUNK)
            logits = (hidden[part].to(head.dtype) @ head.T).float()
            if softcap is not None:
                logits = logits.div_(softcap).tanh_().mul_(softcap)
            rows = torch.arange(len(logits), device=logits.device)
            log_normaliser = logits.logsumexp(1)
            losses[part] = log_normaliser - logits[rows, targets[part]]
            if gradient is not None:
                likely = logits.sub_(log_normaliser[:, None]).amax(0) > math.log(NEGLIGIBLE)
                likely[targets[part]] = True
                words = likely.nonzero()[:, 0]
                chances = logits.index_select(1, words)
                slopes = None
                if softcap is not None:
                    slopes = 1 - ((chances + log_normaliser[:, None]) / softcap) ** 2
                chances.exp_()
                chances[rows, torch.searchsorted(words, targets[part])] -= 1
                if slopes is not None:
                    chances *= slopes
                gradient[part] = (chances.to(head.dtype) @ head.index_select(0, words)).to(hidden.dtype)
        ctx.save_for_backward(gradient)
        return losses

    @staticmethod
    def backward(ctx: Any, outer: torch.Tensor) -> tuple[torch.Tensor | None, None, None, None]:
        """Return the hidden states' gradient, each scaled by ``outer``, shape (n,)."""
        (gradient,) = ctx.saved_tensors
        return (gradient * outer.to(gradient.dtype)[:, None], None, None, None)


@dataclass(frozen=True)
class Batch:
    """Rows side by side, padded behind to the longest: under causal attention nothing before sees what is behind."""

    ids: torch.Tensor
    """Shape (rows, longest)."""
    rows: torch.Tensor
    predictors: torch.Tensor
    """Row and position of each token whose next one is supervised, shape (targets,)."""
    targets: torch.Tensor
    """The supervised tokens, shape (targets,)."""


def pad(rows: Sequence[Row], device: str) -> Batch:
    """Return ``rows`` as one batch on ``device``."""
    longest = max(len(row.ids) for row in rows)
    ids = torch.tensor([row.ids + [0] * (longest - len(row.ids)) for row in rows])
    supervised = torch.tensor([row.supervised + [False] * (longest - len(row.ids)) for row in rows])
    places, positions = supervised.nonzero(as_tuple=True)
    return Batch(ids.to(device), places.to(device), (positions - 1).to(device), ids[places, positions].to(device))


def grouped(rows: Iterable[Row], batch_tokens: int) -> Iterator[list[Row]]:
    """Yield ``rows`` in their order, as many together as ``batch_tokens`` allows, padding included; at least one."""
    group: list[Row] = []
    longest = 0
    for row in rows:
        longest = max(longest, len(row.ids))
        if group and longest * (len(group) + 1) > batch_tokens:
            yield group
            group, longest = [], len(row.ids)
        group.append(row)
    if group:
        yield group


def hidden_states(model: Any, ids: torch.Tensor, *, checkpointing: bool = False) -> torch.Tensor:
    """Return a causal language model's (transformers' Gemma 2 or 3) last hidden states, shape (rows, length, d).

    With ``checkpointing`` a backward pass computes each layer's activations again (arXiv 1604.06174).
    """
    masks = _masks(model.config, ids.shape[1], model.model.embed_tokens.weight)
    with _checkpointing(model) if checkpointing else nullcontext():
        hidden: torch.Tensor = model.model(input_ids=ids, attention_mask=masks, use_cache=False).last_hidden_state
    return hidden


@contextmanager
def _checkpointing(model: Any) -> Iterator[None]:
    """Have the layers of ``model`` checkpointed in the forward passes of this context."""
    # The state of random numbers cannot be read while a CUDA graph is captured, where no dropout draws any.
    capturing = torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
    settings = {"use_reentrant": False, "preserve_rng_state": not capturing}
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=settings)
    try:
        yield
    finally:
        model.gradient_checkpointing_disable()
        model.disable_input_require_grads()  # which enabling has asked for, and without reentrance nothing needs


def losses(model: Any, batch: Batch, decoder: Decoder | None = None) -> torch.Tensor:
    """Return the loss of each of the batch's targets, shape (targets,)."""
    hidden = hidden_states(model, batch.ids) if decoder is None else decoder(batch.ids)
    picked = hidden[batch.rows, batch.predictors]
    found: torch.Tensor = HeadLoss.apply(  # type: ignore[no-untyped-call]
        picked, model.lm_head.weight, batch.targets, getattr(model.config, "final_logit_softcapping", None)
    )
    return found


def objective(
    model: Any,
    rows: Sequence[Row],
    device: str,
    *,
    targets: int,
    pairs: int = 0,
    pair_weight: float = 0.0,
    floor: float = 0.0,
    decoder: Decoder | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what is to be minimised, and of it the loss per target: sums over ``rows``, divided by counts of the step.

    A token whose loss is under ``floor`` teaches nothing more (flooding, arXiv 2002.08709, for each token by itself):
    without one, what always follows in a corpus becomes certain by 100 nats and more. For each row with a rejected
    reply, ``pair_weight`` times the margin by which the rejected one's mean loss should exceed the target's is added
    (SimPO, arXiv 2405.14734, beside the loss of the target).
    """
    rejected = [row.rejected for row in rows if row.rejected is not None] if pair_weight else []
    batch = pad([*rows, *rejected], device)
    found = losses(model, batch, decoder)
    wanted = found[batch.rows < len(rows)]
    told = wanted.detach().sum() / targets
    minimised = wanted.clamp(min=floor).sum() / targets
    if not rejected:
        return minimised, told
    sums = torch.zeros(len(rows) + len(rejected), device=found.device)
    means = sums.index_add(0, batch.rows, found) / sums.index_add(0, batch.rows, torch.ones_like(found))
    chosen = means[[number for number, row in enumerate(rows) if row.rejected is not None]]
    margins = MARGIN_SCALE * (means[len(rows) :] - chosen) - MARGIN
    penalty = -torch.nn.functional.logsigmoid(margins).sum() / pairs
    return minimised + pair_weight * penalty, told


def _masks(config: Any, length: int, like: torch.Tensor) -> dict[str, torch.Tensor | None]:
    """Return the causal mask of each kind of layer; None is causal attention as torch has it built in."""
    eager = config._attn_implementation == "eager"
    masks: dict[str, torch.Tensor | None] = {}
    for kind, window in (("full_attention", length), ("sliding_attention", config.sliding_window)):
        if window >= length and not eager:
            masks[kind] = None
            continue
        behind = torch.arange(length, device=like.device)[:, None] - torch.arange(length, device=like.device)
        seen = ((behind >= 0) & (behind < window))[None, None]
        masks[kind] = torch.where(seen, 0.0, torch.finfo(like.dtype).min).to(like.dtype) if eager else seen
    return masks
