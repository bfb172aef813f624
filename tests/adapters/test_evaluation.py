import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.api import Chunk, Finished, Message
from adapters.encoding import Row
from adapters.evaluation import evaluate_file, faults_in_replies, judge, probe_prompts, read_examples
from adapters.registry import Registry
from socrates_errors import TrainingError, VersionError
from tests.adapters.making_versions import make_version


def test_a_lower_or_equal_loss_is_better() -> None:
    assert judge(2.0, 2.5, "v0001", []).better
    assert judge(2.5, 2.5, "v0001", []).better


def test_a_higher_loss_is_worse_and_both_figures_are_told() -> None:
    judgement = judge(2.61, 2.5, "v0001", [])
    assert (judgement.better, judgement.reason) == (
        False,
        "It is worse: held-out loss 2.610 against 2.500 of v0001.",
    )


def test_a_loss_that_is_not_a_number_is_worse() -> None:
    assert not judge(float("nan"), 2.5, "base", []).better


def test_faults_outweigh_a_better_loss() -> None:
    judgement = judge(1.0, 2.5, "base", ["3 of 3 test replies were empty"])
    assert (judgement.better, judgement.reason) == (False, "3 of 3 test replies were empty.")


def test_without_held_out_examples_nothing_is_compared() -> None:
    assert judge(None, None, "base", []).better


class Speaker:
    """An engine that replies to each prompt with the next of its replies."""

    base, version, context_tokens, device = "base", "base", 8192, "cpu"

    def __init__(self, *replies: str):
        self.replies = list(replies)

    def reply(self, *_arguments: Any) -> Iterator[Chunk | Finished]:
        reply = self.replies.pop(0)
        yield Finished(reply, "base", 1, 1, 0.0, 0.0, "end_of_turn", 0)

    def use(self, version: str) -> None:
        """Stay as it is."""


SOUND = "What do you mean by that, my friend?"


def faults(*replies: str) -> list[str]:
    return faults_in_replies(Speaker(*replies), [[Message(role="user", content="Why?")]] * len(replies), seed=0)


def test_sound_replies_have_no_faults() -> None:
    assert faults(SOUND, SOUND, SOUND) == []


def test_a_single_bad_reply_is_forgiven() -> None:
    assert faults(SOUND, "", SOUND) == []


def test_empty_replies_are_faults() -> None:
    assert faults("", "", SOUND) == ["2 of 3 test replies were empty"]


def test_replies_that_go_round_in_circles_are_faults() -> None:
    assert faults("What what what what what what", "はははははははは", SOUND) == [
        "2 of 3 test replies went round in circles"
    ]


def example(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"{number}"}, {"role": "assistant", "content": "b"}]}


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (1, 1), (3, 3), (10, 3)])
def test_probes_are_few_and_spread_over_the_examples(count: int, expected: int) -> None:
    examples = [example(number) for number in range(count)]
    prompts = probe_prompts([Row([], [], list(range(count)))], examples)
    assert len(prompts) == expected
    assert [prompt[0]["content"] for prompt in prompts[:1]] == ["0"][:expected]


def test_an_example_that_was_too_long_to_train_on_is_no_probe() -> None:
    assert probe_prompts([Row([], [], [1])], [example(0), example(1)])[0][0]["content"] == "1"


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
