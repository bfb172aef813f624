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


def test_nothing_ends_at_a_nul(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.search._MOST_TRIGRAMS", 1)
    turns = talk(corpus, ("a\0 のあ", "の"), ("のい", "の"))
    assert ids(corpus.search("の")) == [turns[1].id, turns[0].id]
    assert (turns[0].prompt, corpus.turns(Filter(min_length=2))) == ("a\ufffd のあ", [])


def test_case_does_not_matter(corpus: Corpus) -> None:
    (found,) = talk(corpus, ("What is Virtue?", "r"))
    assert ids(corpus.search("virtue")) == ids(corpus.search("IS")) == [found.id]


@pytest.mark.parametrize("text", ["ßſ", "İs", "Σς"])
def test_two_letters_are_found_however_the_index_folds_them(corpus: Corpus, text: str) -> None:
    (found,) = talk(corpus, (f"a{text}", "r"))
    assert ids(corpus.search(text)) == [found.id]


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


def test_the_best_match_comes_first(corpus: Corpus) -> None:
    best, worse = talk(corpus, ("virtue virtue virtue", "r"), ("what virtue has to do with all the rest of it", "r"))
    assert ids(corpus.search("virtue")) == [best.id, worse.id]
    assert ids(corpus.search("vi")) == [worse.id, best.id]


def test_hits_are_told_by_their_place(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("Virtue and 徳", "no"))
    corpus.rewrite(turn.id, "徳とは何か、VIRTUEとは")
    (hit,) = corpus.search("徳 virtue")
    assert (hit.prompt, hit.reply, hit.rewrite) == (((0, 6), (11, 12)), (), ((0, 1), (6, 12)))


def test_what_stands_in_most_turns_is_found_by_reading_them(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.search._MOST_TRIGRAMS", 1)
    turns = talk(corpus, ("のあ", "r"), ("のい 100%", "r"), ("なし", "のう_"), ("none", "rx"))
    assert ids(corpus.search("の")) == [turns[2].id, turns[1].id, turns[0].id]
    assert ids(corpus.search("の 100%")) == [turns[1].id]
    corpus.approve(turns[0].id)
    assert ids(corpus.search("の", Filter(verdict="approved"))) == [turns[0].id]


def test_every_match_is_on_one_page(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.search._RANKED", 4)
    turns = talk(corpus, *((f"virtue {'virtue ' * (number % 3)}{number}", "r") for number in range(15)))
    for text in ("virtue", "vi"):
        pages = [ids(corpus.search(text, limit=3, offset=offset)) for offset in range(0, 18, 3)]
        found = [turn for page in pages for turn in page]
        assert sorted(found) == [turn.id for turn in turns]
        assert found == ids(corpus.search(text, limit=100))


@settings(max_examples=40, deadline=None)
@given(text=st.text(st.sampled_from("正義とはaBßΣςÉ \"'%_!*\\"), min_size=1).filter(str.strip), data=st.data())
def test_any_part_of_a_text_finds_it(tmp_path_factory: pytest.TempPathFactory, text: str, data: st.DataObject) -> None:
    with quick(tmp_path_factory.mktemp("search") / "corpus.db") as corpus:
        (turn,) = talk(corpus, (text, "r"))
        start = data.draw(st.integers(0, len(text) - 1))
        end = data.draw(st.integers(start + 1, len(text)))
        assert ids(corpus.search(text[start:end])) == [turn.id]
