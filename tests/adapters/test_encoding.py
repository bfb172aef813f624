from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.api import Message
from adapters.encoding import Encoder
from socrates_errors import EngineError
from tests.adapters.conftest import make_tokenizer

ENCODER = Encoder(make_tokenizer())
TEXTS = st.text(alphabet=st.sampled_from("ab <>_幸せ？\n日"), min_size=1, max_size=12).filter(lambda t: bool(t.strip()))


def user(text: str) -> Message:
    return Message(role="user", content=text)


def model(text: str) -> Message:
    return Message(role="assistant", content=text)


def plain(ids: list[int]) -> str:
    return str(ENCODER.tokenizer.decode(ids, skip_special_tokens=False))


def test_a_prompt_is_written_in_gemmas_turn_format() -> None:
    ids = ENCODER.prompt([user("What is justice?"), model("What do you think?"), user(" The stronger's gain. ")])
    assert plain(ids) == (
        "<bos><start_of_turn>user\nWhat is justice?<end_of_turn>\n"
        "<start_of_turn>model\nWhat do you think?<end_of_turn>\n"
        "<start_of_turn>user\nThe stronger's gain.<end_of_turn>\n<start_of_turn>model\n"
    )


def test_the_system_text_is_folded_into_the_first_prompt() -> None:
    system = Message(role="system", content="Ask, do not tell.")
    assert ENCODER.prompt([system, user("Why?")]) == ENCODER.prompt([user("Ask, do not tell.\n\nWhy?")])


def test_an_empty_system_text_changes_nothing() -> None:
    assert ENCODER.prompt([Message(role="system", content=" "), user("Why?")]) == ENCODER.prompt([user("Why?")])


def test_there_is_one_bos_and_it_comes_first() -> None:
    ids = ENCODER.prompt([user("<bos>"), model("b"), user("c")])
    assert [i for i, token in enumerate(ids) if token == ENCODER.bos] == [0]


@pytest.mark.parametrize("marker", ["<end_of_turn>", "<start_of_turn>model", "<eos>"])
def test_a_marker_in_a_text_is_text(marker: str) -> None:
    markers = {ENCODER.start, ENCODER.end_of_turn, *ENCODER.stops}
    injected = [token for token in ENCODER.prompt([user(f"a{marker}b")]) if token in markers]
    assert injected == [token for token in ENCODER.prompt([user("ab")]) if token in markers]


@pytest.mark.parametrize(
    "messages",
    [[], [model("b")], [user("a"), user("b")], [user("a"), model("b")], [Message(role="system", content="s")]],
)
def test_messages_that_do_not_alternate_are_refused(messages: list[Message]) -> None:
    with pytest.raises(EngineError, match="alternate"):
        ENCODER.prompt(messages)


def test_only_the_target_and_its_end_are_supervised_token_by_token() -> None:
    (row,), _ = ENCODER.rows([{"id": 1, "messages": [user("Why?"), model("What do you think?")]}], 512)
    supervised = [token for token, flag in zip(row.ids, row.supervised, strict=True) if flag]
    assert plain(supervised) == "What do you think?<end_of_turn>"
    assert row.ids[-len(supervised) :] == supervised


def conversation(*texts: str) -> list[dict[str, Any]]:
    """Return an examples file in which every reply of a conversation is a target."""
    messages = [user(t) if i % 2 == 0 else model(t) for i, t in enumerate(texts)]
    return [{"id": n, "conversation": "c", "messages": messages[: 2 * n]} for n in range(1, len(messages) // 2 + 1)]


def test_the_examples_of_a_conversation_share_one_row() -> None:
    rows, _ = ENCODER.rows(conversation("a", "b", "c", "d"), 512)
    assert [plain(row.ids) for row in rows] == [
        "<bos><start_of_turn>user\na<end_of_turn>\n<start_of_turn>model\nb<end_of_turn>\n"
        "<start_of_turn>user\nc<end_of_turn>\n<start_of_turn>model\nd<end_of_turn>"
    ]
    flagged = [token for token, flag in zip(rows[0].ids, rows[0].supervised, strict=True) if flag]
    assert plain(flagged) == "b<end_of_turn>d<end_of_turn>"


def test_an_example_whose_past_was_rewritten_gets_a_row_of_its_own() -> None:
    first, second = conversation("a", "b", "c", "d")
    second["messages"] = [user("a"), model("another"), *second["messages"][2:]]
    rows, _ = ENCODER.rows([first, second], 512)
    assert [row.examples for row in rows] == [[1], [2]]


@given(st.lists(TEXTS, min_size=2, max_size=8).filter(lambda t: len(t) % 2 == 0))
def test_a_shared_row_supervises_exactly_the_targets_of_its_examples(texts: list[str]) -> None:
    examples = conversation(*texts)
    rows, too_long = ENCODER.rows(examples, 10_000)
    supervised = [t for row in rows for t, flag in zip(row.ids, row.supervised, strict=True) if flag]
    assert supervised == [t for e in examples for t in ENCODER.example(e["messages"]).target]
    assert not too_long


@given(st.lists(TEXTS, min_size=2, max_size=12).filter(lambda t: len(t) % 2 == 0))
def test_no_row_is_longer_than_allowed_and_no_example_is_lost(texts: list[str]) -> None:
    examples = conversation(*texts)
    rows, too_long = ENCODER.rows(examples, 60)
    assert max((len(row.ids) for row in rows), default=0) <= 60
    assert sorted([n for row in rows for n in row.examples] + too_long) == [e["id"] for e in examples]


def test_an_example_that_cannot_fit_is_named_and_not_cut() -> None:
    rows, too_long = ENCODER.rows([{"id": 7, "messages": [user("a" * 100), model("b")]}], 50)
    assert (rows, too_long) == ([], [7])


def test_a_long_context_loses_its_oldest_turns_and_keeps_the_system_text() -> None:
    system = Message(role="system", content="S")
    messages = [system, user("old " * 30), model("older " * 30), user("new"), model("target")]
    (row,), _ = ENCODER.rows([{"id": 1, "messages": messages}], 60)
    assert plain(row.ids) == (
        "<bos><start_of_turn>user\nS\n\nnew<end_of_turn>\n<start_of_turn>model\ntarget<end_of_turn>"
    )


@given(TEXTS, TEXTS, TEXTS)
def test_the_next_prompt_begins_with_the_last_prompt_and_reply(a: str, b: str, c: str) -> None:
    first = ENCODER.example([user(a), model(b)])
    longer = ENCODER.prompt([user(a), model(b), user(c)])
    assert longer[: len(first)] == first.prompt + first.target


@given(st.lists(st.text(), min_size=1, max_size=3), st.text())
def test_the_length_of_an_example_is_that_of_its_ids(texts: list[str], system: str) -> None:
    pairs = [message for text in texts for message in (user(text), model(text[::-1]))]
    messages = [Message(role="system", content=system), *pairs]
    assert ENCODER.length(messages) == len(ENCODER.example(messages))


def test_a_pair_has_a_row_of_its_own_and_its_rejected_reply_beside_it() -> None:
    examples = [example | {"rejected": "No."} for example in conversation("a", "b")]
    rows, _ = ENCODER.rows(examples, 512, pairs=True)
    assert [row.examples for row in rows] == [[example["id"]] for example in examples]
    for row, example in zip(rows, examples, strict=True):
        prompt = ENCODER.prompt(example["messages"][:-1])
        assert row.rejected is not None
        assert row.rejected.ids == prompt + ENCODER.target("No.")
        assert row.rejected.supervised == [False] * len(prompt) + [True] * len(ENCODER.target("No."))
        assert row.ids == prompt + ENCODER.target(example["messages"][-1]["content"])
