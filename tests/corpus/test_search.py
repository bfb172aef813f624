import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.filters import Filter
from corpus.records import Hit, Turn
from corpus.store import Corpus
from tests.corpus.talk import quick, talk


def ids(found: list[Turn] | list[Hit]) -> list[int]:
    return [one.turn.id if isinstance(one, Hit) else one.id for one in found]


@pytest.mark.parametrize("text", ["正義とは", "何", "正義", "かね", "君はどう", "とは何 かね"])
def test_japanese_is_found_by_any_part(corpus: Corpus, text: str) -> None:
    found, _ = talk(corpus, ("正義とは何ですか", "君はどう思うかね"), ("virtue", "and courage"))
    assert ids(corpus.search(text)) == [found.id]


def test_case_does_not_matter(corpus: Corpus) -> None:
    (found,) = talk(corpus, ("What is Virtue?", "r"))
    assert ids(corpus.search("virtue")) == ids(corpus.search("IS")) == [found.id]


def test_every_word_must_be_found(corpus: Corpus) -> None:
    both, _ = talk(corpus, ("courage and virtue", "r"), ("courage alone", "r"))
    assert ids(corpus.search("virtue courage")) == [both.id]


def test_the_rewrite_that_counts_is_found(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rewrite(turn.id, "an earlier thought")
    corpus.rewrite(turn.id, "a later thought")
    assert (ids(corpus.search("later")), ids(corpus.search("earlier"))) == ([turn.id], [])
    corpus.undo()
    assert (ids(corpus.search("later")), ids(corpus.search("earlier"))) == ([], [turn.id])
    corpus.approve(turn.id)
    assert ids(corpus.search("thought")) == []


@pytest.mark.parametrize("text", ['"', "%", "_", "!", '"quoted" AND', "NEAR(", "a*", "prompt:x", "\0"])
def test_what_means_something_to_sqlite_is_only_text(corpus: Corpus, text: str) -> None:
    talk(corpus, ("plain", "words"))
    assert corpus.search(text) == corpus.search(text.replace("\0", ""))
    if text != "\0":
        assert corpus.search(text) == []


def test_turns_are_filtered_and_paged_newest_first(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    (third,) = talk(corpus, ("p3", "r3"))
    corpus.approve(second.id)
    assert ids(corpus.turns()) == [third.id, second.id, first.id]
    assert ids(corpus.turns(limit=1, offset=1)) == [second.id]
    assert ids(corpus.turns(Filter(verdict="approved"))) == [second.id]
    assert ids(corpus.turns(Filter(conversation=first.conversation))) == [second.id, first.id]
    assert ids(corpus.turns(Filter(version="v0001", verdict="unreviewed"))) == [third.id, first.id]
    assert corpus.turns(Filter(version="v0002")) == []
    assert ids(corpus.search("p", Filter(verdict="approved"))) == [second.id]


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("正義とはaB \"'%_!*\\"), min_size=1).filter(str.strip), data=st.data())
def test_any_part_of_a_text_finds_it(tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject) -> None:
    with quick(tmp_path_factory.mktemp("search") / "corpus.db") as corpus:
        (turn,) = talk(corpus, (text, "r"))
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        assert ids(corpus.search(text[start:end])) == [turn.id]
