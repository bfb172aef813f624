import json
import logging
import multiprocessing
from pathlib import Path
from typing import Any

import pytest

from adapters.registry import ADAPTER, STARTER, Registry
from adapters.servable import refuse_unservable
from socrates_errors import VersionError
from tests.adapters.manifests import CONFIG, WEIGHTS, manifest, publish, write_adapter


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "versions")


def test_a_new_home_has_no_versions_and_the_base_is_active(registry: Registry) -> None:
    assert registry.versions() == []
    assert registry.active == "base"


def test_a_published_version_tells_what_its_manifest_tells(registry: Registry) -> None:
    version = publish(registry, title="First")
    assert version == registry.get("v0001")
    assert (version.name, version.title, version.parent, version.base) == ("v0001", "First", "base", "embedded")
    assert (version.examples, version.held_out_loss) == (3, 1.25)
    assert json.loads((version.directory / "version.json").read_text())["name"] == "v0001"


def test_versions_come_oldest_first_even_past_four_digits(registry: Registry) -> None:
    (registry.directory / ".last-number").write_text("9998")
    for _ in range(3):
        publish(registry)
    assert [version.name for version in registry.versions()] == ["v9999", "v10000", "v10001"]


def test_a_number_is_never_given_twice(registry: Registry) -> None:
    publish(registry)
    publish(registry)
    registry.delete("v0002")
    assert publish(registry).name == "v0003"


def test_a_lost_count_is_taken_from_what_is_there(registry: Registry) -> None:
    publish(registry)
    (registry.directory / ".last-number").unlink()
    assert publish(registry).name == "v0002"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A version's directory as it is shipped."""
    made = publish(Registry(tmp_path / "maker" / "versions"), title="Starter")
    (made.directory / "eval.json").write_text("{}")
    return made.directory


def test_a_new_home_begins_with_the_starter(registry: Registry, shipped: Path) -> None:
    registry.begin_with(shipped)
    assert registry.active == STARTER
    assert registry.starter == registry.get(STARTER)
    assert registry.starter.title == "Starter"
    assert (registry.starter.directory / "eval.json").read_text() == "{}"
    assert publish(registry).name == "v0001"


def test_a_starter_that_was_deleted_or_put_aside_does_not_come_back(registry: Registry, shipped: Path) -> None:
    registry.begin_with(shipped)
    registry.activate("base")
    registry.begin_with(shipped)
    assert registry.active == "base"
    registry.delete(STARTER)
    registry.begin_with(shipped)
    assert registry.versions() == []
    assert registry.starter is None


def test_a_home_with_versions_gets_no_starter(registry: Registry, shipped: Path) -> None:
    publish(registry)
    registry.begin_with(shipped)
    assert [version.name for version in registry.versions()] == ["v0001"]
    assert registry.active == "base"


def test_another_bases_starter_is_not_to_speak_but_another_bases_version_is(registry: Registry, shipped: Path) -> None:
    registry.begin_with(shipped)
    assert (registry.to_speak("embedded"), registry.to_speak("google/gemma-2-2b-jpn-it")) == (STARTER, "base")
    registry.activate(publish(registry).name)
    assert registry.to_speak("google/gemma-2-2b-jpn-it") == "v0001"


def publish_in_process(directory: Path, names: "multiprocessing.Queue[str]") -> None:
    registry = Registry(directory)
    for _ in range(5):
        names.put(publish(registry).name)


def test_processes_that_publish_at_once_get_different_names(registry: Registry) -> None:
    spawn = multiprocessing.get_context("spawn")
    names: multiprocessing.Queue[str] = spawn.Queue()
    children = [spawn.Process(target=publish_in_process, args=(registry.directory, names)) for _ in range(2)]
    for child in children:
        child.start()
    given = sorted(names.get() for _ in range(10))
    for child in children:
        child.join()
    assert given == [f"v{number:04}" for number in range(1, 11)]
    assert [version.name for version in registry.versions()] == given


def test_a_draft_that_is_not_published_leaves_nothing(registry: Registry) -> None:
    def stop_half_way() -> None:
        with registry.draft() as draft:
            write_adapter(draft)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        stop_half_way()
    assert list(registry.directory.iterdir()) == []


def test_a_draft_without_weights_is_not_published(registry: Registry) -> None:
    with registry.draft() as draft, pytest.raises(VersionError, match=r"no adapter_config.json"):
        registry.publish(draft, manifest())
    assert registry.versions() == []


def test_a_manifest_that_lacks_a_figure_is_not_published(registry: Registry) -> None:
    incomplete = manifest()
    del incomplete["held_out"]
    with registry.draft() as draft:
        write_adapter(draft)
        with pytest.raises(VersionError, match="held_out"):
            registry.publish(draft, incomplete)
    assert registry.versions() == []


def test_opening_removes_the_drafts_of_dead_processes_alone(registry: Registry) -> None:
    child = multiprocessing.get_context("spawn").Process(target=int)
    child.start()
    child.join()
    dead = registry.directory / f".draft-{child.pid}-x"
    dead.mkdir()
    with registry.draft() as alive:
        Registry(registry.directory)
        assert alive.is_dir()
    assert not dead.exists()


def test_activating_moves_the_pointer_and_back(registry: Registry) -> None:
    publish(registry)
    registry.activate("v0001")
    assert registry.active == Registry(registry.directory).active == "v0001"
    assert (registry.directory.parent / "active").read_text() == "v0001\n"
    registry.activate("base")
    assert registry.active == "base"


def test_a_version_that_is_not_there_is_not_activated_and_the_nearest_are_named(registry: Registry) -> None:
    publish(registry)
    with pytest.raises(VersionError, match=r"no version 'v001'.*v0001"):
        registry.activate("v001")
    assert registry.active == "base"


@pytest.mark.parametrize("name", ["../versions/v0001", ".", "", "v0001/"])
def test_a_name_cannot_lead_out_of_the_registry(registry: Registry, name: str) -> None:
    publish(registry)
    with pytest.raises(VersionError):
        registry.get(name)


@pytest.mark.parametrize("pointer", ["v0009", "../x", "", "v0001 v0002"])
def test_a_pointer_to_nothing_means_the_base(registry: Registry, pointer: str) -> None:
    publish(registry)
    registry.pointer.write_text(pointer)
    assert registry.active == "base"


@pytest.mark.parametrize("damage", ["version.json", "adapter_model.safetensors"])
def test_a_damaged_directory_is_listed_apart_and_can_be_deleted(
    registry: Registry, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    publish(registry)
    (publish(registry).directory / damage).unlink()
    with caplog.at_level(logging.WARNING):
        assert [version.name for version in registry.versions()] == ["v0001"]
    assert damage in caplog.text
    assert registry.damaged() == ["v0002"]
    with pytest.raises(VersionError, match=r"v0002 is damaged"):
        registry.get("v0002")
    registry.delete("v0002")
    assert registry.damaged() == []


def test_title_and_note_change_and_the_rest_of_the_manifest_stays(registry: Registry) -> None:
    before = publish(registry).manifest
    registry.rename("v0001", " ソクラテス ")
    version = registry.note("v0001", "asks more")
    assert (version.name, version.title, version.note) == ("v0001", "ソクラテス", "asks more")
    assert version.manifest == before | {"title": "ソクラテス", "note": "asks more"}


def test_the_active_version_is_not_deleted(registry: Registry) -> None:
    publish(registry)
    registry.activate("v0001")
    with pytest.raises(VersionError, match="active"):
        registry.delete("v0001")
    assert registry.get("v0001")


def test_the_parent_of_another_version_is_not_deleted(registry: Registry) -> None:
    publish(registry)
    publish(registry, parent="v0001")
    with pytest.raises(VersionError, match=r"parent of v0002"):
        registry.delete("v0001")


def test_an_exported_version_can_be_imported_under_a_new_name(registry: Registry, tmp_path: Path) -> None:
    publish(registry, title="First", note="n")
    registry.export_to("v0001", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted([*ADAPTER, "version.json"])
    version = registry.import_from(tmp_path / "out")
    assert (version.name, version.title, version.parent, version.held_out_loss) == ("v0002", "First", "base", 1.25)
    assert version.as_of == ""
    assert "imported" in version.manifest
    assert (version.directory / ADAPTER[1]).read_bytes() == WEIGHTS


def test_an_export_overwrites_nothing(registry: Registry, tmp_path: Path) -> None:
    publish(registry)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(VersionError, match="already there"):
        registry.export_to("v0001", tmp_path / "out")


def test_a_plain_peft_adapter_can_be_imported(registry: Registry, tmp_path: Path) -> None:
    write_adapter(tmp_path / "peft", base_model_name_or_path="google/gemma-2-2b-jpn-it")
    version = registry.import_from(tmp_path / "peft")
    assert (version.name, version.base, version.held_out_loss) == ("v0001", "google/gemma-2-2b-jpn-it", None)


def test_a_directory_without_an_adapter_is_not_imported(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(VersionError, match=r"no adapter_config.json and no adapter_model.safetensors"):
        registry.import_from(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"held_out": 3}'])
def test_an_import_with_a_senseless_manifest_is_refused_and_leaves_nothing(
    registry: Registry, tmp_path: Path, text: str
) -> None:
    write_adapter(tmp_path / "peft")
    (tmp_path / "peft" / "version.json").write_text(text)
    with pytest.raises(VersionError):
        registry.import_from(tmp_path / "peft")
    assert registry.versions() == []
    assert registry.damaged() == []


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"peft_type": "IA3"}, "no LoRA"),
        ({"use_dora": True}, "DoRA"),
        ({"use_rslora": True}, "rank-stabilised"),
        ({"bias": "all"}, "biases"),
        ({"modules_to_save": ["norm"]}, "whole modules"),
        ({"target_modules": "all-linear"}, "expression"),
        ({"target_modules": ["q_proj", "lm_head"]}, "head"),
        ({"target_modules": ["model.embed_tokens"]}, "embedding"),
        ({"rank_pattern": {"q_proj": 4}}, "rank differs"),
        ({"alpha_pattern": {"q_proj": 4}}, "rank differs"),
        ({"r": None}, "rank and alpha"),
        ({"r": True}, "rank and alpha"),
        ({"r": 0}, "not above nought"),
        ({"fan_in_fan_out": True}, "turned round"),
    ],
)
def test_what_the_engine_cannot_serve_is_refused_with_the_reason(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(VersionError, match=reason):
        refuse_unservable(CONFIG | config)


def test_what_the_engine_can_serve_is_let_through() -> None:
    refuse_unservable(CONFIG | {"use_dora": False, "modules_to_save": None, "rank_pattern": {}, "lora_bias": False})


def test_the_registry_is_readable_by_its_owner_alone(registry: Registry) -> None:
    version = publish(registry)
    assert registry.directory.stat().st_mode & 0o777 == 0o700
    assert version.directory.stat().st_mode & 0o777 == 0o700
    assert (version.directory / "version.json").stat().st_mode & 0o077 == 0


def test_the_active_version_counts_for_its_own_base_alone(registry: Registry) -> None:
    registry.activate(publish(registry).name)
    assert (registry.active_for("embedded"), registry.active_for("google/gemma-2-2b-jpn-it")) == ("v0001", "base")


def test_a_damaged_active_version_stands_in_nobodys_way(registry: Registry) -> None:
    version = publish(registry)
    registry.activate(version.name)
    (version.directory / "version.json").write_text("[]")
    assert registry.active_for("embedded") == "base"
    with pytest.raises(VersionError, match="versions use base"):
        registry.get("v0001")


def test_a_name_that_could_be_no_version_is_refused_however_long(registry: Registry) -> None:
    with pytest.raises(VersionError, match="no version"):
        registry.get("v" * 300)


@pytest.mark.parametrize("weights", [b"weights", b"", WEIGHTS[:-1]], ids=["text", "empty", "cut-off"])
def test_weights_that_are_not_whole_are_not_imported(registry: Registry, tmp_path: Path, weights: bytes) -> None:
    write_adapter(tmp_path / "peft")
    (tmp_path / "peft" / ADAPTER[1]).write_bytes(weights)
    with pytest.raises(VersionError, match="no whole safetensors file"):
        registry.import_from(tmp_path / "peft")
    assert registry.versions() == []


def test_a_title_is_one_line_whether_renamed_or_imported(registry: Registry, tmp_path: Path) -> None:
    publish(registry)
    assert registry.rename("v0001", " first\nsecond ").title == "first second"
    write_adapter(tmp_path / "peft")
    (tmp_path / "peft" / "version.json").write_text(json.dumps(manifest(title="a\r\n\u2028b")))
    assert registry.import_from(tmp_path / "peft").title == "a b"


def test_what_the_system_refuses_to_write_is_told_to_the_user(registry: Registry) -> None:
    publish(registry)
    with pytest.raises(VersionError, match="cannot be written"):
        registry.export_to("v0001", Path("/dev/null/x"))
    registry.pointer.mkdir()
    with pytest.raises(VersionError, match="cannot be written"):
        registry.activate("v0001")
    assert registry.active == "base"


def test_a_pointer_that_is_no_text_points_to_the_base(registry: Registry) -> None:
    registry.pointer.write_bytes(b"\xff\xfe")
    assert registry.active == "base"


def test_the_version_before_is_remembered_and_survives_a_restart(registry: Registry) -> None:
    for _ in range(3):
        registry.activate(publish(registry).name)
    assert registry.before == "v0002"
    assert Registry(registry.directory).before == "v0002"
    assert registry.history == registry.directory.parent / "active-before"


def test_nothing_was_active_before_the_first_activation(registry: Registry) -> None:
    assert registry.before is None
    registry.activate(publish(registry).name)
    assert registry.before == "base"


def test_going_back_twice_leads_to_where_one_was(registry: Registry) -> None:
    for _ in range(2):
        registry.activate(publish(registry).name)
    for expected in ("v0001", "v0002"):
        assert registry.before == expected
        registry.activate(expected)
    assert registry.before == "v0001"


def test_activating_the_active_version_again_forgets_nothing(registry: Registry) -> None:
    for _ in range(2):
        registry.activate(publish(registry).name)
    registry.activate("v0002")
    assert registry.before == "v0001"


def test_of_the_versions_before_only_those_that_are_there_count(registry: Registry) -> None:
    for _ in range(3):
        registry.activate(publish(registry).name)
    registry.delete("v0002")
    assert registry.before == "v0001"


def test_a_history_that_cannot_be_read_is_none(registry: Registry) -> None:
    registry.activate(publish(registry).name)
    registry.history.write_bytes(b"\xff\xfe v0001 ../x\n")
    assert registry.before is None
    registry.history.write_text("../x\nnonsense\nbase\n")
    assert registry.before == "base"


def test_why_a_version_is_kept_is_said_without_deleting(registry: Registry) -> None:
    registry.activate(publish(registry).name)
    publish(registry, parent="v0001")
    assert registry.why_kept("v0001") == "v0001 is active: activate another version first, then delete it."
    assert registry.why_kept("v0002") is None
    registry.activate("v0002")
    assert registry.why_kept("v0001") == "v0001 is the parent of v0002: delete those first."
    assert [version.name for version in registry.versions()] == ["v0001", "v0002"]
