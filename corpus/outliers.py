"""What most targets of a corpus have in common, and which are unlike them. It counts, and prefers nothing."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import quantiles

from socrates_language import marked, tr

SHARED = 0.9
"""Share of the targets from which on a feature, or its absence, is what they have in common."""

_FEWEST = 30
"""Targets below which shares say nothing."""
_FENCE = 3.0
"""Distances of the quartiles, beyond them, within which lengths are usual (Tukey's outer fences, of logarithms)."""
_CLOSED = r"[」』\"'”’)）\s]*$"
_FEATURES = {
    (marked("with a question at the end"), marked("without a question at the end")): re.compile(
        rf"(?:[?？]|か[ねい]?[。.]?){_CLOSED}"
    ),
    (marked("with polite endings (です, ます)"), marked("without polite endings (です, ます)")): re.compile(
        r"(?:です|ます|ません|でした|ました|でしょう|ましょう|ください)(?:か|ね|よ|が)*(?:[、。！？!?…\s]|$)"
    ),
    (marked("with lists, headings or other Markdown"), marked("without lists, headings or other Markdown")): re.compile(
        r"^\s*(?:[-*+•]|\d+[.)])\s|^#{1,6}\s|```|\*\*", re.MULTILINE
    ),
    (marked("with several lines"), marked("without several lines")): re.compile(r"\n"),
    (marked("with emoji"), marked("without emoji")): re.compile("[\u2600-\u27bf\U0001f300-\U0001faff]"),
}
"""What finds a feature, by what is said of a target with it and of one without it."""
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
    for bit, (present, absent) in enumerate(_FEATURES):
        having = tuple(place for place, bits in enumerate(found) if bits >> bit & 1)
        share = len(having) / len(found)
        if SHARED <= share < 1:
            lacking = tuple(place for place, bits in enumerate(found) if not bits >> bit & 1)
            yield Outliers(lacking, tr(absent))
        elif 0 < share <= 1 - SHARED:
            yield Outliers(having, tr(present))
    lower, _, upper = quantiles(map(log, characters), n=4)
    for sentence, bound, sign in (
        (
            tr("with fewer than {bound} characters, where half have {lower} to {upper}"),
            lower - _FENCE * (upper - lower),
            -1,
        ),
        (
            tr("with more than {bound} characters, where half have {lower} to {upper}"),
            upper + _FENCE * (upper - lower),
            1,
        ),
    ):
        beyond = tuple(place for place, count in enumerate(characters) if sign * log(count) > sign * bound)
        if beyond and lower < upper:
            told = {"bound": exp(bound), "lower": exp(lower), "upper": exp(upper)}
            yield Outliers(beyond, sentence.format(**{name: f"{value:.0f}" for name, value in told.items()}))
