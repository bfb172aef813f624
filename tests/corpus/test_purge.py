import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.filters import Filter
from corpus.store import Corpus
from tests.corpus.talk import quick, talk

FTS_CHECK = "INSERT INTO turns_fts (turns_fts, rank) VALUES ('integrity-check', 1)"


def check(corpus: Corpus) -> None:
    assert corpus.db.execute("PRAGMA foreign_key_check").fetchall() == []
    corpus.db.execute(FTS_CHECK)
    corpus.db.conn.commit()


def test_only_dropped_turns_are_purged_and_what_followed_follows_on_what_was_before(corpus: Corpus) -> None:
    first, second, third, fourth = talk(corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"), ("p4", "r4"))
    corpus.rewrite(second.id, "better")
    corpus.tag("virtue", second.id, third.id)
    corpus.drop(second.id, third.id)
    planned = corpus.plan_purge()
    assert (sorted(planned.turns), planned.rewrites, planned.conversations) == ([second.id, third.id], 1, 0)
    context = corpus.context(first.conversation, parent=fourth.id)
    corpus.purge(planned)
    assert [turn.id for turn in corpus.thread(first.conversation)] == [first.id, fourth.id]
    assert corpus.turn(fourth.id).parent == first.id
    assert corpus.context(first.conversation, parent=fourth.id) == context
    assert (corpus.search("better"), corpus.tags(), corpus.conversation(first.conversation).turns) == ([], {}, 2)
    check(corpus)


def test_a_conversation_of_which_nothing_is_left_goes_and_its_acts_with_it(corpus: Corpus) -> None:
    gone, kept = talk(corpus, ("p1", "r1"))[0], talk(corpus, ("p2", "r2"))[0]
    corpus.approve(kept.id)
    corpus.rename_conversation(gone.conversation, "to be forgotten")
    corpus.drop(gone.id)
    planned = corpus.plan_purge()
    assert (planned.turns, planned.conversations) == ((gone.id,), 1)
    corpus.purge(planned)
    assert [found.id for found in corpus.conversations()] == [kept.conversation]
    act = corpus.undo()
    assert act is not None
    assert (act.kind, corpus.undo()) == ("approve", None)


def test_an_act_on_other_turns_too_can_still_be_taken_back(corpus: Corpus) -> None:
    gone, kept = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    corpus.drop(gone.id, kept.id)
    corpus.purge(corpus.plan_purge(Filter(max_length=2, until=kept.created)))
    act = corpus.undo()
    assert act is not None
    assert (act.turns, corpus.turn(kept.id).verdict) == ((kept.id,), "unreviewed")


def test_a_turn_that_was_brought_back_meanwhile_stays(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.drop(turn.id)
    planned = corpus.plan_purge()
    corpus.undo()
    corpus.purge(planned)
    assert corpus.turn(turn.id) == turn


def test_the_words_are_gone_from_the_file(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a secret word: xyzzyplugh", "r"))
    talk(corpus, *((f"prompt {number}", "reply " * 50) for number in range(100)))
    corpus.drop(turn.id)
    corpus.purge(corpus.plan_purge())
    path = corpus.db.execute("PRAGMA database_list").fetchone()[2]
    corpus.close()
    with open(path, "rb") as file:  # noqa: PTH123
        assert b"xyzzyplugh" not in file.read()


@settings(max_examples=30, deadline=None)
@given(
    parents=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    dropped=st.sets(st.integers(0, 8)),
    shown=st.integers(0, 8),
)
def test_every_context_of_what_stays_is_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, parents: list[int], dropped: set[int], shown: int
) -> None:
    with quick(tmp_path_factory.mktemp("purge") / "corpus.db") as corpus:
        conversation = corpus.create_conversation().id
        ids: list[int] = []
        for number, above in enumerate(parents):
            parent = ids[above % len(ids)] if ids and above else None
            ids.append(corpus.add_turn(conversation, parent=parent, prompt=f"p{number}", reply=f"r{number}").id)
        corpus.show(ids[shown % len(ids)])
        gone = {ids[number % len(ids)] for number in dropped}
        if gone:
            corpus.drop(*gone)
        before = {turn: corpus.context(conversation, parent=turn) for turn in ids if turn not in gone}
        corpus.purge(corpus.plan_purge())
        assert {turn.id for turn in corpus.turns()} == before.keys()
        if before:
            assert {turn: corpus.context(conversation, parent=turn) for turn in before} == before
            assert corpus.conversation(conversation).turns == len(corpus.thread(conversation)) > 0
        check(corpus)
