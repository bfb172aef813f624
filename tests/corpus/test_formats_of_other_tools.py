"""Small files after the published descriptions of each form; and what other tools make of the exports."""

import csv
import gzip
import json
from collections.abc import Callable
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pytest

from corpus.exporting import export_file
from corpus.formats import ExportFormat, ImportFormat
from corpus.importing import Refusal, import_file
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import contents, talk


def lines(*records: Any) -> BytesIO:
    return BytesIO("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode())


def rows(*rows: tuple[str, ...], delimiter: str = ",") -> BytesIO:
    file = StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    return BytesIO(file.getvalue().encode())


def parquet(records: list[dict[str, Any]], **options: Any) -> BytesIO:
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    file = BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), file, **options)
    file.seek(0)
    return file


def said(*texts: str, system: str = "") -> list[dict[str, Any]]:
    roles = ("user", "assistant")
    before = [{"role": "system", "content": system}] if system else []
    return before + [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]


def taken(corpus: Corpus) -> list[tuple[list[str], str | None]]:
    """The texts of each example, and the reply that was rewritten."""
    return [(contents(example), example.rejected) for example in corpus.examples(None)]


OPENAI_PAIR = {
    "input": {"messages": said("p", system="s"), "tools": [], "parallel_tool_calls": True},
    "preferred_output": [{"role": "assistant", "content": "good"}],
    "non_preferred_output": [{"role": "assistant", "content": "bad"}],
}


@pytest.mark.parametrize(
    ("record", "format", "expected"),
    [
        # OpenAI, chat and preference
        ({"messages": [{"role": "developer", "content": "s"}, *said("p", "r")]}, "messages", [(["s", "p", "r"], None)]),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "p"}, {"type": "text", "text": "q"}]},
                    {"role": "assistant", "content": [{"type": "text", "text": "r"}]},
                ]
            },
            "messages",
            [(["pq", "r"], None)],
        ),
        (
            {"messages": [said("p")[0], {"role": "assistant", "content": "r", "weight": 0}, *said("q", "s")]},
            "messages",
            [(["p", "r", "q", "s"], None)],
        ),
        (OPENAI_PAIR, "pairs", [(["s", "p", "good"], "bad")]),
        # ShareGPT, as several tools write it
        (
            {"id": "x_0", "conversations": [{"from": "human", "value": "p"}, {"from": "chatgpt", "value": "r"}]},
            "sharegpt",
            [(["p", "r"], None)],
        ),
        (
            {"system": "s", "conversations": [{"from": "user", "value": "p"}, {"from": "bard", "value": "r"}]},
            "sharegpt",
            [(["s", "p", "r"], None)],
        ),
        ({"conversations": said("p", "r")}, "sharegpt", [(["p", "r"], None)]),
        # Alpaca
        ({"instruction": "p", "input": "more", "output": "r"}, "alpaca", [(["p\n\nmore", "r"], None)]),
        (
            {"instruction": "q", "output": "s", "history": [["p", "r"]], "system": "t"},
            "alpaca",
            [(["t", "p", "r", "q", "s"], None)],
        ),
        # TRL, prompt and completion, and pairs
        ({"prompt": "p", "completion": "r"}, "prompt-completion", [(["p", "r"], None)]),
        (
            {"prompt": said("p", "r", "q", system="s"), "completion": said("", "t")[1:]},
            "prompt-completion",
            [(["s", "p", "r", "q", "t"], None)],
        ),
        ({"prompt": "p", "completion": "r", "label": True}, "prompt-completion", [(["p", "r"], None)]),
        ({"prompt": "p", "chosen": "good", "rejected": "bad"}, "pairs", [(["p", "good"], "bad")]),
        ({"chosen": said("p", "good"), "rejected": said("p", "bad")}, "pairs", [(["p", "good"], "bad")]),
        # Columns under other names
        ({"question": "p", "answer": "r"}, "prompt-completion", [(["p", "r"], None)]),
        ({"instruction": "p", "response": "r"}, "alpaca", [(["p", "r"], None)]),
    ],
)
def test_a_record_of_another_tool_is_recognised_and_read(
    corpus: Corpus, tmp_path: Path, record: dict[str, Any], format: ImportFormat, expected: list[Any]
) -> None:
    import_file(corpus, lines(record))
    assert taken(corpus) == expected
    with Corpus(tmp_path / "named.db") as named:
        import_file(named, parquet([record]), format=format)
        assert taken(named) == expected


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"messages": [*said("p"), {"role": "assistant", "tool_calls": [{"id": "1"}]}]}, "uses tools"),
        ({"messages": [*said("p", "r"), {"role": "tool", "content": "7"}]}, "uses tools"),
        ({"messages": [*said("p", "r"), {"role": "function", "content": "7"}]}, "uses tools"),
        ({"conversations": [{"from": "observation", "value": "7"}]}, "uses tools"),
        ({"conversations": [{"from": ["human"], "value": "p"}]}, "`from` must be system, human, user"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "no text"),
        ({"messages": [{"role": ["user"], "content": "p"}]}, "`role`"),
        ({"prompt": "p", "completion": "r", "label": False}, "`label`"),
        ({"prompt": "p", "completion": []}, "take turns"),
        ({**OPENAI_PAIR, "preferred_output": []}, "one message of the assistant"),
        ({**OPENAI_PAIR, "input": "p"}, "`input` is of the wrong type"),
        ({"messages": said("p", "r"), "split": "test"}, "`split` must be train or held-out"),
        ({"messages": said("p", "r"), "tags": "one"}, "`tags`"),
        ({"messages": said("p", "r"), "tags": ["x" * 101]}, "1 to 100 characters"),
        ({"messages": said("p", "r"), "tags": [1]}, "`tags` must be a list of texts"),
        ({"messages": said("p", "r"), "note": 1}, "`note`"),
        ({"messages": said("p", "r"), "rejected": " r"}, "`rejected` is the reply itself"),
        ({"messages": said("p", "r"), "rejected": 1}, "`rejected`"),
        ({"prompt": "p", "reply": "r", "rewrite": "r"}, "`rewrite` is the reply itself"),
    ],
)
def test_what_cannot_be_a_turn_is_refused_with_the_reason(corpus: Corpus, record: dict[str, Any], reason: str) -> None:
    report = import_file(corpus, lines({"messages": said("p", "r")}, record))
    assert [reason in refusal.reason for refusal in report.refused] == [True]
    assert report.turns == 1


def test_a_line_may_tell_side_pair_tags_and_note(corpus: Corpus) -> None:
    record = {
        "conversation": "a",
        "split": "held-out",
        "messages": said("p", "r", "q", "good"),
        "rejected": "bad",
        "tags": [" two ", "one", "two"],
        "note": " why ",
    }
    import_file(corpus, lines(record))
    first, second = corpus.thread(1)
    assert (first.tags, first.note, first.verdict) == (("one", "two"), "", "approved")
    assert (second.tags, second.note, second.reply, second.rewrite) == (("one", "two"), "why", "bad", "good")
    assert corpus.tags() == {"one": 2, "two": 2}
    assert corpus.conversation(1).split == "held-out"


def test_the_side_of_a_conversation_that_is_here_stays(corpus: Corpus) -> None:
    talk(corpus, ("p", "r"), key="a")
    before = corpus.conversation(1).split
    other = "train" if before == "held-out" else "held-out"
    import_file(corpus, lines({"conversation": "a", "split": other, "turn": 2, "messages": said("q", "s")}))
    assert (corpus.conversation(1).split, len(corpus.thread(1))) == (before, 2)


def test_another_side_in_the_same_conversation_is_refused(corpus: Corpus) -> None:
    both = [
        {"conversation": "a", "turn": turn, "split": split, "messages": said(f"p{turn}", "r")}
        for turn, split in enumerate(("train", "held-out"), start=1)
    ]
    assert import_file(corpus, lines(*both)).refused == [
        Refusal(2, "Its `split` is not that of the records before it in the same conversation.")
    ]


def test_two_pairs_with_the_same_rewrite_are_two_turns(corpus: Corpus) -> None:
    pairs = [{"conversation": "a", "turn": 1, "messages": said("p", "good"), "rejected": bad} for bad in ("r", "s")]
    assert import_file(corpus, lines(*pairs)).turns == 2
    assert taken(corpus) == [(["p", "good"], "r"), (["p", "good"], "s")]
    assert (
        import_file(corpus, lines(*pairs, {"conversation": "a", "turn": 1, "messages": said("p", "good")})).turns == 0
    )


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        (("prompt", "reply"), ("p", "r"), (["p", "r"], None)),
        (("Instruction", " RESPONSE "), ("p", "r"), (["p", "r"], None)),
        (("id", "Question", "Answer"), ("7", "p", "r"), (["p", "r"], None)),
        (("instruction", "input", "output"), ("p", "more", "r"), (["p\n\nmore", "r"], None)),
        (("instruction", "input", "output"), ("", "p", "r"), (["p", "r"], None)),
        (("input", "completion"), ("p", "r"), (["p", "r"], None)),
        (("prompt", "reply", "system"), ("p", "r", "s"), (["s", "p", "r"], None)),
        (("prompt", "reply", "rewrite"), ("p", "r", "better"), (["p", "better"], "r")),
        (("prompt", "reply", "rewrite"), ("p", "r", " "), (["p", "r"], None)),
        (("prompt", "chosen", "rejected"), ("p", "good", "bad"), (["p", "good"], "bad")),
        (
            ("prompt", "reply"),
            ('two\r\nlines, "quoted"', "正義\n\nとは"),
            (['two\r\nlines, "quoted"', "正義\n\nとは"], None),
        ),
    ],
)
@pytest.mark.parametrize("written", [(",", b""), (";", b"\xef\xbb\xbf"), ("\t", b"")])
def test_a_table_is_read_by_the_names_of_its_columns(
    corpus: Corpus, header: tuple[str, ...], row: tuple[str, ...], expected: Any, written: tuple[str, bytes]
) -> None:
    delimiter, mark = written
    import_file(corpus, BytesIO(mark + rows(header, row, delimiter=delimiter).getvalue()))
    assert taken(corpus) == [expected]


def test_a_table_may_tell_conversations_tags_and_notes(corpus: Corpus) -> None:
    header = ("conversation", "turn", "prompt", "reply", "tags", "note", "split")
    file = rows(
        header,
        ("a", "2", "p2", "r2", "one, two", "why", ""),
        ("b", "", "p", "r", "", "", "train"),
        ("a", "1", "p1", "r1", "", "", ""),
    )
    assert import_file(corpus, file, format="csv").conversations == 2
    turns = corpus.thread(1)
    assert [(turn.prompt, turn.tags, turn.note) for turn in turns] == [("p1", (), ""), ("p2", ("one", "two"), "why")]
    assert corpus.conversations()[0].key in "ab"


def test_refused_rows_are_reported_by_the_line_they_begin_in(corpus: Corpus) -> None:
    file = rows(
        ("prompt", "reply", "turn"), ("two\nlines", "r", "1"), ("p", "", "1"), (), ("q", "r", "one"), ("s",) * 9
    )
    file = BytesIO(file.getvalue() + b"\xff,r,1\n")
    report = import_file(corpus, file)
    assert report.turns == 1
    assert [(refusal.line, refusal.reason.split(":")[0]) for refusal in report.refused] == [
        (4, "It has none of reply, response, completion, output or answer."),
        (6, "`turn` must be a whole number, at most 9223372036854775807."),
        (7, "It has more than 3 fields"),
        (8, "The text is not valid Unicode"),
    ]


@pytest.mark.parametrize("content", [b"name,age\nSocrates,70\n", b"prompt,note\np,n\n", b"just some words\n"])
def test_a_table_without_known_columns_is_refused_with_those_that_are(corpus: Corpus, content: bytes) -> None:
    with pytest.raises(CorpusError, match=r"must name prompt, .* or input, and reply, .* or answer, or chosen"):
        import_file(corpus, BytesIO(content))


def test_a_broken_first_line_does_not_make_a_table_of_json(corpus: Corpus) -> None:
    report = import_file(corpus, BytesIO(b"nonsense\n" + lines({"messages": said("p", "r")}).getvalue()))
    assert ([refusal.line for refusal in report.refused], report.turns) == ([1], 1)


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        ('{"messages": []}'.encode("utf-16"), "save it as UTF-8"),
        ('{"messages": []}'.encode("utf-16-le"), "save it as UTF-8"),
        (gzip.compress(b"{}"), "compressed with gzip: unpack it, then import that"),
        (b"PK\x03\x04...", "save the sheet as CSV"),
        (b"PAR1 and no more", "cannot be read"),
    ],
    ids=["utf-16", "utf-16 without a mark", "gzip", "xlsx", "parquet"],
)
def test_a_file_of_another_kind_is_refused_with_what_to_do(corpus: Corpus, content: bytes, advice: str) -> None:
    with pytest.raises(CorpusError, match=advice):
        import_file(corpus, BytesIO(content))


@pytest.mark.parametrize("array", [False, True])
def test_a_record_that_is_too_long_is_refused(corpus: Corpus, monkeypatch: pytest.MonkeyPatch, array: bool) -> None:
    monkeypatch.setattr("corpus.json_records.LARGEST", 100_000)
    monkeypatch.setattr("corpus.json_records._CHUNK", 1000)
    records = [{"messages": said("p", "r")}, {"messages": said("q", "x" * 200_000)}, {"messages": said("s", "t")}]
    file = BytesIO(json.dumps(records).encode()) if array else lines(*records)
    report = import_file(corpus, file)
    assert [(refusal.line, "longer than" in refusal.reason) for refusal in report.refused] == [(2, True)]
    assert report.turns == (1 if array else 2)


def test_a_row_that_is_too_long_is_refused(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("corpus.tables.LARGEST", 1000)
    report = import_file(corpus, rows(("prompt", "reply"), ("p", "r"), ("q", "x" * 3000), ("s", "t")))
    assert ([refusal.line for refusal in report.refused], report.turns) == ([3], 2)


HOSTILE = ("NaN", "-Infinity", "1e400", '"\\ud800"', "[" * 10_000 + "]" * 10_000, "1" * 5000, '{"a": NaN}', "null")


@pytest.mark.parametrize("field", ["messages", "conversation", "turn", "split", "tags", "note", "rejected", "weight"])
def test_no_value_brings_an_import_down(corpus: Corpus, field: str) -> None:
    written = [json.dumps({"messages": said("p", f"r{number}")})[:-1] for number in range(len(HOSTILE))]
    file = "".join(f'{line}, "{field}": {value}}}\n' for line, value in zip(written, HOSTILE, strict=True))
    report = import_file(corpus, BytesIO(lines({"messages": said("p", "r")}).getvalue() + file.encode()))
    assert report.turns + len(report.refused) == len(HOSTILE) + 1


def test_a_parquet_file_may_come_through_a_pipe(corpus: Corpus) -> None:
    class Pipe(BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise OSError("a pipe cannot be sought in")

    file = parquet([{"Question": f"p{number}", "Answer": "r"} for number in range(1000)], row_group_size=300)
    assert import_file(corpus, Pipe(file.getvalue())).turns == 1000


def test_a_damaged_parquet_file_is_told_where_it_ends(corpus: Corpus) -> None:
    file = parquet([{"prompt": f"{number:0500}", "reply": "r"} for number in range(2000)], row_group_size=1000)
    content = bytearray(file.getvalue())
    content[len(content) // 2 : len(content) // 2 + 2000] = b"\xff" * 2000
    report = import_file(corpus, BytesIO(bytes(content)))
    assert 0 < report.turns < 2000
    assert [(refusal.line, "From here on" in refusal.reason) for refusal in report.refused] == [
        (report.turns + 1, True)
    ]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Corpus, ExportFormat], Any]:
    """Export a corpus, and load the file with `datasets`."""
    import datasets
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def loaded(corpus: Corpus, format: ExportFormat) -> Any:
        file = tmp_path / f"exported.{format}"
        export_file(corpus, file, format=format)
        kind = "parquet" if format == "parquet" else "json"
        options = {} if format == "parquet" else {"chunksize": 20_000}  # bytes, of which the first tell the columns
        return datasets.load_dataset(kind, data_files=str(file), cache_dir=str(tmp_path / "cache"), **options)["train"]

    return loaded


ABOUT = {"conversation", "turn", "split", "rejected", "tags", "note"}


@pytest.mark.parametrize(
    ("format", "columns"),
    [
        ("messages", {*ABOUT, "messages"}),
        ("sharegpt", {*ABOUT, "conversations"}),
        ("alpaca", {*ABOUT, "instruction", "input", "output", "system", "history"}),
        ("preference", {"prompt", "chosen", "rejected"}),
        ("parquet", {*ABOUT, "messages"}),
    ],
)
def test_datasets_loads_an_export_whatever_its_last_lines_hold(
    corpus: Corpus, load: Callable[[Corpus, ExportFormat], Any], format: ExportFormat, columns: set[str]
) -> None:
    import_file(corpus, lines(*({"messages": said(f"{number} {'x' * 500}", "r")} for number in range(100))))
    _, second, third = talk(corpus, ("p1", "r1"), ("p2", "r2"), ("p3", "r3"), system="s")
    corpus.rewrite(third.id, "better")
    corpus.approve(second.id)
    corpus.tag("late", second.id)
    corpus.note(second.id, "late")
    loaded = load(corpus, format)
    assert set(loaded.column_names) == columns
    assert len(loaded) == (1 if format == "preference" else 102)


def test_trl_finds_its_columns_and_nothing_else(corpus: Corpus, load: Callable[[Corpus, ExportFormat], Any]) -> None:
    corpus.rewrite(talk(corpus, ("p1", "r1"), ("p2", "r2"), system="s")[1].id, "better")
    loaded = load(corpus, "preference")
    assert {name: [set(message) for message in loaded[0][name]] for name in loaded.column_names} == {
        "prompt": [{"role", "content"}] * 4,
        "chosen": [{"role", "content"}],
        "rejected": [{"role", "content"}],
    }
