import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.records import Turn
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import contents, quick, talk

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(str.strip)


def test_a_turn_comes_back_as_it_was_added(corpus: Corpus) -> None:
    conversation = corpus.create_conversation()
    added = corpus.add_turn(
        conversation.id,
        parent=None,
        prompt=" 正義とは何ですか\n",
        reply="\t君はどう思うかね ",
        version="v0003",
        base="embedded",
        seed=7,
        sampling={"temperature": 0.8, "top_k": 64},
        stopped_by="user",
        prompt_tokens=12,
        reply_tokens=8,
        tokens_per_s=31.5,
    )
    assert corpus.turn(added.id) == added
    assert added == Turn(
        id=added.id,
        conversation=conversation.id,
        parent=None,
        prompt="正義とは何ですか",
        reply="君はどう思うかね",
        rewrite=None,
        verdict="unreviewed",
        version="v0003",
        base="embedded",
        seed=7,
        sampling={"temperature": 0.8, "top_k": 64},
        stopped_by="user",
        prompt_tokens=12,
        reply_tokens=8,
        tokens_per_s=31.5,
        created=added.created,
        judged=None,
    )


@settings(max_examples=50, deadline=None)
@given(prompt=TEXTS, reply=TEXTS, rewrite=TEXTS)
def test_any_text_comes_back_trimmed(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, reply: str, rewrite: str
) -> None:
    with quick(tmp_path_factory.mktemp("any") / "corpus.db") as corpus:
        (turn,) = talk(corpus, (prompt, reply))
        assert (turn.prompt, turn.reply) == (prompt.strip(), reply.strip())
        if rewrite.strip() != reply.strip():
            corpus.rewrite(turn.id, rewrite)
            assert corpus.turn(turn.id).rewrite == rewrite.strip()


def test_an_empty_prompt_is_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="prompt is empty"):
        talk(corpus, (" \n", "a reply"))


def test_an_empty_reply_is_stored(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("a prompt", " "))
    assert corpus.turn(turn.id).reply == ""


def test_half_a_surrogate_pair_is_refused(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="not valid Unicode"):
        talk(corpus, ("\ud800", "a reply"))


def test_an_approved_turn_can_be_added(corpus: Corpus) -> None:
    conversation = corpus.create_conversation()
    corpus.add_turn(conversation.id, parent=None, prompt="p", reply="r", verdict="approved")
    assert corpus.count_examples(None) == 1


def test_a_parent_of_another_conversation_is_refused(corpus: Corpus) -> None:
    (stranger,) = talk(corpus, ("p", "r"))
    conversation = corpus.create_conversation()
    with pytest.raises(CorpusError, match="not of conversation"):
        corpus.add_turn(conversation.id, parent=stranger.id, prompt="p", reply="r")


def test_what_is_not_there_is_named(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="no turn 9"):
        corpus.turn(9)
    with pytest.raises(CorpusError, match="no conversation 9"):
        corpus.thread(9)


def test_the_title_is_the_start_of_the_first_prompt_on_one_line(corpus: Corpus) -> None:
    talk(corpus, ("徳は\n教えられるか " + "あ" * 80, "r"), ("another", "r"))
    (conversation,) = corpus.conversations()
    assert conversation.title == "徳は 教えられるか " + "あ" * 49 + "…"
    assert len(conversation.title) == 60


def test_a_given_title_stays(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.rename_conversation(turn.conversation, " 勇気\nについて ")
    corpus.add_turn(turn.conversation, parent=turn.id, prompt="q", reply="r")
    assert corpus.conversation(turn.conversation).title == "勇気 について"


def test_an_empty_title_is_refused(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    with pytest.raises(CorpusError, match="title is empty"):
        corpus.rename_conversation(turn.conversation, " ")


def test_conversations_come_newest_activity_first(corpus: Corpus) -> None:
    (first,) = talk(corpus, ("first", "r"))
    talk(corpus, ("second", "r"))
    corpus.add_turn(first.conversation, parent=first.id, prompt="more", reply="r")
    assert [(found.title, found.turns) for found in corpus.conversations()] == [("first", 2), ("second", 1)]
    assert [found.title for found in corpus.conversations(limit=1)] == ["first"]


def test_a_conversation_in_which_nothing_was_said_leaves_no_trace(corpus: Corpus, path: Path) -> None:
    begun = corpus.create_conversation(title="nothing said")
    assert corpus.conversations() == []
    corpus.close()
    with Corpus(path) as again, pytest.raises(CorpusError, match=f"no conversation {begun.id}"):
        again.conversation(begun.id)


def test_a_key_is_given_once(corpus: Corpus) -> None:
    corpus.create_conversation(key="dialogue")
    with pytest.raises(CorpusError, match="add to that one"):
        corpus.create_conversation(key="dialogue")


def test_every_sixth_conversation_of_the_chat_is_held_out(corpus: Corpus) -> None:
    corpus.create_conversation(key="imported", source="file.jsonl")
    splits = [corpus.create_conversation().split for _ in range(12)]
    assert splits == (["train"] * 5 + ["held-out"]) * 2


def test_the_thread_follows_the_newest_turn(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    again = corpus.add_turn(first.conversation, parent=first.id, prompt="p2", reply="r2 again")
    assert corpus.thread(first.conversation) == [first, again]
    assert corpus.siblings(second.id) == [second, again]
    assert corpus.siblings(first.id) == [first]


def test_showing_a_sibling_brings_back_what_came_of_it(corpus: Corpus) -> None:
    first, second, third = talk(corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"))
    again = corpus.add_turn(first.conversation, parent=first.id, prompt="p2", reply="r2 again")
    corpus.show(second.id)
    assert corpus.thread(first.conversation) == [first, second, third]
    corpus.show(again.id)
    assert corpus.thread(first.conversation) == [first, again]


def test_a_first_prompt_asked_differently_is_no_sibling(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.add_turn(turn.conversation, parent=None, prompt="q", reply="r")
    assert corpus.siblings(turn.id) == [turn]


def test_the_context_is_what_the_conversation_goes_on_from(corpus: Corpus) -> None:
    first, second, third, fourth = talk(
        corpus, ("p1", "r1"), ("p2", "r2"), ("p3", ""), ("p4", "r4"), system=" Ask, do not tell. "
    )
    corpus.rewrite(first.id, "better")
    corpus.drop(second.id)
    system = {"role": "system", "content": "Ask, do not tell."}
    assert corpus.context(first.conversation, parent=None) == [system]
    assert corpus.context(first.conversation, parent=fourth.id) == [
        system,
        {"role": "user", "content": "p1"},
        {"role": "assistant", "content": "better"},
        {"role": "user", "content": "p4"},
        {"role": "assistant", "content": "r4"},
    ]
    assert third.reply == ""


def test_an_example_is_the_context_of_chat_with_prompt_and_target(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"), system="s", key="dialogue")
    corpus.rewrite(second.id, "better")
    (example,) = corpus.examples(None)
    assert example.messages == [
        *corpus.context(first.conversation, parent=first.id),
        {"role": "user", "content": "p2"},
        {"role": "assistant", "content": "better"},
    ]
    assert example.line() == {
        "id": second.id,
        "conversation": "dialogue",
        "messages": example.messages,
        "rejected": "r2",
    }


def test_an_approved_turn_has_nothing_rejected(corpus: Corpus) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    corpus.approve(turn.id)
    (example,) = corpus.examples(None)
    assert (example.rejected, "rejected" in example.line()) == (None, False)


def test_siblings_make_examples_too(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    again = corpus.add_turn(first.conversation, parent=first.id, prompt="p2", reply="r2 again")
    corpus.approve(second.id, again.id)
    assert [contents(example) for example in corpus.examples(None)] == [
        ["p1", "r1", "p2", "r2"],
        ["p1", "r1", "p2", "r2 again"],
    ]


def test_examples_are_of_one_side_or_one_conversation(corpus: Corpus) -> None:
    turns = [talk(corpus, (f"p{number}", "r"))[0] for number in range(6)]
    corpus.approve(*(turn.id for turn in turns))
    assert [example.id for example in corpus.examples("train")] == [turn.id for turn in turns[:5]]
    assert [example.id for example in corpus.examples("held-out")] == [turns[5].id]
    assert [example.id for example in corpus.examples(None, conversation=turns[2].conversation)] == [turns[2].id]
    assert [corpus.count_examples(split) for split in ("train", "held-out", None)] == [5, 1, 6]
    assert corpus.example_ids("train") == [turn.id for turn in turns[4::-1]]
    assert corpus.example_ids("held-out") == [turns[5].id]


def test_examples_since_a_moment_are_those_judged_after_it(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", "r2"))
    corpus.approve(first.id)
    since = corpus.turn(first.id).judged
    assert corpus.count_examples("train", since=since) == 0
    corpus.rewrite(second.id, "better")
    assert corpus.count_examples("train", since=since) == 1
    assert corpus.example_ids("train", since=since) == [second.id]


def test_the_stats_count(corpus: Corpus) -> None:
    first, second, third, _ = talk(corpus, ("p1", "abcd"), ("p2", "abcd"), ("p3", "r"), ("p4", "r"))
    corpus.approve(first.id)
    corpus.rewrite(second.id, "abxy")
    corpus.drop(third.id)
    corpus.tag("virtue", first.id, second.id, third.id)
    corpus.db.execute("UPDATE turns SET prompt_tokens = 7, reply_tokens = 9 WHERE id = 1")
    corpus.db.execute("UPDATE turns SET judged = '2025-12-31T00:00:00.000000+00:00' WHERE judged IS NOT NULL")
    assert corpus.stats() == {
        "conversations": 1,
        "turns": 4,
        "verdicts": {"unreviewed": 1, "approved": 1, "rewritten": 1, "dropped": 1},
        "examples": {"train": 2, "held-out": 0},
        "rewrites": 1,
        "characters": 18,
        "tokens": {"prompt": 7, "reply": 9},
        "tags": {"virtue": {"turns": 3, "examples": 2}},
        "versions": {"v0001": {"judged": 3, "untouched": 1 / 3, "edit_distance": 0.25}},
        "weeks": {"2026-W01": {"judged": 3, "untouched": 1 / 3, "edit_distance": 0.25}},
    }


def test_two_connections_see_and_wait_for_each_other(corpus: Corpus, path: Path) -> None:
    with Corpus(path) as other:
        (turn,) = talk(corpus, ("p", "r"))
        other.rewrite(turn.id, "better")
        assert corpus.turn(turn.id).rewrite == "better"
        corpus.undo()
        assert other.turn(turn.id).verdict == "unreviewed"


def test_a_lock_that_is_not_given_back_is_told_to_the_user(corpus: Corpus, path: Path) -> None:
    (turn,) = talk(corpus, ("p", "r"))
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        corpus.db.execute("PRAGMA busy_timeout = 1")
        with pytest.raises(CorpusError, match="another program is writing"):
            corpus.approve(turn.id)
        other.execute("ROLLBACK")
    other.close()
    corpus.approve(turn.id)


def test_a_failed_change_leaves_nothing_behind(corpus: Corpus) -> None:
    first, second = talk(corpus, ("p1", "r1"), ("p2", ""))
    with pytest.raises(CorpusError, match="cannot be approved"):
        corpus.approve(first.id, second.id)
    assert corpus.turn(first.id) == first
    assert corpus.undo() is None


def test_turns_are_read_in_the_order_of_the_ids_without_those_that_are_gone(corpus: Corpus) -> None:
    talk(corpus, ("a", "1"), ("b", "2"), ("c", "3"))
    assert [turn.prompt for turn in corpus.these([3, 9, 1])] == ["c", "a"]


def test_the_turns_before_one_are_the_last_of_its_path(corpus: Corpus) -> None:
    *_, last = talk(corpus, ("a", "1"), ("b", "2"), ("c", "3"), ("d", "4"))
    assert [turn.prompt for turn in corpus.before(last, 2)] == ["b", "c"]
    assert corpus.before(last, 0) == []
    assert corpus.before(corpus.turn(1), 2) == []


def test_the_state_differs_once_anything_is_written_here_or_elsewhere(corpus: Corpus, path: Path) -> None:
    talk(corpus, ("a", "1"))
    before = corpus.state()
    assert corpus.state() == before
    with Corpus(path) as other:
        other.matching("a")
    assert corpus.state() == before
    corpus.approve(1)
    here = corpus.state()
    assert here != before
    with Corpus(path) as other:
        other.drop(1)
    assert corpus.state() not in (here, before)
