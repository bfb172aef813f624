"""Texts that are nearly the same: when two are, and how to find those that may be without comparing all with all."""

import re
import struct
import unicodedata
from operator import eq

NEAR = 0.9
"""Share of the letters of two texts that agrees, from which on the texts are nearly the same."""
BANDS = 10

_ROWS = 4
_SEED = 1
_SHORT = 10
"""Letters below which only equal ones are near: a single one that differs is more than a tenth."""
_UNSPOKEN = re.compile(r"[\W_]+")
_IDEOGRAPHIC = "\u2e80"
"""From here on a character, kana or kanji, says about as much as two of other scripts."""
_BANDS_OF_SKETCH = struct.Struct(f"<{BANDS}q")
_ROWS_OF_SKETCH = struct.Struct(f"<{BANDS * _ROWS}H")


def letters(text: str) -> str:
    """Return what counts of ``text``: letters and digits, whatever their case and width; all of it if it has none."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _UNSPOKEN.sub("", folded) or folded


def likeness(one: str, other: str) -> float:
    """Return what share of two texts' letters agrees: 1 - Levenshtein distance / longer length; 0 below ``NEAR``."""
    if one == other:
        return 1.0
    if min(len(one), len(other)) < _SHORT:
        return 0.0
    from rapidfuzz.distance import Levenshtein  # 10 ms

    return Levenshtein.normalized_similarity(one, other, score_cutoff=NEAR)


def sketch(letters: str) -> bytes:
    """Return the MinHash of a text's letters: 40 rows of 16 bits, of which near texts share more than others do.

    The hashed grams are pairs of kana and kanji, which need no words set apart, and triples of other letters. Bands of
    openings are stored: where other code or another rensa gives others, a migration must make them anew.
    """
    import rensa

    minhash = rensa.RMinHash(BANDS * _ROWS, _SEED)
    if len(letters) < _SHORT:
        minhash.update([letters])
    else:
        minhash.update([letters[at : at + 2 + (first < _IDEOGRAPHIC)] for at, first in enumerate(letters)])
    return _ROWS_OF_SKETCH.pack(*[row & 0xFFFF for row in minhash.digest()])


def bands(sketch: bytes) -> tuple[int, ...]:
    """Return the 10 bands of a sketch, 64 bits each; near texts share one or more, few others do."""
    return _BANDS_OF_SKETCH.unpack(sketch)


def common_rows(one: bytes, other: bytes) -> int:
    """Return how many rows two sketches share."""
    return sum(map(eq, _ROWS_OF_SKETCH.unpack(one), _ROWS_OF_SKETCH.unpack(other)))
