from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from corpus.database import now
from corpus.migrations import MIGRATIONS
from corpus.records import Act, Conversation, Turn
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
    _do(corpus, act, [turn.id], "better")
    trained = now()
    corpus.undo()
    assert corpus.turn(turn.id).verdict == "approved"
    assert corpus.count_examples("train", since=trained) == 1


def test_a_turn_that_undo_leaves_unreviewed_was_never_judged(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.approve(turn.id)
    corpus.undo()
    assert corpus.turn(turn.id).judged is None


def test_tags_are_given_and_taken(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    corpus.tag("  on\nvirtue ", first.id, second.id)
    act = corpus.tag("courage", first.id)
    assert (act.kind, act.turns) == ("tag", (first.id,))
    assert corpus.turn(first.id).tags == ("courage", "on virtue")
    assert corpus.tags() == {"courage": 1, "on virtue": 2}
    corpus.untag("on virtue", first.id, second.id)
    assert corpus.tags() == {"courage": 1}
    corpus.undo()
    assert corpus.tags() == {"courage": 1, "on virtue": 2}


@pytest.mark.parametrize("name", ["", " \n", "x" * 101])
def test_a_tag_is_a_short_name(corpus: Corpus, name: str) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    with pytest.raises(CorpusError, match="1 to 100 characters"):
        corpus.tag(name, turn.id)


def test_what_is_so_already_is_no_act(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.tag("virtue", turn.id)
    corpus.note(turn.id, "look again")
    same: list[Callable[[], Act]] = [
        lambda: corpus.tag("virtue", turn.id),
        lambda: corpus.untag("courage", turn.id),
        lambda: corpus.note(turn.id, " look again "),
    ]
    for act in same:
        with pytest.raises(CorpusError, match="Nothing was changed"):
            act()
    assert corpus.set_system(turn.conversation, "") is None
    assert corpus.rename_conversation(turn.conversation, "p") is None


def test_a_note_is_kept_on_a_turn(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.note(turn.id, " look again\nlater ")
    assert corpus.turn(turn.id).note == "look again\nlater"
    corpus.note(turn.id, "")
    assert corpus.turn(turn.id) == turn


def test_a_title_and_a_system_text_are_taken_back(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"), system="be brief")
    before = corpus.conversation(turn.conversation)
    corpus.rename_conversation(turn.conversation, "on virtue")
    act = corpus.set_system(turn.conversation, "")
    assert act is not None
    assert (act.kind, act.turns, act.conversations) == ("system text", (), (turn.conversation,))
    assert corpus.undo() == act
    assert corpus.conversation(turn.conversation).system == "be brief"
    corpus.undo()
    assert corpus.conversation(turn.conversation) == before


def test_what_is_changed_before_anything_was_said_is_no_act(corpus: Corpus) -> None:
    conversation = corpus.create_conversation()
    assert corpus.set_system(conversation.id, "be brief") is None
    assert corpus.conversation(conversation.id).system == "be brief"
    assert corpus.undo() is None


def test_the_acts_of_an_old_journal_are_taken_back(path: Path) -> None:
    with Database(path) as old:
        MIGRATIONS.apply(old, stop_before="0003_tags_notes_journal_of_everything")
        moment = "2026-01-01T00:00:00.000000+00:00"
        old.execute(
            "INSERT INTO conversations (key, title, system, source, split, created, updated)"
            f" VALUES ('k', '', '', 'chat', 'train', '{moment}', '{moment}')"
        )
        old.execute(
            "INSERT INTO turns (conversation, depth, prompt, reply, verdict, sampling, created, judged)"
            f" VALUES (1, 1, 'p', 'r', 'approved', '{{}}', '{moment}', '{moment}')"
        )
        old.execute(
            "INSERT INTO acts (kind, created, changes, state) VALUES ('approve', ?, ?, 'done')",
            [
                moment,
                '[{"turn": 1, "before": {"verdict": "unreviewed", "rewrite": null, "judged": null},'
                f' "after": {{"verdict": "approved", "rewrite": null, "judged": "{moment}"}}}}]',
            ],
        )
        old.conn.commit()
    with Corpus(path) as corpus:
        approved = corpus.turn(1)
        act = corpus.undo()
        assert act is not None
        assert (act.kind, act.turns, corpus.turn(1).verdict) == ("approve", (1,), "unreviewed")
        corpus.redo()
        assert corpus.turn(1) == approved
        assert corpus.count_examples("train", since=moment) == 1


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["approve", "drop", "rewrite", "tag", "untag", "note", "rename", "system", "undo", "redo"]),
        st.sets(st.integers(0, 2), min_size=1),
        st.sampled_from("abc"),
    ),
    max_size=15,
)


@settings(max_examples=60, deadline=None)
@given(acts=ACTS)
def test_undoing_every_act_and_redoing_it_is_there_and_back(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, set[int], str]]
) -> None:
    with quick(tmp_path_factory.mktemp("acts") / "corpus.db") as corpus:
        turns = talk(corpus, ("p1", "a"), ("p2", "b"), ("p3", ""))
        conversation = turns[0].conversation

        def state() -> tuple[Conversation, list[Turn]]:
            return corpus.conversation(conversation), corpus.thread(conversation)

        untouched = state()
        for kind, numbers, text in acts:
            with suppress(CorpusError):
                _do(corpus, kind, [turns[number].id for number in sorted(numbers)], text)
        while corpus.redo():
            pass
        after = state()
        undone = []
        while act := corpus.undo():
            undone.append(act)
        assert state() == untouched
        redone = []
        while act := corpus.redo():
            redone.append(act)
        assert (state(), redone) == (after, undone[::-1])


def _do(corpus: Corpus, kind: str, turns: list[int], text: str) -> object:
    match kind:
        case "rewrite" | "note":
            return getattr(corpus, kind)(turns[0], text)
        case "tag" | "untag":
            return getattr(corpus, kind)(text, *turns)
        case "rename":
            return corpus.rename_conversation(corpus.turn(turns[0]).conversation, text)
        case "system":
            return corpus.set_system(corpus.turn(turns[0]).conversation, text)
        case "undo" | "redo":
            return getattr(corpus, kind)()
        case _:
            return getattr(corpus, kind)(*turns)
