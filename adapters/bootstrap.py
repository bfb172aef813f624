"""Intervals by the bootstrap (Efron 1979), for figures that are a ratio of sums over units drawn at random."""

import random
from collections.abc import Sequence

FEWEST = 5
"""Of fewer units, all may lie on one side of nought by chance more often than once in twenty."""
SAMPLES = 1000
CONFIDENCE = 0.95


def ratio_interval(units: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """Return the 95 % percentile interval of ``sum(a) / sum(b)`` over ``units`` of (a, b), b above 0.

    The same units give the same interval. None for fewer than ``FEWEST`` units, of which nothing can be told.
    """
    if len(units) < FEWEST:
        return None
    random_ = random.Random(0)
    ratios = []
    for _ in range(SAMPLES):
        drawn = random_.choices(units, k=len(units))
        ratios.append(sum(a for a, _ in drawn) / sum(b for _, b in drawn))
    ratios.sort()
    outside = round(SAMPLES * (1 - CONFIDENCE) / 2)
    return ratios[outside], ratios[-1 - outside]
