"""Tests of listing, archiving and forking conversations."""

import pytest

from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import talk


def titles(corpus: Corpus, text: str = "", *, archived: bool = False) -> list[str]:
    return [conversation.title for conversation in corpus.conversations(text=text, archived=archived)]


def test_conversations_are_found_by_words_of_the_title_and_of_what_was_said(corpus: Corpus) -> None:
    talk(corpus, ("What is courage?", "Is a soldier brave?"))
    talk(corpus, ("正義とは何ですか", "君にとって正義とは何かね？"), ("友情", "友とは誰かね？"))
    assert titles(corpus) == ["正義とは何ですか", "What is courage?"]
    assert titles(corpus, "COURAGE what") == ["What is courage?"]
    assert titles(corpus, "soldier") == ["What is courage?"]
    assert titles(corpus, "友") == ["正義とは何ですか"]
    assert titles(corpus, "piety") == []


def test_an_archived_conversation_is_listed_only_if_asked_for_and_can_be_listed_again(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.approve(turn.id)
    act = corpus.archive(turn.conversation)
    assert act is not None
    assert (act.kind, act.conversations) == ("archive", (turn.conversation,))
    assert corpus.archive(turn.conversation) is None
    assert titles(corpus) == titles(corpus, "p") == []
    assert titles(corpus, archived=True) == ["p"]
    assert corpus.conversation(turn.conversation).archived
    assert corpus.count_examples(None) == 1
    corpus.unarchive(turn.conversation)
    assert titles(corpus) == ["p"]
    corpus.undo()
    assert titles(corpus) == []
    corpus.undo()
    assert titles(corpus) == ["p"]


def test_a_fork_has_the_turns_up_to_one_as_they_are_now_and_none_of_their_verdicts(corpus: Corpus) -> None:
    first, second, _ = talk(corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"), system="Ask.")
    corpus.rewrite(first.id, "better")
    corpus.approve(second.id)
    made = corpus.fork(second.id)
    copies = corpus.thread(made.id)
    assert [(turn.prompt, turn.text, turn.verdict) for turn in copies] == [
        ("p1", "better", "unreviewed"),
        ("p2", "r2", "unreviewed"),
    ]
    assert [turn.version for turn in copies] == [None, "v0001"]
    assert (made.title, made.system, made.turns) == ("p1 · from turn 2", "Ask.", 2)
    assert made.split == corpus.conversation(first.conversation).split
    assert corpus.count_examples(None) == 2
    assert [turn.prompt for turn in corpus.thread(first.conversation)] == ["p1", "p2", "p3"]


def test_what_was_dropped_stays_dropped_in_a_fork(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    corpus.drop(first.id)
    made = corpus.fork(second.id)
    assert [turn.verdict for turn in corpus.thread(made.id)] == ["dropped", "unreviewed"]


@pytest.mark.parametrize("act", ["archive", "unarchive", "fork"])
def test_what_is_not_there_is_named(corpus: Corpus, act: str) -> None:
    with pytest.raises(CorpusError, match="There is no"):
        getattr(corpus, act)(7)
