"""Tests of the losses of a run: taken from events, smoothed, thinned, and read from beside its version."""

import json
from pathlib import Path
from typing import Any

import pytest

from socrates_tui.curve import RUN, Curve, read_curve, thinned
from tests.socrates_tui.scripted import EVALUATED, UNTRAINED, step


def write(directory: Path, *lines: dict[str, Any]) -> None:
    (directory / RUN).write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_curve_is_what_the_events_of_a_run_tell() -> None:
    curve = Curve()
    for event in (UNTRAINED, step(1, 3.0), step(2, 2.0), EVALUATED, EVALUATED | {"held_out_loss": None}):
        curve.add(event)
    assert (curve.steps, curve.held_out) == ([(1, 3.0), (2, 2.0)], [(0, 3.25), (2, 1.75)])
    assert curve.losses == [3.0, 2.0]


def test_a_steady_loss_is_smoothed_to_itself_from_the_first_step_on() -> None:
    curve = Curve(steps=[(number, 2.5) for number in range(1, 6)])
    assert [loss for _, loss in curve.smoothed] == pytest.approx([2.5] * 5)


def test_smoothing_follows_a_change_slowly() -> None:
    curve = Curve(steps=[(1, 4.0), (2, 4.0), (3, 1.0)])
    assert 1.0 < curve.smoothed[-1][1] < 4.0


@pytest.mark.parametrize(("count", "most", "left"), [(0, 5, 0), (4, 5, 4), (5, 5, 5), (11, 5, 4), (1000, 72, 72)])
def test_thinning_leaves_few_points_evenly_and_always_the_last(count: int, most: int, left: int) -> None:
    points = [(number, 1.0) for number in range(count)]
    thin = thinned(points, most)
    assert len(thin) == left
    assert thin[-1:] == points[-1:]
    assert thin == sorted(thin)


def test_the_curve_of_a_version_is_read_step_by_step(tmp_path: Path) -> None:
    untrained = {"step": 0, "epoch": 0, "train_loss": None, "held_out_loss": 3.0}
    write(tmp_path, untrained, {"step": 1, "epoch": 1, "loss": 2.5}, untrained | {"step": 1, "held_out_loss": 2.0})
    assert read_curve(tmp_path) == Curve(steps=[(1, 2.5)], held_out=[(0, 3.0), (1, 2.0)])


def test_an_older_version_tells_its_epochs(tmp_path: Path) -> None:
    first = {"epoch": 1, "train_loss": 2.5, "held_out_loss": 3.0}
    write(tmp_path, first, first | {"epoch": 2, "held_out_loss": None})
    assert read_curve(tmp_path) == Curve(steps=[(1, 2.5), (2, 2.5)], held_out=[(1, 3.0)], unit="epoch")


@pytest.mark.parametrize("text", [None, "no JSON", "[1]", '{"epoch": 1}', "3"])
def test_what_tells_no_curve_gives_an_empty_one(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / RUN).write_text(text)
    assert read_curve(tmp_path) == Curve()
