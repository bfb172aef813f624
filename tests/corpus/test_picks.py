"""Tests of picks: what is kept, counted, taken back, handed on and destroyed."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlite_utils import Database

from corpus.exporting import export_file
from corpus.filters import Filter
from corpus.migrations import MIGRATIONS
from corpus.picks import Pick, Tally
from corpus.records import Act
from corpus.store import Corpus
from socrates_errors import CorpusError

PICK = Pick(
    prompt="正義とは何ですか",
    system="",
    turn=None,
    base="embedded",
    left_version="v0001",
    left_reply="君はどう考えるかね？",
    right_version="base",
    right_reply="正義とは、各人に各人のものを与えることです。",
    chosen="left",
    seed=7,
)


def exported(corpus: Corpus, wanted: Filter | None = None) -> list[dict[str, object]]:
    stream = io.BytesIO()
    export_file(corpus, stream, format="preference", wanted=wanted or Filter())
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_picks_are_counted_for_both_versions(corpus: Corpus) -> None:
    corpus.pick(PICK)
    corpus.pick(replace(PICK, chosen="neither"))
    corpus.pick(replace(PICK, left_version="base", right_version="v0001", chosen="left"))
    corpus.pick(replace(PICK, base="google/gemma-3-1b-it"))
    assert corpus.tallies("embedded") == {("v0001", "base"): Tally(1, 1, 1), ("base", "v0001"): Tally(1, 1, 1)}


def test_a_share_comes_with_wilsons_interval() -> None:
    tally = Tally(won=8, lost=2, neither=3)
    assert tally.share == 0.8
    assert tally.interval == pytest.approx((0.4902, 0.9433), abs=1e-4)  # statsmodels' proportion_confint
    assert (Tally(neither=1).share, Tally(neither=1).interval) == (None, None)
    assert Tally(won=3).interval == pytest.approx((0.4385, 1.0), abs=1e-4)


def test_a_pick_is_an_act_that_is_taken_back_and_done_again(corpus: Corpus) -> None:
    act = corpus.pick(PICK)
    assert act == Act(act.id, "pick", picks=(1,))
    assert corpus.undo() == act
    assert (corpus.tallies("embedded"), exported(corpus)) == ({}, [])
    assert corpus.redo() == act
    assert corpus.tallies("embedded")["v0001", "base"] == Tally(won=1)


def test_a_pick_goes_out_as_a_preference_pair_with_its_context(corpus: Corpus) -> None:
    conversation = corpus.create_conversation(system="短く").id
    first = corpus.add_turn(conversation, parent=None, prompt="a", reply="b").id
    second = corpus.add_turn(conversation, parent=first, prompt="c", reply="d").id
    corpus.rewrite(first, "B")
    corpus.pick(replace(PICK, prompt="c", system="短く", turn=second, chosen="right"))
    corpus.pick(replace(PICK, chosen="neither"))
    corpus.pick(replace(PICK, right_reply=PICK.left_reply))
    rewritten, picked = exported(corpus)
    assert rewritten["chosen"] == [{"role": "assistant", "content": "B"}]
    assert picked == {
        "prompt": [
            {"role": "system", "content": "短く"},
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": "B"},
            {"role": "user", "content": "c"},
        ],
        "chosen": [{"role": "assistant", "content": PICK.right_reply}],
        "rejected": [{"role": "assistant", "content": PICK.left_reply}],
    }


def test_picks_keep_to_the_side_of_their_prompt(corpus: Corpus) -> None:
    held_out = corpus.create_conversation(key="k-3").id
    corpus.db.execute("UPDATE conversations SET split = 'held-out'")
    turn = corpus.add_turn(held_out, parent=None, prompt="勇気とは何ですか、先生", reply="x").id
    corpus.pick(replace(PICK, turn=turn, prompt="勇気とは何ですか、先生"))
    corpus.pick(replace(PICK, prompt="勇気とは何ですか、 先生？"))
    corpus.pick(PICK)
    assert len(exported(corpus, Filter(split="held-out"))) == 2
    assert len(exported(corpus, Filter(split="train"))) == 1


def test_options_that_choose_turns_leave_picks_out(corpus: Corpus) -> None:
    corpus.pick(PICK)
    assert exported(corpus, Filter(version="v0001")) == []


def test_an_empty_prompt_or_a_turn_that_is_not_there_is_refused(corpus: Corpus) -> None:
    for wrong in (replace(PICK, prompt=" "), replace(PICK, turn=99)):
        with pytest.raises(CorpusError):
            corpus.pick(wrong)
    assert corpus.tallies("embedded") == {}


def test_a_pick_is_purged_with_the_turn_whose_prompt_it_is(corpus: Corpus) -> None:
    conversation = corpus.create_conversation().id
    first = corpus.add_turn(conversation, parent=None, prompt="a", reply="b").id
    second = corpus.add_turn(conversation, parent=first, prompt="c", reply="d").id
    corpus.pick(replace(PICK, prompt="a", turn=first))
    corpus.pick(replace(PICK, prompt="c", turn=second))
    corpus.drop(first)
    planned = corpus.plan_purge()
    assert planned.picks == 1
    corpus.purge(planned)
    assert [pair["prompt"] for pair in exported(corpus)] == [[{"role": "user", "content": "c"}]]
    assert corpus.db.execute("PRAGMA foreign_key_check").fetchall() == []
    undone = corpus.undo()
    assert undone is not None
    assert undone.picks == (2,)


def test_an_older_journal_is_kept_by_the_migration(path: Path) -> None:
    with Database(path) as old:
        MIGRATIONS.apply(old, stop_before="0006_picks")
        old.execute("INSERT INTO acts VALUES (1, 'rename', 'm', 'm', 'done')")
        old.execute(
            "INSERT INTO conversations (key, title, system, source, split, created, updated) "
            "VALUES ('k', 'new', '', 'chat', 'train', 'm', 'm')"
        )
        old.execute("""INSERT INTO changes VALUES (1, 'conversations', 1, '{"title": "old"}', '{"title": "new"}')""")
        old.conn.commit()
    with Corpus(path) as corpus:
        assert corpus.undo() == Act(1, "rename", conversations=(1,))
        assert corpus.conversation(1).title == "old"
