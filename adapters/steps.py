"""The optimiser's steps, epoch by epoch, in one process or shared by several. It makes and keeps no adapter."""

import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import torch

from adapters.api import Event
from adapters.base import device
from adapters.captured import Captured
from adapters.encoding import Row
from adapters.evaluation import loss_per_token
from adapters.loss import Decoder, grouped, hidden_states, objective
from adapters.memory import Memory, out_of_memory
from adapters.recipe import Recipe
from socrates_language import tr


class RefusedError(Exception):
    """The run ended without a version worth keeping; its message says why and what to do."""


def joined() -> Any:
    """Return accelerate's state of this process among those that train together; it chooses this process's GPU."""
    from accelerate import PartialState

    # One process may wait as long as another takes to load and evaluate a large base.
    return PartialState(cpu=device() == "cpu", timeout=timedelta(hours=2))


def run_epochs(
    model: Any, rows: Sequence[Row], held_out: Sequence[Row], recipe: Recipe, memory: Memory
) -> Iterator[Event]:
    """Train for the recipe's epochs, yielding each step and each epoch's evaluation; stop early where nothing improves.

    Processes that were launched together each take a share of every step, and all yield the same. Raises RefusedError
    on a loss that is not finite and on an adapter that did not move.
    """
    causal = model.get_base_model()
    trainable = [p for p in model.parameters() if p.requires_grad]
    initial = [p.detach().clone() for p in trainable]
    for parameter in trainable:
        parameter.grad = torch.zeros_like(parameter)
    captured = Captured(causal, trainable, memory.without_graphs) if memory.captures else None
    optimiser = torch.optim.AdamW(trainable, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    shuffle = random.Random(recipe.seed)
    planned = [_groups(rows, recipe.batch_tokens, shuffle) for _ in range(recipe.epochs)]
    steps = sum(len(groups) for groups in planned)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, warm_up_then_cosine(steps, recipe.warmup))
    step, tokens, train_s, evaluation_s = 0, 0, 0.0, 0.0
    best, without_gain = math.inf, 0
    for epoch, groups in enumerate(planned, start=1):
        model.train()
        total, count = 0.0, 0
        for group in groups:
            began = time.perf_counter()
            targets = sum(sum(row.supervised) for row in group)
            pairs = sum(row.rejected is not None for row in group)
            scale = {"targets": targets, "pairs": pairs, "pair_weight": recipe.pair_weight, "floor": recipe.floor}
            value = _together(trainable, accumulate(causal, _share(group), scale, memory, captured))
            if not math.isfinite(value):
                raise RefusedError(
                    tr(
                        "The loss became {value} at step {step}: train again with --preset seed, or look for damaged "
                        "examples with `socrates corpus check`."
                    ).format(value=value, step=step + 1)
                )
            torch.nn.utils.clip_grad_norm_(trainable, recipe.clip)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=False)
            total, count = total + value * targets, count + targets
            step, tokens = step + 1, tokens + sum(len(row.ids) for row in group)
            train_s += time.perf_counter() - began
            yield {
                "event": "step",
                "step": step,
                "steps": steps,
                "epoch": epoch,
                "loss": value,
                "learning_rate": schedule.get_last_lr()[0],
                "tokens_per_s": tokens / train_s,
                "seconds_left": (steps - step) * train_s / step + (recipe.epochs - epoch + 1) * evaluation_s,
                "elapsed_s": train_s,
                "peak_memory_bytes": memory.peak_bytes(),
            }
        began = time.perf_counter()
        model.eval()
        loss = held_out_loss(causal, held_out)
        evaluation_s = time.perf_counter() - began
        better = loss is None or loss < best
        best, without_gain = (loss or best, 0) if better else (best, without_gain + 1)
        last = epoch == recipe.epochs or without_gain >= recipe.patience
        yield {
            "event": "evaluated",
            "epoch": epoch,
            "step": step,
            "held_out_loss": loss,
            "train_loss": total / count,
            "best": better,
            "last": last,
        }
        if last:
            break
    if all(torch.equal(now, then) for now, then in zip(trainable, initial, strict=True)):
        raise RefusedError(tr("Training changed nothing: the examples may all be empty; see `socrates corpus stats`."))


def accumulate(
    model: Any, rows: Sequence[Row], scale: dict[str, Any], memory: Memory, captured: Captured | None = None
) -> torch.Tensor:
    """Add the gradient of ``objective(rows, **scale)``; return the loss per target that it tells, shape ().

    The rows are computed in as many parts as memory asks for, which changes the result by rounding only. Where it runs
    out all the same, the step begins again in smaller parts.
    """
    total = torch.zeros((), device=device())
    for part, checkpointing in memory.parts(rows):
        if captured is None:
            decoder: Decoder = partial(hidden_states, model, checkpointing=checkpointing)
        else:
            decoder = captured.decoder(checkpointing=checkpointing)
        try:
            with memory.measured(part, checkpointing):
                total += _backward(model, part, scale, decoder)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if captured is not None and captured.graphs:
                captured.give_way()
            else:
                memory.give_way(part, checkpointing)
            break
    else:
        return total
    model.zero_grad(set_to_none=False)
    with suppress(RuntimeError):  # a capture that failed may leave it undone
        torch.cuda.empty_cache()  # does nothing where there is no GPU
    return accumulate(model, rows, scale, memory, captured)


def _backward(model: Any, part: Sequence[Row], scale: dict[str, Any], decoder: Decoder) -> torch.Tensor:
    """Add the gradients of one part and return its loss; what autograd keeps of it ends here, not with the step."""
    minimised, loss = objective(model, part, device(), **scale, decoder=decoder)
    minimised.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def held_out_loss(model: Any, rows: Sequence[Row]) -> float | None:
    """Return the mean loss over the targets of ``rows``, of which each process computes a share; None without rows."""
    processes = joined()
    if processes.num_processes == 1 or not rows:
        return loss_per_token(model, rows)
    share = _share(rows)
    count = sum(sum(row.supervised) for row in share)
    figures = torch.tensor([(loss_per_token(model, share) or 0.0) * count, count], device=processes.device)
    total, targets = _summed(figures).tolist()
    return float(total / targets)


def _share(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows that are this process's to compute."""
    processes = joined()
    return rows[processes.process_index :: processes.num_processes]


def _together(trainable: Sequence[torch.nn.Parameter], loss: torch.Tensor) -> float:
    """Give every process the sum of all gradients, and return the sum of the losses."""
    if joined().num_processes > 1:
        gradients = [p.grad for p in trainable if p.grad is not None]
        summed = _summed(torch.cat([loss.reshape(1), *(gradient.flatten() for gradient in gradients)]))
        loss, *pieces = torch.split(summed, [1, *(gradient.numel() for gradient in gradients)])
        for gradient, piece in zip(gradients, pieces, strict=True):
            gradient.copy_(piece.view_as(gradient))
    return float(loss)


def _summed(tensor: torch.Tensor) -> torch.Tensor:
    from accelerate.utils import reduce

    together: torch.Tensor = reduce(tensor, "sum")
    return together


def _groups(rows: Sequence[Row], batch_tokens: int, shuffle: random.Random) -> list[list[Row]]:
    """Return the groups of one epoch in random order; rows of about the same length are together, never quite alike."""
    groups = list(grouped(sorted(rows, key=lambda row: len(row.ids) * shuffle.uniform(0.9, 1.1)), batch_tokens))
    shuffle.shuffle(groups)
    return groups


def warm_up_then_cosine(steps: int, warmup: float) -> Callable[[int], float]:
    """Return the factor of the learning rate at each step: a linear rise, then a cosine down to a tenth."""
    rise = max(1, round(steps * warmup))

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / rise
        return 0.1 + 0.45 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

    return factor
