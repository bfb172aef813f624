"""Replies graded by reading, 0 to 10, and how well scores agree with the grades."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import correlation


@dataclass(frozen=True)
class Graded:
    """A reply, and how strongly it is what Socrates would have said."""

    prompt: str
    reply: str
    grade: int
    kind: str


def graded() -> list[Graded]:
    """Return the graded replies."""
    lines = Path(__file__).with_name("graded.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [Graded(each["prompt"], each["reply"], each["grade"], each["kind"]) for each in records]


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """Return Spearman's rank correlation, ties having their mean rank."""
    return correlation(_ranks(one), _ranks(other))


def _ranks(values: Sequence[float]) -> list[float]:
    return [sum(each < value for each in values) + sum(each == value for each in values) / 2 for value in values]
