import pytest

from adapters.replies import ReplyFigures, chrf, ends_in_question, is_repeating, reply_figures


@pytest.mark.parametrize(
    ("reply", "target", "expected"),
    [
        ("君はどう考えるかね？", "君はどう考えるかね？", 100.0),
        ("君 は\nどう", "君はどう", 100.0),
        ("abc", "xyz", 0.0),
        ("", "君は", 0.0),
        # By hand: of orders 1 and 2, precisions 1/2 and 0, recalls the same.
        ("ab", "ac", 25.0),
        # As sacrebleu 2.6 has it.
        ("What do you mean?", "What do you mean by that, my friend?", 45.05598661395413),
        ("君はどう思うかね？", "君はどう考えるかね？", 30.236678100518564),
    ],
)
def test_chrf_is_the_f_score_of_character_n_grams(reply: str, target: str, expected: float) -> None:
    assert chrf(reply, target) == pytest.approx(expected)


def test_chrf_counts_recall_twice_as_much_as_precision() -> None:
    assert chrf("君は", "君はどう考えるか") < chrf("君はどう考えるか", "君は")


@pytest.mark.parametrize(
    "reply", ["What what what what what what", "はははははははは", "徳とは徳とは徳とは徳とは徳とは"]
)
def test_a_reply_that_goes_round_in_circles_repeats(reply: str) -> None:
    assert is_repeating(reply)


@pytest.mark.parametrize("reply", ["", "はい。", "What do you mean by that, my friend?"])
def test_a_sound_reply_does_not_repeat(reply: str) -> None:
    assert not is_repeating(reply)


@pytest.mark.parametrize(
    "reply", ["君はどう考えるかね？", "それは何か。", "「徳とは何かね？」", "Why?", 'He said: "Why?"', "どうかね。\n"]
)
def test_a_question_at_the_end_is_seen(reply: str) -> None:
    assert ends_in_question(reply)


@pytest.mark.parametrize("reply", ["", "それは徳だ。", "Why? Because.", "？と彼は言った。"])
def test_another_end_is_no_question(reply: str) -> None:
    assert not ends_in_question(reply)


def test_the_figures_of_some_replies() -> None:
    replies = ["", "はははははははは", "何かね？"]
    figures = reply_figures(replies, ["何", "何", "何かね？"])
    assert figures == ReplyFigures(replies=3, empty=1, repeating=1, questions=1, chrf=figures.chrf)
    assert figures.chrf == pytest.approx(100 / 3)
    assert reply_figures(replies, None).chrf is None
