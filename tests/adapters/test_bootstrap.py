import random

from adapters.bootstrap import FEWEST, ratio_interval


def test_of_too_few_units_nothing_can_be_told() -> None:
    assert ratio_interval([(1.0, 1)] * (FEWEST - 1)) is None
    assert ratio_interval([(1.0, 1)] * FEWEST) == (1.0, 1.0)


def test_the_same_units_give_the_same_interval() -> None:
    units = [(float(i), 1 + i % 3) for i in range(20)]
    assert ratio_interval(units) == ratio_interval(units)


def test_larger_units_count_more() -> None:
    low, high = ratio_interval([(0.0, 100)] * 10 + [(10.0, 1)] * 10) or (0, 0)
    assert low < 10 * 10 / (10 * 100 + 10) < high < 0.5


def test_about_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    drawn = random.Random(1)
    held = 0
    for _ in range(200):
        low, high = ratio_interval([(drawn.gauss(1.0, 0.5), 1) for _ in range(30)]) or (0, 0)
        held += low <= 1.0 <= high
    assert 0.90 <= held / 200 <= 0.98
