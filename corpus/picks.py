"""Picks: which of two versions' replies to the same prompt was the better one, said without knowing whose they were."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from corpus import examples, journal, openings, turns
from corpus.database import now, rows, text, writing
from corpus.records import Act, Split
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr

Choice = Literal["left", "right", "neither"]

_Z = 1.959964
"""The normal quantile of 95 % on both sides."""


@dataclass(frozen=True)
class Pick:
    """Two replies to one prompt, and the one that was chosen."""

    prompt: str
    system: str
    """The system text that both were asked under; may be empty."""
    turn: int | None
    """The turn whose prompt it is, after whose context both replied; None for a prompt that stands alone."""
    base: str
    """The id of the base of both versions."""
    left_version: str
    left_reply: str
    right_version: str
    right_reply: str
    chosen: Choice
    """``neither`` where both are as good, or as bad."""
    seed: int
    """Both replies were drawn with it."""


@dataclass(frozen=True)
class Tally:
    """How often a version was chosen over another."""

    won: int = 0
    lost: int = 0
    neither: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Return both together."""
        return Tally(self.won + other.won, self.lost + other.lost, self.neither + other.neither)

    @property
    def decided(self) -> int:
        """How often one of the two was chosen."""
        return self.won + self.lost

    @property
    def share(self) -> float | None:
        """The share of the decided picks that it won; None where there is none."""
        return self.won / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share (Wilson 1927); None where there is none."""
        if not self.decided:
            return None
        n, share = self.decided, self.won / self.decided
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)


def add(db: Database, pick: Pick) -> Act:
    """Keep ``pick`` as an act, which undo takes back."""
    prompt = text(pick.prompt)
    if not prompt:
        raise CorpusError(tr("The prompt is empty: give it some text."))
    with writing(db):
        cursor = db.conn.execute(
            """
            INSERT INTO picks (
                turn, split, system, prompt, base, left_version, left_reply, right_version, right_reply, chosen, seed,
                created
            )
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                pick.turn,
                _side(db, pick.turn, prompt),
                text(pick.system),
                prompt,
                pick.base,
                pick.left_version,
                text(pick.left_reply),
                pick.right_version,
                text(pick.right_reply),
                pick.chosen,
                pick.seed,
                now(),
            ],
        )
        assert cursor.lastrowid is not None
        return journal.pick(db, cursor.lastrowid)


def _side(db: Database, turn: int | None, prompt: str) -> Split:
    """Return the side of the turn's conversation, or of one that opens nearly as ``prompt``."""
    if turn is None:
        return openings.side_of(db, prompt) or "train"
    found: list[tuple[Split]] = rows(
        db, "SELECT split FROM conversations WHERE id = ?", [turns.turn(db, turn).conversation]
    )
    return found[0][0]


def tallies(db: Database, base: str) -> dict[tuple[str, str], Tally]:
    """Return, for each version of ``base`` and each that it was set against, how often it was chosen."""
    found: dict[tuple[str, str], Tally] = {}
    for left, right, chosen, count in rows(
        db,
        """
        SELECT left_version, right_version, chosen, count(*) FROM picks WHERE counts AND base = ?
        GROUP BY left_version, right_version, chosen
        """,
        [base],
    ):
        counts = {"left": 0, "right": 0, "neither": 0} | {chosen: count}
        of_left = Tally(counts["left"], counts["right"], counts["neither"])
        of_right = Tally(counts["right"], counts["left"], counts["neither"])
        for pair, tally in (((left, right), of_left), ((right, left), of_right)):
            found[pair] = found.get(pair, Tally()) + tally
    return found


def pairs(db: Database, split: Split | None) -> Iterator[dict[str, Any]]:
    """Yield each decided pick of ``split``, None for both sides, as a preference pair in TRL's columns."""
    for turn, system, prompt, chosen, rejected in rows(
        db,
        """
        SELECT turn, system, prompt, iif(chosen = 'left', left_reply, right_reply),
            iif(chosen = 'left', right_reply, left_reply)
        FROM picks
        WHERE counts AND chosen != 'neither' AND left_reply != right_reply AND (:split IS NULL OR split = :split)
        ORDER BY id
        """,
        {"split": split},
    ):
        before = [] if turn is None else turns.path(db, turns.turn(db, turn).parent)
        yield {
            "prompt": [*examples.context(system, before), {"role": "user", "content": prompt}],
            "chosen": [{"role": "assistant", "content": chosen}],
            "rejected": [{"role": "assistant", "content": rejected}],
        }
