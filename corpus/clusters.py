"""Gathering the texts of a list that are nearly the same, without comparing all with all."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

from corpus.similar import BANDS, common_rows, likeness

_CROWD = 50
"""Texts of one band that each is compared with: those made after one pattern crowd together."""
_LIKELY = 14
"""Rows, of 40, that two sketches share at least where the texts are compared: near ones share 22 to 40, others 8."""
_BAND_BYTES = 8


def equal(keys: Sequence[bytes]) -> Iterator[list[int]]:
    """Yield the places of each key that is there more than once."""
    for _, group in groupby(sorted(range(len(keys)), key=keys.__getitem__), key=keys.__getitem__):
        places = list(group)
        if len(places) > 1:
            yield places


class Clusters:
    """Places that belong together, directly or by way of others: a disjoint-set forest."""

    def __init__(self, count: int) -> None:
        self._above = list(range(count))

    def of(self, place: int) -> int:
        """Return the place that stands for the cluster of ``place``, its first."""
        while place != self._above[place]:
            self._above[place] = place = self._above[self._above[place]]
        return place

    def join(self, one: int, other: int) -> None:
        """Make the clusters of two places one."""
        one, other = sorted((self.of(one), self.of(other)))
        self._above[other] = one

    def larger(self) -> Iterator[list[int]]:
        """Yield the places of every cluster of two or more."""
        found = defaultdict(list)
        for place in range(len(self._above)):
            found[self.of(place)].append(place)
        return (places for places in found.values() if len(places) > 1)


def near(sketches: Sequence[bytes], letters: Callable[[int], str]) -> Clusters:
    """Return the clusters of texts that are nearly the same; ``letters`` is asked for those of the text at a place."""
    clusters = Clusters(len(sketches))
    for band in range(0, BANDS * _BAND_BYTES, _BAND_BYTES):
        for alike in equal([sketch[band : band + _BAND_BYTES] for sketch in sketches]):
            places = list({clusters.of(place): place for place in alike}.values())
            for number, one in enumerate(places):
                for other in places[number + 1 : number + 1 + _CROWD]:
                    if (
                        clusters.of(one) != clusters.of(other)
                        and common_rows(sketches[one], sketches[other]) >= _LIKELY
                        and likeness(letters(one), letters(other))
                    ):
                        clusters.join(one, other)
    return clusters
