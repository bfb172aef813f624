import json
from pathlib import Path
from typing import Any

import pytest

from adapters.evaluation import evaluate_file
from adapters.examples import read_examples
from adapters.registry import Registry
from socrates_errors import TrainingError, VersionError
from tests.adapters.making_versions import make_version


def example(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"{number}"}, {"role": "assistant", "content": "b"}]}


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b"])
def test_a_line_separator_inside_a_text_ends_no_line(tmp_path: Path, separator: str) -> None:
    written = example(0)
    written["messages"][1]["content"] = f"one{separator}two"
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps(written, ensure_ascii=False) + "\n", encoding="utf-8")
    assert read_examples(file) == [written]


@pytest.mark.parametrize("contents", [["a", ""], [" ", "b"], ["a", "", " ", "b"], ["a", "b", " "]])
def test_an_example_with_an_empty_message_is_refused(tmp_path: Path, contents: list[str]) -> None:
    roles = ["user", "assistant"] * 2
    messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps({"messages": messages}))
    with pytest.raises(TrainingError, match="line 1"):
        read_examples(file)


def test_a_file_that_is_not_utf_8_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_bytes("正義".encode("shift_jis"))
    with pytest.raises(TrainingError, match="UTF-8"):
        read_examples(file)


def test_a_version_of_other_weights_is_not_measured(tmp_path: Path, gemma3: Path) -> None:
    registry = Registry(tmp_path / "versions")
    name = make_version(registry, gemma3, weights_hash="sha256:other")
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps(example(0)))
    with pytest.raises(VersionError, match="was trained on"):
        evaluate_file(tmp_path / "models", str(gemma3), registry, file, [name])
