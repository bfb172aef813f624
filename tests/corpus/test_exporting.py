import json
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.exporting import export_file
from corpus.formats import ExportFormat
from corpus.importing import import_file
from corpus.records import Split
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


def assistant(text: str, **weight: int) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **weight}


@pytest.fixture
def taught(corpus: Corpus) -> Corpus:
    """A corpus with a conversation of an approved, a rewritten, an unreviewed and another approved turn."""
    first, second, _, fourth = talk(
        corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"), ("p4", "r4"), system="s", key="dialogue"
    )
    corpus.approve(first.id, fourth.id)
    corpus.rewrite(second.id, "正義")
    return corpus


def test_messages_are_one_turn_a_line_with_context_where_it_was_not_judged(taught: Corpus) -> None:
    system = {"role": "system", "content": "s"}
    context = [user("p1"), assistant("r1", weight=0), user("p2"), assistant("正義", weight=0)]
    assert exported(taught, "messages") == [
        {"conversation": "dialogue", "turn": 1, "messages": [system, user("p1"), assistant("r1")]},
        {"conversation": "dialogue", "turn": 2, "messages": [user("p2"), assistant("正義")]},
        {
            "conversation": "dialogue",
            "turn": 4,
            "messages": [*context, user("p3"), assistant("r3", weight=0), user("p4"), assistant("r4")],
        },
    ]


def test_sharegpt_tells_each_example_whole(taught: Corpus) -> None:
    assert exported(taught, "sharegpt")[1] == {
        "conversations": [
            {"from": "system", "value": "s"},
            {"from": "human", "value": "p1"},
            {"from": "gpt", "value": "r1", "weight": 0},
            {"from": "human", "value": "p2"},
            {"from": "gpt", "value": "正義"},
        ]
    }


def test_alpaca_tells_the_context_as_history(taught: Corpus) -> None:
    assert exported(taught, "alpaca")[:2] == [
        {"instruction": "p1", "input": "", "output": "r1", "system": "s"},
        {"instruction": "p2", "input": "", "output": "正義", "system": "s", "history": [["p1", "r1"]]},
    ]


def test_preference_holds_the_rewritten_turns(taught: Corpus) -> None:
    assert exported(taught, "preference") == [
        {
            "prompt": [{"role": "system", "content": "s"}, user("p1"), assistant("r1"), user("p2")],
            "chosen": [assistant("正義")],
            "rejected": [assistant("r2")],
        }
    ]


def test_parquet_holds_the_examples(taught: Corpus, tmp_path: Path) -> None:
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = tmp_path / "examples.parquet"
    assert export_file(taught, file, format="parquet") == 3
    assert pyarrow.parquet.read_table(file).to_pylist() == [
        {"rejected": None} | example.line() for example in taught.examples(None)
    ]


def test_parquet_may_hold_nothing(corpus: Corpus) -> None:
    stream = BytesIO()
    assert export_file(corpus, stream, format="parquet") == 0
    assert stream.getvalue().startswith(b"PAR1")


@pytest.mark.parametrize(("split", "expected"), [("train", 5), ("held-out", 1), ("all", 6)])
def test_one_side_may_be_exported(corpus: Corpus, split: Any, expected: int) -> None:
    corpus.approve(*(talk(corpus, (f"p{number}", "r"))[0].id for number in range(6)))
    assert export_file(corpus, BytesIO(), format="messages", split=split) == expected


@pytest.mark.parametrize("format", ["messages", "sharegpt", "alpaca"])
def test_what_was_exported_gives_the_same_training_examples(
    taught: Corpus, tmp_path: Path, format: ExportFormat
) -> None:
    file = tmp_path / "exported.jsonl"
    export_file(taught, file, format=format)
    with Corpus(tmp_path / "other.db") as other:
        import_file(other, file)
        assert [found.messages for found in other.examples(None)] == [found.messages for found in taught.examples(None)]
        assert exported(other, format) == exported(taught, format)


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


def test_a_conversation_keeps_its_side(taught: Corpus, tmp_path: Path) -> None:
    for number in range(6):
        taught.approve(talk(taught, (f"p{number}", "r"))[0].id)
    sides: list[Split] = ["train", "held-out"]
    file = tmp_path / "exported.jsonl"
    export_file(taught, file, format="messages")
    with Corpus(tmp_path / "other.db") as other:
        import_file(other, file)
        assert [other.count_examples(side) for side in sides] == [taught.count_examples(side) for side in sides]


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
                one.rewrite(turn.id, f"better {number}")
            elif act == "drop":
                one.drop(turn.id)
            elif act == "approve" and turn.reply:
                one.approve(turn.id)
        if not one.count_examples(None):
            return
        stream = BytesIO()
        export_file(one, stream, format="messages")
        file = stream.getvalue()
        import_file(two, BytesIO(file))
        assert sorted(str(found.messages) for found in two.examples(None)) == sorted(
            str(found.messages) for found in one.examples(None)
        )
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
