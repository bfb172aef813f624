"""What replies weigh: their losses under two versions, as far as they were computed, which is an engine's work."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from corpus.database import now, rows, writing
from corpus.sqlite import Database

LossOrder = Literal["loss", "disagreement"]
_FIGURES: dict[LossOrder, str] = {"loss": "loss", "disagreement": "abs(loss - parent_loss)"}
_BY = "losses.base = :base AND losses.version = :version AND losses.parent = :parent"
_UNWEIGHED = f"""
    FROM turns INDEXED BY turns_filter
    WHERE verdict = 'unreviewed' AND NOT EXISTS (SELECT 1 FROM losses WHERE turn = turns.id AND {_BY})
"""


@dataclass(frozen=True)
class Scales:
    """By whom replies are weighed."""

    base: str
    version: str
    """The version that speaks."""
    parent: str
    """The version that it was made from, else ``base``."""


@dataclass(frozen=True)
class Loss:
    """What a reply weighs, in its context."""

    turn: int
    scales: Scales
    loss: float
    """Mean natural-log loss per token, the end of the turn included, under the version."""
    parent_loss: float
    """The same under its parent."""

    @property
    def disagreement(self) -> float:
        """How far the two versions are apart."""
        return abs(self.loss - self.parent_loss)


def keep(db: Database, found: Sequence[Loss]) -> None:
    """Keep losses in the place of earlier ones; a turn that another program took away meanwhile has none."""
    with writing(db):
        db.conn.executemany(
            """
            INSERT OR REPLACE INTO losses (turn, base, version, parent, loss, parent_loss, created)
            SELECT id, ?, ?, ?, ?, ?, ? FROM turns WHERE id = ?
            """,
            [
                (of.scales.base, of.scales.version, of.scales.parent, of.loss, of.parent_loss, now(), of.turn)
                for of in found
            ],
        )


def of(db: Database, turn_ids: Sequence[int]) -> dict[int, Loss]:
    """Return the losses that are kept of those turns, by turn."""
    found = rows(
        db,
        """
        SELECT turn, base, version, parent, loss, parent_loss FROM losses
        WHERE turn IN (SELECT value FROM json_each(?))
        """,
        [json.dumps(turn_ids)],
    )
    return {
        turn: Loss(turn, Scales(base, version, parent), loss, parent_loss)
        for turn, base, version, parent, loss, parent_loss in found
    }


def heaviest(db: Database, scales: Scales, order: LossOrder, limit: int) -> list[int]:
    """Return the unreviewed turns that were weighed by ``scales``, those of the greatest figure first."""
    found = rows(
        db,
        f"""
        SELECT turn FROM losses CROSS JOIN turns INDEXED BY turns_filter ON turns.id = losses.turn
        WHERE {_BY} AND turns.verdict = 'unreviewed'
        ORDER BY {_FIGURES[order]} DESC, turn DESC LIMIT :limit
        """,
        {**vars(scales), "limit": limit},
    )
    return [turn for (turn,) in found]


def unweighed(db: Database, scales: Scales, limit: int | None) -> list[tuple[int, int]]:
    """Return the unreviewed turns that were not weighed by ``scales``, newest first, each with its conversation."""
    query = f"SELECT id, conversation {_UNWEIGHED} ORDER BY id DESC LIMIT :limit"
    found = rows(db, query, {**vars(scales), "limit": -1 if limit is None else limit})
    return [(turn, conversation) for turn, conversation in found]


def count_unweighed(db: Database, scales: Scales) -> int:
    """Return the number of turns that ``unweighed`` returns."""
    ((counted,),) = rows(db, f"SELECT count(*) {_UNWEIGHED}", vars(scales))
    return int(counted)
