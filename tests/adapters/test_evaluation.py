from typing import Any

import pytest
import torch

from adapters.encoding import Encoder
from adapters.evaluation import faults_in_replies, judge, probe_prompts


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
    """Replies to each prompt with the next of its replies."""

    def __init__(self, *replies: list[int]):
        self.replies = list(replies)

    def generate(self, *, input_ids: torch.Tensor, **_settings: Any) -> torch.Tensor:
        return torch.cat([input_ids, torch.tensor([self.replies.pop(0)])], dim=1)


SOUND = list(range(300, 320))


def faults(encoder: Encoder, *replies: list[int]) -> list[str]:
    return faults_in_replies(Speaker(*replies), encoder, [[2, 300]] * len(replies), seed=0)


def test_sound_replies_have_no_faults(encoder: Encoder) -> None:
    assert faults(encoder, SOUND, SOUND, SOUND) == []


def test_a_single_bad_reply_is_forgiven(encoder: Encoder) -> None:
    assert faults(encoder, SOUND, [encoder.end_of_turn], SOUND) == []


def test_empty_replies_are_faults(encoder: Encoder) -> None:
    assert faults(encoder, [encoder.end_of_turn], [encoder.end_of_turn], SOUND) == ["2 of 3 test replies were empty"]


def test_replies_that_go_round_in_circles_are_faults(encoder: Encoder) -> None:
    assert faults(encoder, [300, 301] * 12, [300] * 24, SOUND) == ["2 of 3 test replies went round in circles"]


@pytest.mark.parametrize(("count", "expected"), [(1, 1), (3, 3), (10, 3)])
def test_probes_are_few_and_spread_over_the_examples(encoder: Encoder, count: int, expected: int) -> None:
    examples = [
        {"messages": [{"role": "user", "content": f"{i}"}, {"role": "assistant", "content": "b"}]} for i in range(count)
    ]
    prompts = probe_prompts(encoder, examples)
    assert len(prompts) == expected
    assert prompts[0] == encoder.prompt([{"role": "user", "content": "0"}])
