"""Choosing turns by what is known of them. Choosing by what is said in them is corpus.search's."""

from dataclasses import dataclass
from typing import Any

from corpus.records import Split, Verdict


@dataclass(frozen=True)
class Filter:
    """Which turns are meant: those for which everything that is given here is true."""

    verdict: Verdict | None = None
    version: str | None = None
    """The version that spoke."""
    tags: tuple[str, ...] = ()
    """Every one of them."""
    conversation: int | None = None
    source: str | None = None
    """Where the conversation came from: ``chat``, or the name of the imported file."""
    split: Split | None = None
    since: str | None = None
    until: str | None = None
    """Spoken or imported from ``since`` on and before ``until``; moments as the corpus writes them."""
    min_length: int | None = None
    max_length: int | None = None
    """Characters of the rewrite, else of the reply."""
    has_rewrite: bool | None = None
    """Whether it was ever rewritten, even if that rewrite no longer counts."""

    def conditions(self) -> tuple[list[str], list[Any]]:
        """Return SQL conditions on the narrow columns of ``turns``, which the index turns_filter covers."""
        conditions = []
        parameters: list[Any] = []
        for condition, wanted in (
            ("verdict = ?", self.verdict),
            ("version = ?", self.version),
            ("conversation = ?", self.conversation),
            # The plus signs keep SQLite from looking for each of those conversations in turn.
            ("+conversation IN (SELECT id FROM conversations WHERE source = ?)", self.source),
            ("+conversation IN (SELECT id FROM conversations WHERE split = ?)", self.split),
            ("created >= ?", self.since),
            ("created < ?", self.until),
            ("characters >= ?", self.min_length),
            ("characters <= ?", self.max_length),
            *(("id IN (SELECT turn FROM turn_tags WHERE tag = ?)", tag) for tag in self.tags),
        ):
            if wanted is not None:
                conditions.append(condition)
                parameters.append(wanted)
        if self.has_rewrite is not None:
            conditions.append(f"id {'IN' if self.has_rewrite else 'NOT IN'} (SELECT turn FROM rewrites)")
        return conditions, parameters


EVERYTHING = Filter()
"""Leaves every turn."""
