from pathlib import Path

import pytest

from adapters.figures import fingerprint
from adapters.registry import Registry
from socrates_tui.home import Home
from tests.adapters.manifests import publish, record, write_adapter, write_evaluation
from tests.socrates_tui.commanding import socrates


@pytest.fixture
def registry(own_home: Path) -> Registry:
    """Return a registry with two versions, the first of them active."""
    registry = Registry(Home.open(own_home).versions)
    publish(registry, title="First")
    publish(registry, title="\x1b]0;title\x07", parent="v0001")
    registry.activate("v0001")
    return registry


def test_the_list_marks_the_active_version_and_is_safe_to_print(registry: Registry) -> None:
    outcome = socrates("versions")
    assert outcome.status == 0
    assert [line[:7] for line in outcome.out.splitlines()] == ["  base", "* v0001", "  v0002"]
    assert "First" in outcome.out
    assert "\x1b" not in outcome.out


def test_the_list_names_damaged_versions(registry: Registry) -> None:
    (registry.directory / "v0002" / "version.json").unlink()
    assert "! v0002  damaged" in socrates("versions", "list").out
    assert socrates("versions", "--json").document["damaged"] == ["v0002"]


@pytest.mark.parametrize(
    "command", [("versions", "--json"), ("versions", "list", "--json"), ("versions", "--json", "list")], ids=" ".join
)
def test_the_list_as_json(registry: Registry, command: tuple[str, ...]) -> None:
    document = socrates(*command).document
    assert document["active"] == "v0001"
    first, second = document["versions"]
    assert (first["name"], first["title"], first["active"], first["held_out_loss"]) == ("v0001", "First", True, 1.25)
    assert (second["parent"], second["active"], second["base"]) == ("v0001", False, "embedded")


def test_using_a_version_and_going_back_to_the_base(registry: Registry) -> None:
    assert socrates("versions", "use", "v0002").out == "v0002 is active.\n"
    assert registry.active == "v0002"
    assert socrates("versions", "use", "base", "--json").document == {"active": "base"}
    assert registry.active == "base"


def test_using_another_bases_version_says_so(registry: Registry) -> None:
    outcome = socrates("--base", "google/gemma-3-1b-it", "versions", "use", "v0002")
    assert outcome.status == 0
    assert "trained on embedded" in outcome.err


def test_title_and_note_are_written(registry: Registry) -> None:
    assert socrates("versions", "rename", "v0001", "問い", "--json").document["title"] == "問い"
    assert socrates("versions", "note", "v0001", "asks more").status == 0
    assert (registry.get("v0001").title, registry.get("v0001").note) == ("問い", "asks more")


def test_deleting_removes_and_refuses_with_a_sentence(registry: Registry) -> None:
    refused = socrates("versions", "delete", "v0001")
    assert (refused.status, refused.out) == (1, "")
    assert "active" in refused.err
    assert socrates("versions", "delete", "v0002", "--json").document == {"deleted": "v0002"}
    assert [version.name for version in registry.versions()] == ["v0001"]


def test_export_and_import_carry_a_version(registry: Registry, tmp_path: Path) -> None:
    there = str(tmp_path / "there")
    assert socrates("versions", "export", "v0001", there, "--json").document == {"version": "v0001", "directory": there}
    imported = socrates("versions", "import", there, "--json").document
    assert (imported["name"], imported["title"]) == ("v0003", "First")


def test_what_cannot_be_served_is_not_imported(registry: Registry, tmp_path: Path) -> None:
    write_adapter(tmp_path / "dora", use_dora=True)
    outcome = socrates("versions", "import", str(tmp_path / "dora"))
    assert outcome.status == 1
    assert "DoRA" in outcome.err


def test_comparing_sets_figures_side_by_side(registry: Registry) -> None:
    sides = socrates("versions", "compare", "base", "v0002", "--json").document["versions"]
    assert [side["version"] for side in sides] == ["base", "v0002"]
    assert [side["held_out_loss"] for side in sides] == [None, 1.25]
    assert list(sides[0]) == list(sides[1])
    outcome = socrates("versions", "compare", "v0001", "v0002")
    assert "held-out loss      1.250                      1.250\n" in outcome.out
    assert "\x1b" not in outcome.out


def measured(registry: Registry, of: str = "sha256:h") -> None:
    """Write down that the first version and the base were measured, and the second one on the examples ``of``."""
    first, second = registry.get("v0001"), registry.get("v0002")
    (second.directory / "adapter_config.json").write_text("{}")
    losses = [2.0, 2.1, 2.2, 2.3, 2.4]
    write_evaluation(
        first,
        record("base", "base", first.weights_hash, [2 * loss for loss in losses]),
        record("candidate", "", fingerprint(first.directory, first.weights_hash), losses),
    )
    better = [loss - 0.5 for loss in losses]
    write_evaluation(second, record("candidate", "", fingerprint(second.directory, second.weights_hash), better, of=of))


def test_comparing_tells_what_was_measured_and_the_difference(registry: Registry) -> None:
    measured(registry)
    lines = socrates("versions", "compare", "v0001", "v0002").out.splitlines()
    assert lines[0].split() == ["v0001", "v0002"]
    assert [line for line in lines if line.startswith(("held", "pairs", "going"))] == [
        "held-out loss          2.200 (2.000 to 2.400)     1.700 (1.500 to 1.900)",
        "held-out examples      5                          5",
        "pairs told apart       75% of 4                   75% of 4",
        "going in circles       1                          1",
    ]
    assert lines[-1] == "v0002 minus v0001: -0.500 on the same 5 held-out examples, between -0.500 and -0.500 at 95 %."
    document = socrates("versions", "compare", "base", "v0001", "--json").document
    assert document["difference"]["loss_per_token"] == pytest.approx(-2.2)
    assert [side["held_out_loss"] for side in document["versions"]] == pytest.approx([4.4, 2.2])


def test_comparing_says_that_examples_differ(registry: Registry) -> None:
    measured(registry, of="sha256:later")
    outcome = socrates("versions", "compare", "v0001", "v0002")
    assert outcome.out.splitlines()[-1] == "v0002 and v0001 were not measured on the same held-out examples."
    assert socrates("versions", "compare", "v0001", "v0002", "--json").document["difference"] is None


def test_a_terminal_gets_a_table_and_no_commands_of_a_title(registry: Registry) -> None:
    measured(registry)
    out = socrates("versions", "compare", "v0001", "v0002", terminal=True).out
    assert "─" in out
    assert "\x1b]0;" not in out


def test_a_version_that_tells_no_recipe_is_compared(own_home: Path) -> None:
    publish(Registry(Home.open(own_home).versions), recipe=None)
    sides = socrates("versions", "compare", "base", "v0001", "--json").document["versions"]
    assert [side["rank"] for side in sides] == [None, None]


def test_an_export_that_cannot_be_written_is_one_sentence(registry: Registry) -> None:
    outcome = socrates("versions", "export", "v0002", "/dev/null/x")
    assert outcome.status == 1
    assert "/dev/null/x cannot be written" in outcome.err


def test_a_missing_version_is_one_sentence_that_names_the_nearest(registry: Registry) -> None:
    outcome = socrates("versions", "use", "v002")
    assert (outcome.status, outcome.out) == (1, "")
    assert "v0002" in outcome.err


def test_rolling_back_activates_what_was_active_before_and_once_more_leads_back(registry: Registry) -> None:
    assert socrates("versions", "rollback").out == "base is active.\n"
    assert socrates("versions", "rollback", "--json").document == {"active": "v0001"}


def test_rolling_back_without_a_version_before_is_one_sentence(own_home: Path) -> None:
    outcome = socrates("versions", "rollback")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith("No version was active before")
