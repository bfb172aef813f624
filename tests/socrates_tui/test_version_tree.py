"""Tests of the versions as a tree."""

from pathlib import Path

from adapters.registry import Registry
from socrates_tui.version_tree import version_tree
from tests.adapters.manifests import publish


def drawn(tmp_path: Path, *parents: str) -> list[str]:
    """Return the tree of versions made from ``parents``, one line each."""
    registry = Registry(tmp_path / "versions")
    for parent in parents:
        publish(registry, parent=parent)
    return [lines + version.name for version, lines in version_tree(registry.versions())]


def test_no_versions_are_no_tree(tmp_path: Path) -> None:
    assert drawn(tmp_path) == []


def test_an_only_child_stands_right_under_its_parent(tmp_path: Path) -> None:
    assert drawn(tmp_path, "base", "v0001", "v0002") == ["v0001", "v0002", "v0003"]


def test_siblings_are_told_by_lines_which_go_past_what_came_of_the_older(tmp_path: Path) -> None:
    assert drawn(tmp_path, "base", "base", "v0001", "v0003", "v0003", "v0002") == [
        "├─ v0001",
        "│  v0003",
        "│  ├─ v0004",
        "│  └─ v0005",
        "└─ v0002",
        "   v0006",
    ]


def test_what_came_of_a_version_that_is_gone_or_later_stands_under_the_base(tmp_path: Path) -> None:
    assert drawn(tmp_path, "v0099", "v0003", "v0003") == ["├─ v0001", "├─ v0002", "└─ v0003"]


def test_a_long_descent_is_no_wider_than_a_short_one(tmp_path: Path) -> None:
    assert {len(line) for line in drawn(tmp_path, "base", *(f"v{number:04}" for number in range(1, 40)))} == {5}
