from pathlib import Path

import pytest

from adapters.api import BASE
from adapters.figures import Record, difference, drift, fingerprint, newest_records, read_evaluation, units
from adapters.registry import Registry, Version
from socrates_errors import VersionError
from tests.adapters.manifests import publish, record, write_evaluation

GOOD, BAD = [1.0, 1.5, 2.0, 1.0, 1.5], [2.0, 2.5, 3.0, 2.1, 2.5]


def made(fields: dict[str, object]) -> Record:
    return Record.model_validate(fields)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "versions")


def weights(version: Version) -> str:
    return fingerprint(version.directory, version.weights_hash)


def test_the_difference_is_paired() -> None:
    found = difference(made(record("candidate", "", "w", GOOD)), made(record("parent", "v0001", "x", BAD)))
    assert found is not None
    assert found.examples == 5
    assert found.loss_per_token == pytest.approx(-1.02)
    assert found.interval is not None
    assert found.interval[0] >= -1.1 - 1e-9
    assert found.interval[1] <= -1.0 + 1e-9, "each example alone differs by 1.0 or 1.1, however unlike they are"


def test_records_of_other_examples_are_not_compared() -> None:
    one, other = made(record("candidate", "", "w", GOOD)), made(record("base", BASE, "x", BAD, of="sha256:other"))
    assert difference(one, other) is None
    assert drift(one, other) == 0.0
    other.neutral = None
    assert drift(one, other) is None


def test_five_conversations_are_drawn_whole() -> None:
    conversations = ["a", "a", "b", "c", "d", "e", None]
    assert units([{"conversation": name} for name in conversations]) == [0, 0, 1, 2, 3, 4, 5]
    assert units([{"conversation": name} for name in conversations[:5]]) == [0, 1, 2, 3, 4]


def test_versions_are_found_by_their_weights_on_the_same_examples(registry: Registry) -> None:
    first, second = publish(registry), publish(registry, parent="v0001")
    (second.directory / "adapter_config.json").write_text("{}")  # so that the two differ
    write_evaluation(first, record("base", BASE, "sha256:w", BAD), record("candidate", "", weights(first), GOOD))
    write_evaluation(
        second,
        record("base", BASE, "sha256:w", BAD, of="sha256:later"),
        record("parent", "v0001", weights(first), GOOD, of="sha256:later"),
        record("candidate", "", weights(second), BAD, of="sha256:later"),
    )
    one, other = newest_records(registry, "v0001", "v0002")
    assert one is not None
    assert other is not None
    assert (one.role, other.role) == ("parent", "candidate")
    assert difference(other, one) is not None
    base, other = newest_records(registry, BASE, "v0002")
    assert base is not None
    assert other is not None
    assert (base.role, other.role) == ("base", "candidate")


def test_versions_that_were_not_measured_on_the_same_are_found_each_by_itself(registry: Registry) -> None:
    first, second = publish(registry), publish(registry)
    (second.directory / "adapter_config.json").write_text("{}")
    write_evaluation(first, record("candidate", "", weights(first), GOOD))
    write_evaluation(second, record("candidate", "", weights(second), BAD, of="sha256:later"))
    one, other = newest_records(registry, "v0001", "v0002")
    assert (one and one.loss, other and other.loss) == (1.4, 2.42)
    assert newest_records(registry, BASE, BASE) == (None, None)


def test_a_version_that_is_not_there_is_refused(registry: Registry) -> None:
    with pytest.raises(VersionError, match="no version"):
        newest_records(registry, BASE, "v0009")


def test_an_evaluation_travels_with_its_version(registry: Registry, tmp_path: Path) -> None:
    version = publish(registry)
    write_evaluation(version, record("candidate", "", weights(version), GOOD))
    registry.export_to("v0001", tmp_path / "there")
    imported = registry.import_from(tmp_path / "there")
    assert read_evaluation(imported.directory) == read_evaluation(version.directory) is not None
    one, _ = newest_records(registry, imported.name, BASE)
    assert one is not None, "the same weights have the same figures under another name"


@pytest.mark.parametrize("text", ["", "[]", '{"versions": [{}]}', '{"versions": []}', "\ud800"])
def test_an_evaluation_that_tells_nothing_is_none(registry: Registry, text: str) -> None:
    version = publish(registry)
    (version.directory / "eval.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert read_evaluation(version.directory) is None
