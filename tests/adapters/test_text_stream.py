from hypothesis import given
from hypothesis import strategies as st

from adapters.text_stream import REPLACEMENT, TextStream
from tests.adapters.conftest import make_tokenizer

TOKENIZER = make_tokenizer()


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40).filter(lambda t: REPLACEMENT not in t))
def test_the_pieces_together_are_the_text(text: str) -> None:
    stream = TextStream(TOKENIZER)
    ids = TOKENIZER.encode(text, add_special_tokens=False).ids
    assert "".join(stream.text(token) for token in ids) == text.replace("▁", " ")


def test_a_character_of_several_tokens_comes_out_whole() -> None:
    stream = TextStream(TOKENIZER)
    ids = TOKENIZER.encode("鬱", add_special_tokens=False).ids
    assert len(ids) == 3
    assert [stream.text(token) for token in ids] == ["", "", "鬱"]


def test_japanese_is_not_held_back_until_a_space() -> None:
    stream = TextStream(TOKENIZER)
    assert [stream.text(token) for token in TOKENIZER.encode("とは", add_special_tokens=False).ids][-1] != ""


def test_bytes_that_are_no_character_hold_nothing_back_for_ever() -> None:
    stream = TextStream(TOKENIZER)
    broken, letter = (TOKENIZER.get_vocab()[piece] for piece in ("<0xE3>", "a"))
    assert [stream.text(broken), stream.text(letter)] == ["", f"{REPLACEMENT}a"]
