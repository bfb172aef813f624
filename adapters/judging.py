"""Measuring the base, the parent and the candidate of a run alike. What the figures allow is adapters.gate's to say."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from adapters.api import BASE
from adapters.base import allow_repacking, compute_dtype, device
from adapters.encoding import Encoder, Row
from adapters.evaluation import encoded, mean_loss, target_losses
from adapters.examples import digest, spread
from adapters.figures import (
    Evaluation,
    HeldOut,
    Neutral,
    Record,
    Replies,
    difference,
    drift,
    fingerprint,
    interval,
    records,
    units,
)
from adapters.gate import judge
from adapters.greedy import greedy_replies
from adapters.lora import Adapter, make_adaptable, put_on, read_adapter, shapes, unwrap
from adapters.registry import EVALUATION, Registry
from adapters.replies import reply_figures

PAIR_TOKENS = 2048
"""About how many tokens of prompts and rejected replies are read, spread over the pairs."""
REPLIES = 8
REPLY_TOKENS = 64
NEUTRAL = Path(__file__).with_name("neutral.jsonl")

Examples = Sequence[dict[str, Any]]


class Judge:
    """Measures the models of one run on the same texts.

    What an earlier run of this home measured of the same weights on the same texts is not measured again.
    """

    def __init__(
        self,
        encoder: Encoder,
        registry: Registry,
        weights: str,
        *,
        examples: Examples,
        held_out: Examples,
        max_tokens: int,
    ):
        """``weights`` is the base's hash. Where nothing is held out, prompts of the training ``examples`` are used."""
        self._encoder = encoder
        self._registry = registry
        self._weights = weights
        self._max_tokens = max_tokens
        self._rows, self._held_out, _ = encoded(encoder, held_out, max_tokens)
        self._asked = spread(self._held_out or encoded(encoder, examples, max_tokens)[1], REPLIES)
        self._neutral = [json.loads(line)["text"] for line in NEUTRAL.read_text(encoding="utf-8").splitlines()]
        how = [encoder.template_hash(), device(), str(compute_dtype(device())), max_tokens]
        self._of_held_out = digest([*how, PAIR_TOKENS, self._held_out])
        self._of_neutral = digest([*how, self._neutral])
        self._of_replies = digest([*how, REPLY_TOKENS, self._asked])
        self._kept = list(records([version for version in registry.versions() if version.as_of]))
        self._models: list[tuple[Record, Adapter | None]] = []

    def before(self, model: Any, parent: str, adapter: Adapter | None) -> None:
        """Measure the base, and the parent where that is not the base, on the trainable ``model``."""
        layers = make_adaptable(model)
        self._add(model, "base", BASE, self._weights, None)
        if adapter is not None:
            put_on(adapter, layers)
            self._add(
                model, "parent", parent, fingerprint(self._registry.get(parent).directory, self._weights), adapter
            )
        unwrap(model)

    def after(self, model: Any, draft: Path) -> Evaluation:
        """Measure the candidate in ``draft`` from its files; write eval.json beside them.

        The ``model`` cannot be trained any more afterwards.
        """
        began = time.perf_counter()
        layers = make_adaptable(model)
        adapter = read_adapter(draft, shapes(layers), device())
        put_on(adapter, layers)
        self._add(model, "candidate", "", fingerprint(draft, self._weights), adapter)
        allow_repacking(model, True)
        for record, worn in self._models:
            put_on(worn, layers)
            record.replies = self._kept_part(record, "replies", self._of_replies) or self._replies(model)
        versions = self.records
        candidate, parent, base = versions[-1], versions[-2], versions[0]
        judgement = judge(candidate, parent, base)
        evaluation = Evaluation(
            versions=versions,
            difference=difference(candidate, parent),
            drift=drift(candidate, base),
            better=judgement.better,
            reason=judgement.reason,
            seconds=round(time.perf_counter() - began, 1),
        )
        (draft / EVALUATION).write_text(evaluation.model_dump_json() + "\n", encoding="utf-8")
        return evaluation

    @property
    def records(self) -> list[Record]:
        """What was measured so far: the base, the parent where it is not the base, and the candidate."""
        return [record for record, _ in self._models]

    def _add(self, model: Any, role: Any, version: str, weights: str, adapter: Adapter | None) -> None:
        record = Record(role=role, version=version, weights=weights)
        if self._held_out:
            record.held_out = self._kept_part(record, "held_out", self._of_held_out) or self._losses(model)
        record.neutral = self._kept_part(record, "neutral", self._of_neutral) or self._neutral_loss(model)
        self._models.append((record, adapter))

    def _kept_part(self, record: Record, part: str, of: str) -> Any:
        """Return what is known of the same weights on the same texts, if anything."""
        parts = (getattr(kept, part) for kept in self._kept if kept.weights == record.weights)
        return next((found for found in parts if found is not None and found.of == of), None)

    def _losses(self, model: Any) -> HeldOut:
        measured = target_losses(model, self._rows)
        losses = [(unit, loss, tokens) for unit, (loss, tokens) in zip(units(self._held_out), measured, strict=True)]
        likelier = self._likelier(model, measured)
        return HeldOut(
            of=self._of_held_out,
            losses=losses,
            loss_per_token=mean_loss(measured),
            interval=interval(losses),
            pairs=len(likelier),
            pair_accuracy=sum(likelier) / len(likelier) if likelier else None,
        )

    def _likelier(self, model: Any, measured: Sequence[tuple[float, int]]) -> list[bool]:
        """Tell of each pair whether a token of its target costs less than one of its rejected reply."""
        pairs = [
            (row.rejected, target)
            for example, target in zip(self._held_out, measured, strict=True)
            for row in self._encoder.rows([example], self._max_tokens, pairs=True)[0]
            if row.rejected is not None and any(row.rejected.supervised)
        ]
        tokens = sum(len(row.ids) for row, _ in pairs)
        pairs = spread(pairs, math.ceil(len(pairs) * min(1, PAIR_TOKENS / max(1, tokens))))
        others = target_losses(model, [row for row, _ in pairs])
        return [
            loss / tokens < its_loss / its_tokens
            for (_, (loss, tokens)), (its_loss, its_tokens) in zip(pairs, others, strict=True)
        ]

    def _neutral_loss(self, model: Any) -> Neutral:
        rows = []
        for text in self._neutral:
            ids = self._encoder.target(text)[:-1]  # prose, which no turn ends
            rows.append(Row([self._encoder.bos, *ids], [False] + [True] * len(ids)))
        return Neutral(of=self._of_neutral, loss_per_token=mean_loss(target_losses(model, rows)))

    def _replies(self, model: Any) -> Replies:
        prompts = [example["messages"][:-1] for example in self._asked]
        targets = [example["messages"][-1]["content"] for example in self._asked] if self._held_out else None
        replies = greedy_replies(model, self._encoder, prompts, REPLY_TOKENS)
        return Replies(of=self._of_replies, **asdict(reply_figures(replies, targets)))
