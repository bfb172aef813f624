"""Weighing the replies that wait for a verdict: their losses under the active version and its parent, without a UI."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

from adapters.api import BASE, Engine, Message
from adapters.registry import Registry
from corpus.losses import Loss, Scales
from corpus.records import Turn
from corpus.store import Corpus
from socrates_errors import VersionError

Compute = Callable[[Sequence[Sequence[Message]], Sequence[str]], list[list[float | None]] | None]
"""``Engine.losses``, with what stops it."""
PIECE = 8
"""Turns of a conversation that are weighed and stored together."""


@dataclass(frozen=True)
class Weighed:
    """How far a weighing is."""

    done: int
    of: int
    too_long: int = 0
    """Replies that are longer than the context, of those that are done."""


def scales_of(registry: Registry, base: str, version: str) -> Scales:
    """Return by whom replies are weighed while ``version`` speaks: by it and its parent, or base if that is gone."""
    parent = BASE
    if version != BASE:
        with suppress(VersionError):
            told = registry.get(version)
            if told.parent != BASE and registry.get(told.parent).base == told.base:
                parent = told.parent
    return Scales(base, version, parent)


def weigh(
    corpus: Corpus,
    engine: Engine,
    scales: Scales,
    *,
    stopped: Callable[[], bool] = lambda: False,
    beside: Callable[[], bool] = lambda: False,
) -> Iterator[Weighed]:
    """Weigh every unreviewed reply that was not, the newest conversation first; yield how far that is, piece by piece.

    Once it is ``stopped``, what was yielded is stored, and the next weighing goes on from there.
    """
    done = 0
    too_long: set[int] = set()
    while todo := [found for found in corpus.unweighed(scales) if found[0] not in too_long]:
        of = done + len(todo)
        for piece in _pieces(todo):
            turns = [turn for turn in corpus.these(piece) if turn.verdict == "unreviewed"]
            losses = _losses(corpus, scales, turns, partial(engine.losses, stopped=stopped, beside=beside))
            if losses is None:
                return
            corpus.keep_losses(losses)
            too_long |= {turn.id for turn in turns} - {loss.turn for loss in losses}
            done += len(piece)
            yield Weighed(done, of, len(too_long))


def _pieces(todo: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Yield the turns of each conversation, a few together, so that what they follow on is read once."""
    conversations: dict[int, list[int]] = {}
    for turn, conversation in todo:
        conversations.setdefault(conversation, []).append(turn)
    for turns in conversations.values():
        turns.sort()
        for start in range(0, len(turns), PIECE):
            yield turns[start : start + PIECE]


def _losses(corpus: Corpus, scales: Scales, turns: Sequence[Turn], compute: Compute) -> list[Loss] | None:
    """Return the losses of ``turns``, without those that are too long; None where computing was stopped.

    A version by which all of them were weighed before, as the parent of a new one was, is not asked again.
    """
    known = _known(corpus, scales, turns)
    versions = [
        version
        for version in dict.fromkeys((scales.version, scales.parent))
        if any(version not in known[turn.id] for turn in turns)
    ]
    if versions:
        examples = [
            [
                *cast("list[Message]", corpus.context(turn.conversation, parent=turn.parent)),
                Message(role="user", content=turn.prompt),
                Message(role="assistant", content=turn.reply),
            ]
            for turn in turns
        ]
        found = compute(examples, versions)
        if found is None:
            return None
        for version, losses in zip(versions, found, strict=True):
            for turn, loss in zip(turns, losses, strict=True):
                if loss is not None:
                    known[turn.id][version] = loss
    return [
        Loss(turn, scales, by[scales.version], by[scales.parent])
        for turn, by in known.items()
        if scales.version in by and scales.parent in by
    ]


def _known(corpus: Corpus, scales: Scales, turns: Sequence[Turn]) -> dict[int, dict[str, float]]:
    """Return what is known of each of ``turns``, by version."""
    kept = corpus.losses([turn.id for turn in turns])
    known: dict[int, dict[str, float]] = {turn.id: {} for turn in turns}
    for turn, loss in kept.items():
        if loss.scales.base == scales.base:
            known[turn] = {loss.scales.version: loss.loss, loss.scales.parent: loss.parent_loss}
    return known
