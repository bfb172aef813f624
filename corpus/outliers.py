"""What most targets of a corpus have in common, and which are unlike them. It counts, and prefers nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import quantiles

SHARED = 0.9
"""Share of the targets from which on a feature, or its absence, is what they have in common."""

_FEWEST = 30
"""Targets below which shares say nothing."""
_FENCE = 3.0
"""Distances of the quartiles, beyond them, within which lengths are usual (Tukey's outer fences, of logarithms)."""
_CLOSED = r"[」』\"'”’)）\s]*$"
_FEATURES = {
    "a question at the end": re.compile(rf"(?:[?？]|か[ねい]?[。.]?){_CLOSED}"),
    "polite endings (です, ます)": re.compile(
        r"(?:です|ます|ません|でした|ました|でしょう|ましょう|ください)(?:か|ね|よ|が)*(?:[、。！？!?…\s]|$)"
    ),
    "lists, headings or other Markdown": re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s|^#{1,6}\s|```|\*\*", re.MULTILINE),
    "several lines": re.compile(r"\n"),
    "emoji": re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]"),
}
_QUOTED = re.compile("「[^」]*」|『[^』]*』")


def features(text: str) -> int:
    """Return which of the features ``text`` has, one bit each; what it quotes is another's style."""
    own = _QUOTED.sub("「」", text)
    return sum(1 << bit for bit, feature in enumerate(_FEATURES.values()) if feature.search(own))


@dataclass(frozen=True)
class Outliers:
    """Targets that lack what the others have in common."""

    places: tuple[int, ...]
    """Where they stand among all that were given."""
    what: str
    """What they come with, or without, unlike the others."""


def outliers(found: Sequence[int], characters: Sequence[int]) -> Iterator[Outliers]:
    """Yield the targets unlike the others, by feature and by length; ``found`` and ``characters`` are those of each."""
    if len(found) < _FEWEST:
        return
    for bit, feature in enumerate(_FEATURES):
        having = tuple(place for place, bits in enumerate(found) if bits >> bit & 1)
        share = len(having) / len(found)
        if SHARED <= share < 1:
            lacking = tuple(place for place, bits in enumerate(found) if not bits >> bit & 1)
            yield Outliers(lacking, f"without {feature}")
        elif 0 < share <= 1 - SHARED:
            yield Outliers(having, f"with {feature}")
    lower, _, upper = quantiles(map(log, characters), n=4)
    for name, bound, sign in (
        ("fewer", lower - _FENCE * (upper - lower), -1),
        ("more", upper + _FENCE * (upper - lower), 1),
    ):
        beyond = tuple(place for place, count in enumerate(characters) if sign * log(count) > sign * bound)
        if beyond and lower < upper:
            yield Outliers(
                beyond,
                f"with {name} than {exp(bound):.0f} characters, where half have {exp(lower):.0f} to {exp(upper):.0f}",
            )
