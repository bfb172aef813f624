import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus import clusters
from corpus.clusters import Clusters
from corpus.similar import letters, sketch


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_places_that_were_joined_are_one_cluster_under_its_first(pairs: list[tuple[int, int]]) -> None:
    found = Clusters(10)
    expected = [{place} for place in range(10)]
    for one, other in pairs:
        found.join(one, other)
        both = expected[one] | expected[other]
        for place in both:
            expected[place] = both
    assert [found.of(place) for place in range(10)] == [min(cluster) for cluster in expected]
    assert [set(places) for places in found.larger()] == [
        cluster for place, cluster in enumerate(expected) if len(cluster) > 1 and min(cluster) == place
    ]


def test_keys_that_are_there_more_than_once_are_found() -> None:
    assert list(clusters.equal([b"a", b"b", b"a", b"c", b"b"])) == [[0, 2], [1, 4]]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_is_near_in_fewer_than_two_texts(count: int) -> None:
    assert list(clusters.near([sketch("a")] * count, lambda place: "a").larger()) == []


def test_near_texts_are_gathered_however_many_are_equal() -> None:
    texts = list(
        map(
            letters,
            ["あなたにとって正義とは何ですか"] * 200 + ["あなたにとっての正義とは何ですか", "全く違う話をします"],
        )
    )
    found = clusters.near([sketch(text) for text in texts], texts.__getitem__)
    assert list(found.larger()) == [list(range(201))]
