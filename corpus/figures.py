"""Counting the corpus, and how much of each version's replies had to be changed."""

from collections import defaultdict
from difflib import SequenceMatcher
from typing import Any

from corpus.database import rows
from corpus.records import Split, Verdict
from corpus.sqlite import Database

_VERDICTS: tuple[Verdict, ...] = ("unreviewed", "approved", "rewritten", "dropped")
_SPLITS: tuple[Split, ...] = ("train", "held-out")


def edit_distance(reply: str, target: str) -> float:
    """Return the share of two texts that differs: 0 for equal ones, 1 where nothing is common (difflib's ratio)."""
    return 1 - SequenceMatcher(None, reply, target, autojunk=False).ratio()


def stats(db: Database) -> dict[str, Any]:
    """Return the corpus in numbers.

    ``versions`` holds for each version that spoke how many of its turns were judged, the share of those approved
    untouched, and the mean edit distance from reply to target over the approved and rewritten (null where none is).
    """
    verdicts = dict(rows(db, "SELECT verdict, count(*) FROM turns GROUP BY verdict"))
    examples = dict(
        rows(
            db,
            """
            SELECT conversations.split, count(*) FROM turns JOIN conversations ON conversations.id = turns.conversation
            WHERE turns.verdict IN ('approved', 'rewritten') GROUP BY conversations.split
            """,
        )
    )
    ((conversations,),) = rows(db, "SELECT count(*) FROM conversations WHERE head IS NOT NULL")
    ((rewrites,),) = rows(db, "SELECT count(*) FROM rewrites")
    ((characters,),) = rows(
        db,
        """
        SELECT coalesce(sum(length(turns.prompt) + length(coalesce(rewrites.text, turns.reply))), 0)
        FROM turns LEFT JOIN rewrites ON rewrites.id = turns.rewrite
        """,
    )
    return {
        "conversations": conversations,
        "turns": sum(verdicts.values()),
        "verdicts": {verdict: verdicts.get(verdict, 0) for verdict in _VERDICTS},
        "examples": {split: examples.get(split, 0) for split in _SPLITS},
        "rewrites": rewrites,
        "characters": characters,
        "versions": _versions(db),
    }


def _versions(db: Database) -> dict[str, dict[str, Any]]:
    judged: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for version, verdict, turns in rows(
        db,
        "SELECT version, verdict, count(*) FROM turns WHERE version IS NOT NULL AND judged IS NOT NULL GROUP BY 1, 2",
    ):
        judged[version][verdict] = turns
    distances: dict[str, list[float]] = defaultdict(list)
    for version, reply, target in rows(
        db,
        """
        SELECT turns.version, turns.reply, rewrites.text FROM turns JOIN rewrites ON rewrites.id = turns.rewrite
        WHERE turns.version IS NOT NULL
        """,
    ):
        distances[version].append(edit_distance(reply, target))
    found = {}
    for version, verdicts in sorted(judged.items()):
        targets = verdicts["approved"] + verdicts["rewritten"]
        found[version] = {
            "judged": sum(verdicts.values()),
            "untouched": verdicts["approved"] / sum(verdicts.values()),
            "edit_distance": sum(distances[version]) / targets if targets else None,
        }
    return found
