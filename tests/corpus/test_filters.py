from dataclasses import replace
from typing import Any

import pytest

from corpus.filters import EVERYTHING, Filter
from corpus.store import Corpus
from tests.corpus.talk import talk


@pytest.fixture
def filled(corpus: Corpus) -> Corpus:
    """Turns 1 and 2 in one conversation of the chat, turn 3 in one of a file, turn 4 on the other side."""
    talk(corpus, ("p1", "short"), ("p2", "a longer reply"))
    for source, key in (("file.jsonl", "k3"), ("chat", "held-out-2")):
        conversation = corpus.create_conversation(source=source, key=key)
        corpus.add_turn(conversation.id, parent=None, prompt="p", reply="r", version="v0002")
    corpus.db.execute("UPDATE conversations SET split = CASE id WHEN 3 THEN 'held-out' ELSE 'train' END")
    for turn in (1, 2, 3, 4):
        corpus.db.execute("UPDATE turns SET created = ? WHERE id = ?", [f"2026-11-0{turn}", turn])
    corpus.rewrite(1, "the longest text of them all")
    corpus.rewrite(3, "once")
    corpus.approve(3)
    corpus.tag("virtue", 1, 3)
    corpus.tag("courage", 3, 4)
    return corpus


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"verdict": "unreviewed"}, [4, 2]),
        ({"version": "v0002"}, [4, 3]),
        ({"tags": ("virtue",)}, [3, 1]),
        ({"tags": ("virtue", "courage")}, [3]),
        ({"conversation": 1}, [2, 1]),
        ({"source": "file.jsonl"}, [3]),
        ({"split": "held-out"}, [4]),
        ({"since": "2026-11-02", "until": "2026-11-04"}, [3, 2]),
        ({"min_length": 6}, [2, 1]),
        ({"max_length": 1}, [4, 3]),
        ({"has_rewrite": True}, [3, 1]),
        ({"has_rewrite": False}, [4, 2]),
        ({"verdict": "approved", "tags": ("virtue",), "has_rewrite": True, "version": "v0002"}, [3]),
    ],
    ids=str,
)
def test_a_filter_leaves_the_turns_for_which_all_of_it_is_true(
    filled: Corpus, wanted: dict[str, Any], ids: list[int]
) -> None:
    chosen = replace(EVERYTHING, **wanted)
    assert [turn.id for turn in filled.turns(chosen)] == ids
    assert filled.matching("", chosen) == ids
    assert filled.count(chosen) == len(ids)
    assert [hit.turn.id for hit in filled.search("p", chosen)] == ids


def test_the_length_is_that_of_the_text_that_counts(filled: Corpus) -> None:
    filled.undo()
    filled.approve(1)
    assert [turn.id for turn in filled.turns(Filter(min_length=6))] == [2]


@pytest.mark.parametrize(
    "wanted",
    [Filter(verdict="dropped"), Filter(version="v9", min_length=3), Filter(tags=("virtue",), since="2026")],
    ids=str,
)
def test_a_page_is_read_from_indexes_alone(filled: Corpus, wanted: Filter) -> None:
    conditions, parameters = wanted.conditions()
    plan = filled.db.execute(
        f"EXPLAIN QUERY PLAN SELECT id FROM turns INDEXED BY turns_filter WHERE {' AND '.join(conditions)} "
        "ORDER BY id DESC LIMIT 100",
        parameters,
    ).fetchall()
    assert "COVERING INDEX turns_filter" in plan[0][3]
    assert not any("TEMP B-TREE" in row[3] for row in plan)
