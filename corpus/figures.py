"""Counting the corpus, and how much of each version's replies had to be changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from corpus.database import rows
from corpus.records import Split, Verdict
from corpus.sqlite import Database

_VERDICTS: tuple[Verdict, ...] = ("unreviewed", "approved", "rewritten", "dropped")
_SPLITS: tuple[Split, ...] = ("train", "held-out")


def edit_distance(reply: str, target: str) -> float:
    """Return the share of characters to be changed from one text to the other (normalised Levenshtein), 0 to 1."""
    from rapidfuzz.distance import Levenshtein  # not needed before the first screen

    return Levenshtein.normalized_distance(reply, target)


def stats(db: Database) -> dict[str, Any]:
    """Return the corpus in numbers.

    ``versions`` tells for each version that spoke, ``weeks`` for each ISO week in which verdicts on spoken replies
    were given: how many were judged, the share approved untouched, and the mean edit distance from reply to target
    over the approved and rewritten (null where there is none). ``tokens`` are those of all spoken turns.
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
    ((characters, prompt_tokens, reply_tokens),) = rows(
        db,
        """
        SELECT coalesce(sum(length(prompt) + characters), 0), coalesce(sum(prompt_tokens), 0),
            coalesce(sum(reply_tokens), 0)
        FROM turns
        """,
    )
    tags = rows(
        db,
        """
        SELECT turn_tags.tag, count(*), sum(turns.verdict IN ('approved', 'rewritten'))
        FROM turn_tags JOIN turns ON turns.id = turn_tags.turn GROUP BY turn_tags.tag ORDER BY turn_tags.tag
        """,
    )
    judged = list(_judged(db))
    return {
        "conversations": conversations,
        "turns": sum(verdicts.values()),
        "verdicts": {verdict: verdicts.get(verdict, 0) for verdict in _VERDICTS},
        "examples": {split: examples.get(split, 0) for split in _SPLITS},
        "rewrites": rewrites,
        "characters": characters,
        "tokens": {"prompt": prompt_tokens, "reply": reply_tokens},
        "tags": {tag: {"turns": turns, "examples": of_them} for tag, turns, of_them in tags},
        "versions": _by(judged, lambda one: one.version),
        "weeks": _by(judged, lambda one: one.week),
    }


def versions(db: Database) -> dict[str, dict[str, Any]]:
    """Return what ``stats`` tells of each version that spoke."""
    return _by(list(_judged(db)), lambda one: one.version)


@dataclass(frozen=True)
class _Judged:
    """Replies that a version spoke and that were judged alike in the same week."""

    version: str
    week: str
    verdict: str
    turns: int
    edit_distance: float


def _judged(db: Database) -> Iterator[_Judged]:
    for version, verdict, day, turns, reply, target in rows(
        db,
        """
        SELECT turns.version, turns.verdict, substr(turns.judged, 1, 10), 1, turns.reply, rewrites.text
        FROM turns JOIN rewrites ON rewrites.id = turns.rewrite WHERE turns.version IS NOT NULL
        UNION ALL
        SELECT version, verdict, substr(judged, 1, 10), count(*), '', '' FROM turns
        WHERE version IS NOT NULL AND verdict IN ('approved', 'dropped') GROUP BY 1, 2, 3
        """,
    ):
        year, week, _ = datetime.fromisoformat(day).isocalendar()
        yield _Judged(version, f"{year}-W{week:02}", verdict, turns, edit_distance(reply, target))


def _by(judged: list[_Judged], key: Callable[[_Judged], str]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, group in groupby(sorted(judged, key=key), key=key):
        alike = list(group)
        turns = sum(one.turns for one in alike)
        targets = sum(one.turns for one in alike if one.verdict != "dropped")
        found[name] = {
            "judged": turns,
            "untouched": sum(one.turns for one in alike if one.verdict == "approved") / turns,
            "edit_distance": sum(one.turns * one.edit_distance for one in alike) / targets if targets else None,
        }
    return found
