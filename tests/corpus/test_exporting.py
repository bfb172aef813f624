import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.exporting import export_file
from corpus.filters import Filter
from corpus.formats import ExportFormat
from corpus.importing import import_file
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import quick, talk


def exported(corpus: Corpus, format: ExportFormat) -> list[Any]:
    stream = BytesIO()
    written = export_file(corpus, stream, format=format)
    records = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert written == len(records)
    return records


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str, weight: int = 1) -> dict[str, Any]:
    return {"role": "assistant", "content": text, "weight": weight}


SYSTEM = {"role": "system", "content": "s"}


@pytest.fixture
def taught(corpus: Corpus) -> Corpus:
    """A corpus with a conversation of an approved, a rewritten, an unreviewed and another approved turn."""
    first, second, _, fourth = talk(
        corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"), ("p4", "r4"), system="s", key="dialogue"
    )
    corpus.approve(first.id, fourth.id)
    corpus.rewrite(second.id, "正義")
    corpus.tag("徳", first.id, second.id)
    corpus.tag("a tag", second.id)
    corpus.note(fourth.id, "too long?")
    return corpus


def test_messages_are_one_turn_a_line_with_context_where_it_was_not_judged(taught: Corpus) -> None:
    known = {"conversation": "dialogue", "split": "held-out"}
    context = [user("p1"), assistant("r1", 0), user("p2"), assistant("正義", 0), user("p3"), assistant("r3", 0)]
    assert exported(taught, "messages") == [
        {**known, "turn": 1, "tags": ["徳"], "messages": [SYSTEM, user("p1"), assistant("r1")]},
        {
            **known,
            "turn": 2,
            "rejected": "r2",
            "tags": ["a tag", "徳"],
            "messages": [user("p2"), assistant("正義")],
        },
        {**known, "turn": 4, "note": "too long?", "messages": [*context, user("p4"), assistant("r4")]},
    ]


def test_sharegpt_tells_each_example_whole(taught: Corpus) -> None:
    assert exported(taught, "sharegpt")[1] == {
        "conversation": "dialogue",
        "turn": 2,
        "split": "held-out",
        "rejected": "r2",
        "tags": ["a tag", "徳"],
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "p1"},
            {"from": "gpt", "value": "r1", "weight": 0},
            {"from": "human", "value": "p2"},
            {"from": "gpt", "value": "正義", "weight": 1},
        ],
    }


def test_alpaca_tells_the_context_as_history(taught: Corpus) -> None:
    assert exported(taught, "alpaca")[1] == {
        "conversation": "dialogue",
        "turn": 2,
        "split": "held-out",
        "rejected": "r2",
        "tags": ["a tag", "徳"],
        "instruction": "p2",
        "input": "",
        "output": "正義",
        "system": "s",
        "history": [["p1", "r1"]],
    }


def test_preference_holds_the_rewritten_turns(taught: Corpus) -> None:
    said = [{"role": "assistant", "content": text} for text in ("r1", "正義", "r2")]
    assert exported(taught, "preference") == [
        {"prompt": [SYSTEM, user("p1"), said[0], user("p2")], "chosen": [said[1]], "rejected": [said[2]]}
    ]


def test_parquet_holds_each_example_whole(taught: Corpus, tmp_path: Path) -> None:
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = tmp_path / "examples.parquet"
    assert export_file(taught, file, format="parquet") == 3
    rows = pyarrow.parquet.read_table(file).to_pylist()
    assert rows[1] == {
        "conversation": "dialogue",
        "turn": 2,
        "split": "held-out",
        "messages": [
            {**message, "weight": message.get("weight")}
            for message in (SYSTEM, user("p1"), assistant("r1", 0), user("p2"), assistant("正義"))
        ],
        "rejected": "r2",
        "tags": ["a tag", "徳"],
        "note": "",
    }
    assert [(row["rejected"], row["tags"], row["note"]) for row in (rows[0], rows[2])] == [
        (None, ["徳"], ""),
        (None, [], "too long?"),
    ]


def test_parquet_may_hold_nothing(corpus: Corpus) -> None:
    stream = BytesIO()
    assert export_file(corpus, stream, format="parquet") == 0
    assert stream.getvalue().startswith(b"PAR1")


@pytest.mark.parametrize(("split", "expected"), [("train", 5), ("held-out", 1), (None, 6)])
def test_one_side_may_be_exported(corpus: Corpus, split: Any, expected: int) -> None:
    corpus.approve(*(talk(corpus, (f"p{number}", "r"))[0].id for number in range(6)))
    assert export_file(corpus, BytesIO(), format="messages", wanted=Filter(split=split)) == expected


def judged(corpus: Corpus) -> list[tuple[Any, ...]]:
    """What the corpus says of each judged turn, apart from what a file does not carry."""
    keys = {thread.id: (thread.key, thread.split, thread.system) for thread in corpus.conversations()}
    context = {example.id: example.messages for example in corpus.examples(None)}
    return sorted(
        (*keys[turn.conversation], str(context[turn.id]), turn.reply, turn.rewrite, turn.verdict, turn.tags, turn.note)
        for turn in corpus.turns(limit=1000)
        if turn.id in context
    )


@pytest.mark.parametrize("format", ["messages", "sharegpt", "alpaca", "parquet"])
def test_what_was_exported_is_the_same_again_in_another_corpus(
    taught: Corpus, tmp_path: Path, format: ExportFormat
) -> None:
    for number in range(12):
        talk(taught, (f"p{number}", "r"), ("more", "r"))
    taught.approve(*(turn.id for turn in taught.turns(Filter(verdict="unreviewed"), limit=1000)))
    taught.rewrite(talk(taught, ("p", ""))[0].id, "for a reply that was stopped at once")
    file, again = tmp_path / "exported", tmp_path / "again"
    export_file(taught, file, format=format)
    with Corpus(tmp_path / "other.db") as other:
        import_file(other, file)
        assert judged(other) == judged(taught)
        export_file(other, again, format=format)
        assert again.read_bytes() == file.read_bytes()
        assert import_file(other, file).turns == 0


def test_exported_preferences_are_the_same_pairs_again(taught: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "exported.jsonl"
    export_file(taught, file, format="preference")
    with Corpus(tmp_path / "other.db") as other:
        import_file(other, file)
        assert exported(other, "preference") == exported(taught, "preference")


def test_an_export_is_known_to_the_corpus_it_came_from(taught: Corpus, tmp_path: Path) -> None:
    taught.drop(1)
    file = tmp_path / "exported.jsonl"
    export_file(taught, file, format="messages")
    assert import_file(taught, file).turns == 0


def test_only_the_wanted_turns_are_exported(taught: Corpus) -> None:
    stream = BytesIO()
    assert export_file(taught, stream, format="alpaca", wanted=Filter(tags=("a tag",))) == 1
    assert json.loads(stream.getvalue())["instruction"] == "p2"
    assert export_file(taught, BytesIO(), format="messages", wanted=Filter(verdict="dropped")) == 0


TURNS = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from("pq"), st.sampled_from(["approve", "rewrite", "drop", "leave"])),
    min_size=1,
    max_size=9,
)


@settings(max_examples=40, deadline=None)
@given(turns=TURNS, system=st.sampled_from(["", "s"]))
def test_any_tree_of_turns_is_the_same_again(
    tmp_path_factory: pytest.TempPathFactory, turns: list[tuple[int, str, str]], system: str
) -> None:
    directory = tmp_path_factory.mktemp("tree")
    with quick(directory / "one.db") as one, quick(directory / "two.db") as two:
        conversation = one.create_conversation(system=system)
        ids: list[int | None] = [None]
        for number, (parent, prompt, act) in enumerate(turns):
            turn = one.add_turn(
                conversation.id,
                parent=ids[parent % len(ids)],
                prompt=prompt,
                reply="" if number % 5 == 4 else f"r{number}",
            )
            ids.append(turn.id)
            if act == "rewrite":
                one.rewrite(turn.id, f"better {number % 2}")
                one.tag("rewritten", turn.id)
            elif act == "drop":
                one.drop(turn.id)
            elif act == "approve" and turn.reply:
                one.approve(turn.id)
                one.note(turn.id, f"approved {number}")
        if not one.count_examples(None):
            return
        stream = BytesIO()
        export_file(one, stream, format="messages")
        file = stream.getvalue()
        import_file(two, BytesIO(file))
        assert judged(two) == judged(one)
        again = BytesIO()
        export_file(two, again, format="messages")
        assert again.getvalue() == file
        assert import_file(one, BytesIO(file)).turns == 0
        assert import_file(two, BytesIO(file)).turns == 0


def test_a_file_is_replaced_only_when_it_is_whole(
    taught: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "exported.jsonl"
    file.write_text("what was there")

    def fail(*_: Any, **__: Any) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("corpus.exporting.json.dumps", fail)
    with pytest.raises(CorpusError, match="No space left"):
        export_file(taught, file, format="messages")
    assert file.read_text() == "what was there"
    assert list((tmp_path / "out").iterdir()) == [file]


@pytest.mark.parametrize("name", ["a.jsonl/x.jsonl", "x" * 300, "missing/x.jsonl"], ids=len)
def test_a_file_that_cannot_be_is_told_to_the_user(taught: Corpus, tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jsonl").touch()
    with pytest.raises(CorpusError, match="cannot be written"):
        export_file(taught, tmp_path / name, format="messages")


def test_a_file_may_have_the_longest_name_there_is(taught: Corpus, tmp_path: Path) -> None:
    assert export_file(taught, tmp_path / ("x" * 255), format="messages") == 3


def test_a_pipe_is_refused_and_the_dash_named(taught: Corpus) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading), os.fdopen(writing, "wb"), pytest.raises(CorpusError, match="- for standard output"):
        export_file(taught, Path(f"/dev/fd/{writing}"), format="messages")


def test_a_directory_is_refused(taught: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a file"):
        export_file(taught, tmp_path, format="messages")
