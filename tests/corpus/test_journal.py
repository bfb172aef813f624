import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.database import now
from corpus.records import Act, Turn
from corpus.split import drawn_key
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import quick, talk


def test_the_newest_rewrite_wins_and_none_is_lost(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rewrite(turn.id, "first")
    corpus.rewrite(turn.id, " second ")
    found = corpus.turn(turn.id)
    assert (found.reply, found.rewrite, found.text, found.verdict) == ("r", "second", "second", "rewritten")
    assert corpus.rewrites(turn.id) == ["second", "first"]


@pytest.mark.parametrize(("text", "sentence"), [(" \n", "is empty"), (" r ", "is unchanged")])
def test_a_rewrite_that_changes_nothing_is_refused(corpus: Corpus, text: str, sentence: str) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    with pytest.raises(CorpusError, match=sentence):
        corpus.rewrite(turn.id, text)
    assert corpus.rewrites(turn.id) == []


def test_rewriting_to_the_same_rewrite_or_back_to_the_reply_is_refused(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rewrite(turn.id, "better")
    with pytest.raises(CorpusError, match="is unchanged"):
        corpus.rewrite(turn.id, "better")
    with pytest.raises(CorpusError, match="approve the turn"):
        corpus.rewrite(turn.id, "r")


def test_approving_a_rewritten_turn_returns_to_its_reply(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rewrite(turn.id, "better")
    corpus.approve(turn.id)
    assert (corpus.turn(turn.id).text, corpus.turn(turn.id).verdict) == ("r", "approved")
    corpus.undo()
    assert (corpus.turn(turn.id).text, corpus.turn(turn.id).verdict) == ("better", "rewritten")


def test_an_empty_reply_cannot_be_approved(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", ""))
    with pytest.raises(CorpusError, match="rewrite or drop it"):
        corpus.approve(turn.id)


def test_an_act_is_on_the_turns_that_it_changes(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    corpus.approve(first.id)
    act = corpus.approve(first.id, second.id, second.id)
    assert (act.kind, act.turns) == ("approve", (second.id,))
    with pytest.raises(CorpusError, match="approved already"):
        corpus.approve(first.id, second.id)


def test_one_undo_takes_back_one_act_on_many_turns(corpus: Corpus) -> None:
    turns = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    act = corpus.drop(*(turn.id for turn in turns))
    assert corpus.undo() == act
    assert corpus.thread(turns[0].conversation) == turns
    assert corpus.redo() == act
    assert {turn.verdict for turn in corpus.thread(turns[0].conversation)} == {"dropped"}


def test_there_may_be_nothing_to_undo_or_redo(corpus: Corpus) -> None:
    assert (corpus.undo(), corpus.redo()) == (None, None)


def test_a_new_act_abandons_what_was_undone_and_loses_no_rewrite(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rewrite(turn.id, "first")
    corpus.undo()
    corpus.rewrite(turn.id, "second")
    assert corpus.redo() is None
    assert corpus.rewrites(turn.id) == ["second", "first"]
    corpus.undo()
    assert corpus.turn(turn.id) == turn
    assert corpus.undo() is None


def test_what_redo_brings_back_after_a_training_is_new_to_the_next(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"), key=drawn_key("train"))
    corpus.rewrite(turn.id, "better")
    corpus.undo()
    trained = now()
    corpus.redo()
    assert corpus.count_examples("train", since=trained) == 1


@pytest.mark.parametrize("act", ["rewrite", "drop"])
def test_an_approval_that_undo_brings_back_after_a_training_is_new_to_the_next(corpus: Corpus, act: str) -> None:
    (turn,) = talk(corpus, ("p", "r"), key=drawn_key("train"))
    corpus.approve(turn.id)
    _do(corpus, act, turn.id, "better")
    trained = now()
    corpus.undo()
    assert corpus.turn(turn.id).verdict == "approved"
    assert corpus.count_examples("train", since=trained) == 1


def test_a_turn_that_undo_leaves_unreviewed_was_never_judged(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.approve(turn.id)
    corpus.undo()
    assert corpus.turn(turn.id).judged is None


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["approve", "drop", "rewrite", "undo", "redo"]), st.integers(0, 2), st.sampled_from("abc")
    ),
    max_size=15,
)


@settings(max_examples=40, deadline=None)
@given(acts=ACTS)
def test_undoing_every_act_and_redoing_it_is_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int, str]]
) -> None:
    with quick(tmp_path_factory.mktemp("acts") / "corpus.db") as corpus:
        turns = talk(corpus, ("p1", "a"), ("p2", "b"), ("p3", ""))

        def state() -> list[Turn]:
            return corpus.thread(turns[0].conversation)

        for kind, index, text in acts:
            turn_id = turns[index].id
            if kind in ("undo", "redo"):
                getattr(corpus, kind)()
                continue
            try:
                _do(corpus, kind, turn_id, text)
            except CorpusError:
                continue
        while corpus.redo():
            pass
        after = state()
        undone = 0
        while corpus.undo():
            undone += 1
        assert state() == turns
        redone = 0
        while corpus.redo():
            redone += 1
        assert (state(), redone) == (after, undone)


def _do(corpus: Corpus, kind: str, turn_id: int, text: str) -> Act:
    if kind == "rewrite":
        return corpus.rewrite(turn_id, text)
    return corpus.approve(turn_id) if kind == "approve" else corpus.drop(turn_id)
