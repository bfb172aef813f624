from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.base import device, load_model
from adapters.cpu_decoder import CpuDecoder
from adapters.gpu_decoder import GpuDecoder
from adapters.packed import library, with_packed
from adapters.reader import Reader
from adapters.sampling import Scores
from adapters.weights import weights_of

END = 5
FIRST, SECOND, THIRD = ([2, *range(start, start + 60)] for start in (10, 100, 200))


class Counting(GpuDecoder):
    """Counts what is read; it keeps other conversations as a CPU's decoder does."""

    SHELVED_BYTES = 10**9

    def __init__(self, weights: Any) -> None:
        super().__init__(weights)
        self.count = 0

    def read(self, ids: list[int], start: int) -> Scores:
        self.count += len(ids)
        return super().read(ids, start)

    def counted(self, reader: Reader, prompt: list[int]) -> tuple[int, torch.Tensor]:
        """Return how many tokens are read for ``prompt``, and what may follow it."""
        before = self.count
        every = reader.begin(prompt).every
        return self.count - before, every.clone()


@pytest.fixture
def decoder(gemma3: Path) -> Counting:
    made = Counting(weights_of(load_model(gemma3, trainable=True), END))
    made._captures = False
    return made


def assert_same(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=0.05 * float(other.std()), rtol=0)


def test_one_comes_back_to_a_conversation_after_another_that_needed_more_room(
    gemma3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.decoder.ROOM", 64)
    decoder = Counting(weights_of(load_model(gemma3, trainable=True), END))
    decoder._captures = False
    reader = Reader(decoder)
    anew = decoder.counted(Reader(decoder), [*FIRST, 7])[1]
    for prompt in (FIRST, [2, *range(100, 200)]):
        reader.begin(prompt)
    count, every = decoder.counted(reader, [*FIRST, 7])
    assert count == 1
    assert_same(every, anew)


def test_a_conversation_that_one_comes_back_to_is_not_read_again(decoder: Counting) -> None:
    reader = Reader(decoder)
    anew = {id(prompt): decoder.counted(Reader(decoder), [*prompt, 7])[1] for prompt in (FIRST, SECOND, THIRD)}
    counts = [decoder.counted(reader, prompt)[0] for prompt in (FIRST, SECOND, THIRD)]
    assert counts == [len(FIRST), len(SECOND) - 1, len(THIRD) - 1]  # all begin with one token
    for prompt in (FIRST, THIRD, SECOND):
        count, every = decoder.counted(reader, [*prompt, 7])
        assert count == 1
        assert_same(every, anew[id(prompt)])


def test_another_branch_of_a_conversation_is_read_from_where_it_leaves(decoder: Counting) -> None:
    reader = Reader(decoder)
    decoder.counted(reader, FIRST)
    assert decoder.counted(reader, [*FIRST[:40], 300, 301])[0] == 2
    assert reader.shelf == []


def test_the_same_prompt_after_another_conversation_has_the_same_scores_and_is_not_read(decoder: Counting) -> None:
    reader = Reader(decoder)
    first = decoder.counted(reader, FIRST)[1]
    reader.go_on([7, 8, 9])
    decoder.counted(reader, SECOND)
    count, again = decoder.counted(reader, FIRST)
    assert count == 0
    assert torch.equal(again, first)


def test_what_conversations_begin_with_is_read_once(decoder: Counting) -> None:
    reader = Reader(decoder)
    one, other = [*FIRST, *SECOND[1:]], [*FIRST[:50], *THIRD[1:], *SECOND[1:]]
    assert decoder.counted(reader, one)[0] == len(one)
    assert decoder.counted(reader, other)[0] == len(other) - 50
    assert decoder.counted(reader, [*one, 7])[0] == 1
    assert decoder.counted(reader, [*other, 7])[0] == 1
    expected = decoder.counted(Reader(decoder), [*other, 7, 8])[1]
    assert_same(decoder.counted(reader, [*other, 7, 8])[1], expected)


def test_the_conversation_read_longest_ago_makes_room(decoder: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Counting, "SHELVED_BYTES", int(1.5 * len(FIRST) * decoder.token_bytes))
    reader = Reader(decoder)
    for prompt in (FIRST, SECOND, THIRD):
        decoder.counted(reader, prompt)
    assert decoder.counted(reader, [*SECOND, 7])[0] == 1
    assert decoder.counted(reader, [*FIRST, 7])[0] == len(FIRST)


def test_a_few_words_are_not_kept(decoder: Counting) -> None:
    reader = Reader(decoder)
    decoder.counted(reader, FIRST[:20])
    decoder.counted(reader, SECOND)
    assert reader.shelf == []


def test_another_version_reads_all_anew(decoder: Counting) -> None:
    reader = Reader(decoder)
    for prompt in (FIRST, SECOND):
        decoder.counted(reader, prompt)
    reader.forget()
    assert [decoder.counted(reader, prompt)[0] for prompt in (FIRST, SECOND)] == [len(FIRST), len(SECOND) - 1]


def test_conversations_of_any_length_are_kept_apart(decoder: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.decoder.ROOM", 32)
    reader = Reader(decoder)
    long = [*THIRD, *SECOND[1:], *FIRST[1:]]
    expected = decoder.counted(Reader(decoder), [*long, 7])[1]
    for prompt in (FIRST[:35], long, SECOND[:40]):
        decoder.counted(reader, prompt)
    count, every = decoder.counted(reader, [*long, 7])
    assert count == 1
    assert_same(every, expected)


@pytest.mark.skipif(
    library() is None or device() == "cuda", reason="bitsandbytes has its CPU kernel for AVX512-BF16 only"
)
def test_a_cpu_keeps_conversations(gemma3: Path) -> None:
    decoder = CpuDecoder(with_packed(weights_of(load_model(gemma3, trainable=True), END)))
    reader = Reader(decoder)
    first = reader.begin(FIRST).every.clone()
    reader.begin(SECOND)
    again = reader.begin([*FIRST, 7]).every.clone()
    assert torch.equal(reader.begin([*FIRST, 7]).every, again)
    reader.begin(SECOND)
    assert torch.equal(reader.begin([*FIRST, 7]).every, again)
    assert (again - first).abs().max() > 0.1
    assert_same(again, Reader(decoder).begin([*FIRST, 7]).every)
