import json
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from corpus.formats import ImportFormat
from corpus.importing import ImportReport, Refusal, import_file
from corpus.records import Example
from corpus.split import side
from corpus.store import Corpus
from socrates_errors import CorpusError
from tests.corpus.talk import contents, talk


def lines(*records: Any) -> BytesIO:
    return BytesIO("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode())


def messages(*texts: str, system: str = "") -> list[dict[str, str]]:
    roles = ("user", "assistant")
    before = [{"role": "system", "content": system}] if system else []
    return before + [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]


def examples(corpus: Corpus) -> list[list[str]]:
    return [contents(example) for example in corpus.examples(None)]


def test_lines_that_share_a_conversation_become_one_in_the_order_of_turn(corpus: Corpus) -> None:
    report = import_file(
        corpus,
        lines(
            {"conversation": "a", "turn": 2, "messages": messages("a2", "r2")},
            {"conversation": "b", "turn": 1, "messages": messages("b1", "r1")},
            {"conversation": "a", "turn": 1, "messages": messages("a1", "r1", system="s")},
        ),
    )
    assert report == ImportReport(conversations=2, turns=3, known=0, refused=[])
    assert examples(corpus) == [["s", "a1", "r1"], ["s", "a1", "r1", "a2", "r2"], ["b1", "r1"]]
    newest, oldest = corpus.conversations()
    assert (oldest.key, oldest.title, oldest.turns, oldest.source) == ("a", "a1", 2, "standard input")
    assert newest.key == "b"


def test_the_file_is_the_source(corpus: Corpus, tmp_path: Path) -> None:
    file = tmp_path / "dialogues.jsonl"
    file.write_bytes(lines({"messages": messages("p", "r")}).getvalue())
    import_file(corpus, file)
    assert [conversation.source for conversation in corpus.conversations()] == ["dialogues.jsonl"]


def test_a_line_may_hold_many_turns(corpus: Corpus) -> None:
    import_file(corpus, lines({"messages": messages("p1", "r1", "p2", "r2", system="s")}))
    assert examples(corpus) == [["s", "p1", "r1"], ["s", "p1", "r1", "p2", "r2"]]


def test_importing_twice_adds_nothing(corpus: Corpus) -> None:
    records = [
        {"conversation": "a", "turn": 1, "messages": messages("p1", "r1")},
        {"conversation": "a", "turn": 2, "messages": messages("p2", "r2")},
        {"messages": messages("p", "r", "q", "s")},
        {"instruction": "p", "output": "r"},
        {"prompt": "p", "chosen": "good", "rejected": "bad"},
    ]
    first = import_file(corpus, lines(*records))
    before = list(corpus.examples(None))
    again = import_file(corpus, lines(*records))
    assert (first.turns, again) == (6, ImportReport(conversations=0, turns=0, known=6, refused=[]))
    assert list(corpus.examples(None)) == before


def test_a_record_that_stands_twice_in_a_file_is_one(corpus: Corpus) -> None:
    records = [{"messages": messages("p", "r")}, {"prompt": "p", "chosen": "good", "rejected": "bad"}]
    assert import_file(corpus, lines(*records, *records)) == ImportReport(conversations=2, turns=2, known=2)


def test_turns_that_were_judged_since_are_still_known(corpus: Corpus) -> None:
    records = [{"conversation": "a", "turn": turn, "messages": messages(f"p{turn}", f"r{turn}")} for turn in (1, 2, 3)]
    import_file(corpus, lines(*records))
    first, second, third = corpus.thread(1)
    corpus.drop(first.id)
    corpus.rewrite(second.id, "better")
    corpus.rewrite(second.id, "best")
    assert import_file(corpus, lines(*records)).turns == 0
    assert import_file(corpus, lines({**records[1], "messages": messages("p2", "better")})).turns == 0
    assert corpus.turn(third.id) == third


def test_more_turns_of_a_known_conversation_are_appended(corpus: Corpus) -> None:
    records = [{"conversation": "a", "turn": turn, "messages": messages(f"p{turn}", f"r{turn}")} for turn in (1, 2, 3)]
    import_file(corpus, lines(records[0]))
    assert import_file(corpus, lines(*records[:2])) == ImportReport(turns=1, known=1)
    assert import_file(corpus, lines(records[2])) == ImportReport(turns=1)
    assert import_file(corpus, lines(records[2])) == ImportReport(known=1)
    assert [turn.prompt for turn in corpus.thread(1)] == ["p1", "p2", "p3"]


def test_turns_without_a_number_are_appended_once(corpus: Corpus) -> None:
    for _ in range(2):
        import_file(corpus, lines({"conversation": "a", "messages": messages("p1", "r1")}))
        import_file(corpus, lines({"conversation": "a", "messages": messages("p2", "r2")}))
    assert [turn.prompt for turn in corpus.thread(1)] == ["p1", "p2"]


def test_lines_that_repeat_the_conversation_so_far_are_told_from_its_root(corpus: Corpus) -> None:
    report = import_file(
        corpus,
        lines(
            {"conversation": "a", "messages": messages("p1", "r1")},
            {"conversation": "a", "messages": messages("p1", "r1", "p2", "r2")},
        ),
    )
    assert (report.turns, report.known) == (2, 1)
    assert examples(corpus) == [["p1", "r1"], ["p1", "r1", "p2", "r2"]]


def test_lines_of_the_same_turn_are_siblings(corpus: Corpus) -> None:
    import_file(
        corpus,
        lines(
            {"conversation": "a", "turn": 1, "messages": messages("p1", "r1")},
            {"conversation": "a", "turn": 2, "messages": messages("p2", "one")},
            {"conversation": "a", "turn": 2, "messages": messages("p2", "other")},
        ),
    )
    assert [turn.reply for turn in corpus.siblings(2)] == ["one", "other"]


def test_a_reply_of_no_weight_is_context(corpus: Corpus) -> None:
    context = [{"role": "user", "content": "p1"}, {"role": "assistant", "content": "r1", "weight": 0}]
    import_file(corpus, lines({"messages": context + messages("p2", "r2")}))
    assert examples(corpus) == [["p1", "r1", "p2", "r2"]]
    assert [turn.verdict for turn in corpus.thread(1)] == ["unreviewed", "approved"]


def test_imported_replies_may_stay_unreviewed(corpus: Corpus) -> None:
    import_file(corpus, lines({"messages": messages("p", "r")}), verdict="unreviewed")
    assert [turn.verdict for turn in corpus.turns()] == ["unreviewed"]


def test_the_key_of_the_file_decides_the_side(corpus: Corpus) -> None:
    import_file(
        corpus, lines(*({"conversation": f"dialogue-{n}", "messages": messages(f"p{n}", "r")} for n in range(60)))
    )
    assert [found.split for found in corpus.conversations()[::-1]] == [side(f"dialogue-{n}") for n in range(60)]


def test_a_whole_number_may_be_the_key(corpus: Corpus) -> None:
    import_file(corpus, lines({"conversation": 7, "messages": messages("p", "r")}))
    assert [conversation.key for conversation in corpus.conversations()] == ["7"]


@pytest.mark.parametrize(
    ("record", "format", "expected"),
    [
        (
            {
                "conversations": [
                    {"from": "system", "value": "s"},
                    {"from": "human", "value": "p"},
                    {"from": "gpt", "value": "r"},
                ]
            },
            "sharegpt",
            ["s", "p", "r"],
        ),
        (
            {"system": "s", "conversations": [{"from": "user", "value": "p"}, {"from": "model", "value": "r"}]},
            "sharegpt",
            ["s", "p", "r"],
        ),
        ({"instruction": "p", "output": "r"}, "alpaca", ["p", "r"]),
        ({"instruction": "p", "input": "", "output": "r"}, "alpaca", ["p", "r"]),
        ({"instruction": "p", "input": "more", "output": "r", "system": "s"}, "alpaca", ["s", "p\n\nmore", "r"]),
        ({"instruction": "p2", "output": "r2", "history": [["p1", "r1"]]}, "alpaca", ["p1", "r1", "p2", "r2"]),
        ({"prompt": "p", "chosen": "good", "rejected": "bad"}, "pairs", ["p", "good"]),
        (
            {
                "prompt": messages("p1", "r1", "p2", system="s"),
                "chosen": [{"role": "assistant", "content": "good"}],
                "rejected": [{"role": "assistant", "content": "bad"}],
            },
            "pairs",
            ["s", "p1", "r1", "p2", "good"],
        ),
        ({"chosen": messages("p", "good"), "rejected": messages("p", "bad")}, "pairs", ["p", "good"]),
    ],
)
def test_every_format_is_read_and_recognised(
    corpus: Corpus, tmp_path: Path, record: dict[str, Any], format: ImportFormat, expected: list[str]
) -> None:
    import_file(corpus, lines(record))
    assert examples(corpus) == [expected]
    with Corpus(tmp_path / "named.db") as named:
        import_file(named, lines(record), format=format)
        assert examples(named) == [expected]


def test_a_pair_is_a_rewritten_turn(corpus: Corpus) -> None:
    import_file(corpus, lines({"prompt": "p", "chosen": "good", "rejected": "bad"}))
    (turn,) = corpus.turns()
    assert (turn.reply, turn.rewrite, turn.verdict, corpus.rewrites(turn.id)) == ("bad", "good", "rewritten", ["good"])
    assert [hit.turn.id for hit in corpus.search("good")] == [turn.id]
    assert corpus.undo() is None


def test_what_is_imported_is_found(corpus: Corpus) -> None:
    import_file(corpus, lines({"messages": messages("正義とは何ですか", "君はどう思うかね")}))
    corpus.rewrite(1, "君にとって何かね")
    talk(corpus, ("徳とは何ですか", "r"))
    assert [hit.turn.id for hit in corpus.search("とは何ですか")] == [2, 1]
    assert [[hit.turn.id for hit in corpus.search(text)] for text in ("どう思う", "にとって")] == [[1], [1]]


ONE, TWO = (json.dumps({"messages": messages("正義", reply)}, ensure_ascii=False) for reply in ("r", "s"))


@pytest.mark.parametrize(
    "content",
    [
        ONE.encode(),
        b"\xef\xbb\xbf" + ONE.encode() + b"\r\n",
        b"\r\n\n" + ONE.encode() + b"\r\n",
        f"[{ONE}]".encode(),
        b"\xef\xbb\xbf\r\n[\r\n" + json.dumps(json.loads(ONE), indent=2).encode() + b"\r\n]\r\n",
    ],
)
def test_lines_and_arrays_are_read_with_a_mark_and_carriage_returns(corpus: Corpus, content: bytes) -> None:
    assert import_file(corpus, BytesIO(content)) == ImportReport(conversations=1, turns=1)
    assert examples(corpus) == [["正義", "r"]]


def test_an_array_longer_than_what_is_read_at_once_is_read_whole(corpus: Corpus) -> None:
    records = [{"messages": messages(f"正義 {number}", "r" * 50_000)} for number in range(9)]
    array = BytesIO(json.dumps(records, ensure_ascii=False, indent=1).encode())
    assert import_file(corpus, array).turns == 9
    assert [turn.prompt for turn in corpus.turns(limit=1)] == ["正義 8"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"7", "not a JSON object"),
        (b"{}", "no known format"),
        (json.dumps({"messages": []}).encode(), "take turns"),
        (json.dumps({"messages": "p"}).encode(), "wrong type"),
        (json.dumps({"messages": messages("p")}).encode(), "assistant end"),
        (json.dumps({"messages": messages("p", "r")[::-1]}).encode(), "take turns"),
        (json.dumps({"messages": [{"role": "user"}]}).encode(), "text as `content`"),
        (json.dumps({"messages": messages("p", " ")}).encode(), "empty"),
        (json.dumps({"messages": messages("p", "\ud800")}).encode(), "not valid Unicode"),
        (json.dumps({"messages": messages("p", "r"), "conversation": []}).encode(), "`conversation`"),
        (json.dumps({"messages": messages("p", "r"), "turn": "1"}).encode(), "`turn`"),
        (json.dumps({"messages": messages("p", "r"), "turn": 2**63}).encode(), "`turn`"),
        (json.dumps({"messages": messages("p", "r"), "conversation": " "}).encode(), "`conversation`"),
        (json.dumps({"conversations": [{"from": "nobody", "value": "p"}]}).encode(), "`from`"),
        (json.dumps({"instruction": "p"}).encode(), "none of reply, response"),
        (json.dumps({"instruction": "p", "output": "r", "history": ["p"]}).encode(), "`history`"),
        (json.dumps({"prompt": "p", "chosen": "same", "rejected": " same"}).encode(), "are the same"),
        (json.dumps({"prompt": "p", "chosen": 1, "rejected": "r"}).encode(), "`chosen`"),
        (json.dumps({"chosen": messages("p", "a"), "rejected": messages("q", "b")}).encode(), "last message only"),
        (json.dumps({"chosen": "a", "rejected": "b"}).encode(), "none of prompt, instruction"),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_a_refused_line_is_reported_and_the_rest_imported(corpus: Corpus, line: bytes, reason: str) -> None:
    report = import_file(corpus, BytesIO(ONE.encode() + b"\n" + line + b"\n" + TWO.encode()))
    assert [refusal.line for refusal in report.refused] == [2]
    assert reason in report.refused[0].reason
    assert report.turns == 2


def test_another_system_text_in_the_same_conversation_is_refused(corpus: Corpus) -> None:
    report = import_file(
        corpus,
        lines(
            {"conversation": "a", "turn": 1, "messages": messages("p1", "r1", system="one")},
            {"conversation": "a", "turn": 2, "messages": messages("p2", "r2", system="other")},
        ),
    )
    assert report.refused == [
        Refusal(2, "Its system text is not that of the records before it in the same conversation.")
    ]


def test_a_pair_cannot_be_unreviewed(corpus: Corpus) -> None:
    pair = {"prompt": "p", "chosen": "good", "rejected": "bad"}
    report = import_file(corpus, lines({"messages": messages("p", "r")}, pair), verdict="unreviewed")
    assert [(refusal.line, "import pairs as approved" in refusal.reason) for refusal in report.refused] == [(2, True)]


@pytest.mark.parametrize("cut", [b"", b",", b', {"messages"', b" 7", b", \xff"])
def test_an_array_that_was_cut_off_is_reported_where_it_ends(corpus: Corpus, cut: bytes) -> None:
    report = import_file(corpus, BytesIO(f"[{ONE}".encode() + cut))
    assert ([refusal.line for refusal in report.refused], report.turns) == ([2], 1)


def test_a_file_of_which_nothing_can_be_used_changes_nothing(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match="record 1: It is not JSON"):
        import_file(corpus, BytesIO(b"{prompt: reply}\n"))
    assert corpus.stats()["conversations"] == 0


def test_an_empty_file_adds_nothing(corpus: Corpus) -> None:
    assert import_file(corpus, BytesIO(b"")) == ImportReport()
    assert import_file(corpus, BytesIO(b"[]")) == ImportReport()


def test_a_file_that_is_not_there_is_told_to_the_user(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        import_file(corpus, tmp_path / "missing.jsonl")


def test_the_stream_stays_open(corpus: Corpus) -> None:
    stream = lines({"messages": messages("p", "r")})
    import_file(corpus, stream)
    assert not stream.closed


def test_an_examples_file_gives_the_same_examples(corpus: Corpus) -> None:
    given = Example(1, "a", messages("p", "r"), None)
    import_file(corpus, lines(given.line()))
    assert list(corpus.examples(None)) == [given]


def test_while_a_file_is_still_being_written_others_can_write_to_the_corpus(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    reached = threading.Event()

    def bring_in() -> None:
        with Corpus(tmp_path / "corpus.db") as corpus, os.fdopen(reading, "rb", buffering=0) as stream:
            reached.set()
            import_file(corpus, stream)

    Corpus(tmp_path / "corpus.db").close()
    with ThreadPoolExecutor(1) as beside, Corpus(tmp_path / "corpus.db") as corpus:
        importing = beside.submit(bring_in)
        assert reached.wait(10)
        line = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
        os.write(writing, (json.dumps(line) + "\n").encode())
        conversation = corpus.create_conversation()
        corpus.add_turn(conversation.id, parent=None, prompt="p", reply="r")
        os.close(writing)
        importing.result(timeout=30)
        assert corpus.stats()["turns"] == 2
