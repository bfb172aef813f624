"""Tests of two programs on one corpus: both work, or the second says what the first has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.backup import back_up
from corpus.store import Corpus
from socrates_errors import CorpusBusyError
from tests.corpus.talk import talk
from tests.writer import another_program_writing

SHORT_S = 0.01


@pytest.fixture
def impatient(path: Path) -> Iterator[Corpus]:
    """Give a corpus with one conversation that hardly waits for others."""
    with Corpus(path, patience_s=SHORT_S) as corpus:
        talk(corpus, ("Hi", "Well?"))
        yield corpus


def test_whoever_reads_is_never_kept_waiting_and_sees_the_state_before(impatient: Corpus, path: Path) -> None:
    with another_program_writing(path):
        assert impatient.conversations()[0].title == "Hi"
        assert [hit.turn.id for hit in impatient.search("Well")] == [1]
        assert impatient.stats()["turns"] == 1
        with Corpus(path, patience_s=SHORT_S) as other:
            assert [turn.prompt for turn in other.turns()] == ["Hi"]
        assert back_up(path).exists()
    assert impatient.conversations()[0].title == "from elsewhere"


def test_whoever_writes_is_told_who_is_writing(impatient: Corpus, path: Path) -> None:
    with another_program_writing(path) as process, pytest.raises(CorpusBusyError) as refused:
        impatient.approve(1)
    by = f" (process {process}, `-c " if Path("/proc/locks").exists() else "."
    assert str(refused.value).startswith(f"The corpus {path} is busy: another program is writing to it{by}")
    assert str(refused.value).endswith(" Wait until that has ended, then try again.")
    impatient.approve(1)
    assert impatient.turn(1).verdict == "approved"


def test_an_empty_conversation_that_cannot_be_removed_on_closing_is_not_listed(impatient: Corpus, path: Path) -> None:
    impatient.create_conversation()
    with another_program_writing(path):
        impatient.close()
    with Corpus(path) as corpus:
        assert len(corpus.conversations()) == 1


def test_two_programs_that_both_write_both_succeed(path: Path) -> None:
    with Corpus(path) as one, Corpus(path) as other:
        for number in range(20):
            talk(one, (f"one {number}", "r"))
            talk(other, (f"other {number}", "r"))
        assert one.stats()["turns"] == other.stats()["turns"] == 40
