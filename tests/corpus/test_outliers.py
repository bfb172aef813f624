import pytest

from corpus.outliers import Outliers, features, outliers

LONG = [100] * 40


@pytest.mark.parametrize(
    ("text", "equal"),
    [
        ("君はどう思うかね？", "君はどう思うかね。"),
        ("それは正しいことだろうか。」", "Is it?"),
        ("「はい、そうです。」と君は言った。", "君は言った。"),
        ("1. 善い\n2. 美しい", "- 善い\n- 美しい"),
    ],
)
def test_texts_of_one_style_have_the_same_features(text: str, equal: str) -> None:
    assert features(text) == features(equal)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("君はどう思うかね？", "君の考えを聞こう。"),
        ("そうです。", "そうだ。"),
        ("そう。", "**そう。**"),
        ("a", "a\nb"),
        ("a", "a🙂"),
    ],
)
def test_texts_of_different_styles_differ_in_them(text: str, other: str) -> None:
    assert features(text) != features(other)


def test_what_nine_tenths_have_or_lack_makes_outliers_of_the_rest() -> None:
    question, plain, polite = map(features, ("そうかね？", "そうだ。", "そうです。"))
    assert list(outliers([question] * 38 + [plain, polite], LONG)) == [
        Outliers((38, 39), "without a question at the end"),
        Outliers((39,), "with polite endings (です, ます)"),
    ]


def test_a_feature_of_many_is_nobody_s_fault() -> None:
    question, plain = features("そうかね？"), features("そうだ。")
    assert list(outliers([question] * 30 + [plain] * 10, LONG)) == []


def test_a_handful_of_targets_has_no_style() -> None:
    assert list(outliers([features("そうかね？")] * 20 + [features("そうだ。")], [100] * 21)) == []


def test_lengths_far_from_those_of_most_are_outliers() -> None:
    lengths = [90, 100, 110, 120] * 10
    assert list(outliers([0] * 42, [*lengths, 2, 4000])) == [
        Outliers((40,), "with fewer than 38 characters, where half have 90 to 120"),
        Outliers((41,), "with more than 284 characters, where half have 90 to 120"),
    ]
