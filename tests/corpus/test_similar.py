import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.similar import bands, common_rows, letters, likeness, sketch

QUESTIONS = "「正義とは何ですか？」と友人に聞かれて、私はうまく答えられませんでした。先生ならどうお答えになりますか。"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is it?", "what is  it"),
        ("正義とは何ですか？", "正義とは何ですか。"),
        ("ｱﾃﾅｲ 2", "アテナイ２"),
        ("…?", "…?"),
    ],
)
def test_case_width_spacing_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert likeness(letters(one), letters(other)) == 1


def test_a_text_without_letters_counts_as_it_is() -> None:
    assert letters("？！") != letters("…")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("正義とは何ですか", "勇気とは何ですか", 0),
        ("正義とは何ですか", "正義は何ですか", 0),
        ("あなたにとって正義とは何ですか", "あなたにとっての正義とは何ですか", 15 / 16),
        ("あなたにとって正義とは何ですか", "あなたにとって勇気とは何ですか", 0),
    ],
)
def test_a_tenth_of_the_letters_may_differ(one: str, other: str, expected: float) -> None:
    assert likeness(one, other) == pytest.approx(expected)


def test_bands_of_stored_openings_never_change() -> None:
    """Where they must, a migration has to make those of every corpus anew."""
    assert bands(sketch(letters("あなたにとって正義とは何ですか？")))[:2] == (3542947886387771348, -1790446312558675082)
    assert bands(sketch(letters("What is it?")))[:2] == (-6370044657333958418, -2449777638408422269)


@given(st.text())
def test_every_text_has_bands(text: str) -> None:
    assert len(bands(sketch(letters(text)))) == 10


def test_texts_that_are_near_share_a_band_and_others_do_not() -> None:
    draw = random.Random(0)
    text = letters(QUESTIONS)
    near = 0
    for _ in range(200):
        places = draw.sample(range(len(text)), len(text) // 12)
        edited = "".join(draw.choice(text) if place in places else letter for place, letter in enumerate(text))
        near += not set(bands(sketch(text))).isdisjoint(bands(sketch(edited)))
    other = letters("昨日の会議で上司に叱られました。私は間違っていないと思うのですが、謝るべきでしょうか。")
    assert near >= 198
    assert common_rows(sketch(text), sketch(text[:-4])) > 20
    assert common_rows(sketch(text), sketch(text)) == 40
    assert set(bands(sketch(text))).isdisjoint(bands(sketch(other)))
