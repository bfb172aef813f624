"""Tests of what is proposed for a reply."""

import pytest

from socrates_tui.proposals import proposals

ENDING, LAST, ANSWER = (
    "Ask 〜かね？ where it says 〜ですか？",
    "Keep the last question alone",
    "Leave out the first sentence that answers",
)


def proposed(text: str) -> dict[str, str]:
    return {proposal.name: proposal.text for proposal in proposals(text)}


@pytest.mark.parametrize(
    ("polite", "his"),
    [
        ("何ですか？", "何かね？"),
        ("そう思いますか。", "そう思うかね？"),
        ("どう考えますか", "どう考えるかね？"),
        ("定義しますか？", "定義するかね？"),
        ("話しますか？", "話すかね？"),
        ("知っていますか？", "知っているかね？"),
        ("できますか？", "できるかね？"),
        ("見ますか？", "見るかね？"),
        ("徳ではありませんか？", "徳ではないかね？"),
        ("正しいでしょうか？", "正しいだろうか？"),
    ],
)
def test_a_polite_question_can_be_asked_as_he_asks(polite: str, his: str) -> None:
    assert proposed(polite)[ENDING] == his


@pytest.mark.parametrize("text", ["そうですから、よい。", "何かね？", "これは本です。", "静かですかねえ"])
def test_what_is_no_polite_question_keeps_its_ending(text: str) -> None:
    assert ENDING not in proposed(text)


def test_of_several_questions_the_last_can_be_kept_alone() -> None:
    assert proposed("善い。何かね？ 誰かね？\n\nなぜかね？")[LAST] == "善い。\n\nなぜかね？"
    assert LAST not in proposed("善い。何かね？")


def test_the_first_sentence_that_answers_can_be_left_out() -> None:
    assert proposed("Justice is 3.5 things. Do you agree? Good.")[ANSWER] == "Do you agree? Good."
    assert ANSWER not in proposed("何かね？ 誰かね？")


def test_nothing_is_proposed_that_changes_nothing_or_leaves_nothing() -> None:
    assert proposed("君にとって正義とは何かね？") == {}
    assert proposed("正義です。") == {}
    assert proposed("") == {}
