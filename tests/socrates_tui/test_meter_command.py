import json
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer

from corpus.style import measure
from tests.socrates_tui.commanding import socrates

PROMPT = "もう一生、恋愛はしないと決めた。"
REPLY = "一生とは長い約束をしたものだ。その決心をした日、君は何から身を守ろうとしていたのだろうか？"
POLITE = "おつらかったのですね。無理をする必要はありません。"

Write = Callable[..., str]


@pytest.fixture
def file(own_home: Path, tmp_path: Path) -> Write:
    """Write a file of these lines, records or bytes, and return its path."""

    def write(*lines: Any) -> str:
        path = tmp_path / "replies.jsonl"
        encoded = (line if isinstance(line, bytes) else json.dumps(line, ensure_ascii=False).encode() for line in lines)
        path.write_bytes(b"\n".join(encoded))
        return str(path)

    return write


def said(reply: str) -> dict[str, str]:
    return {"prompt": PROMPT, "reply": reply}


def test_each_line_is_given_its_score_and_what_would_raise_it(file: Write) -> None:
    outcome = socrates("corpus", "meter", file(said(REPLY), said(POLITE)))
    style = measure(PROMPT, POLITE)
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        f"100.0  {REPLY[:20]}",
        f"{style.score:>5.1f}  {POLITE[:20]}  → End with one question.",
    ]


def test_json_holds_the_score_and_every_part(file: Write) -> None:
    outcome = socrates("corpus", "meter", file(said(REPLY), said(POLITE)), "--json")
    style = measure(PROMPT, POLITE)
    first, second = outcome.lines
    assert first == {"score": 100.0} | dict.fromkeys(style.values, 1.0)
    assert second == {"score": style.score} | style.values


def test_a_broken_line_is_named_with_what_to_do_and_the_others_are_measured(file: Write) -> None:
    lines = [said(REPLY), b"{", b"", {"prompt": PROMPT}, ["no", "record"], b"\xff", said(POLITE)]
    outcome = socrates("corpus", "meter", file(*lines), "--json")
    assert outcome.status == 1
    assert [line["score"] for line in outcome.lines] == [100.0, measure(PROMPT, POLITE).score]
    told = outcome.err.splitlines()
    assert told[0].startswith("Line 2 was not measured: It is not JSON")
    assert told[1:] == [
        f'Line {number} was not measured: It has no "prompt" and "reply", both texts: '
        'write {"prompt": "...", "reply": "..."}.'
        for number in (4, 5)
    ] + [
        "Line 6 was not measured: It is not UTF-8: save the file as UTF-8.",
        "4 lines were not measured: mend what is named above, then measure again.",
    ]


def test_standard_input_is_read_line_by_line(own_home: Path) -> None:
    given = BytesIO(json.dumps(said(REPLY)).encode())
    with patch.object(typer, "get_binary_stream", return_value=given):
        outcome = socrates("corpus", "meter", "-", "--json")
    assert [line["score"] for line in outcome.lines] == [100.0]


@pytest.mark.parametrize("name", ["", "missing.jsonl"])
def test_a_file_that_cannot_be_read_is_told_of(own_home: Path, tmp_path: Path, name: str) -> None:
    outcome = socrates("corpus", "meter", str(tmp_path / name))
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.endswith("name a file that can.\n")


def test_an_empty_file_is_no_failure(file: Write) -> None:
    outcome = socrates("corpus", "meter", file())
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")


def test_text_that_would_command_the_terminal_is_shown_harmless(file: Write) -> None:
    assert "\x1b" not in socrates("corpus", "meter", file(said("\x1b[2J君はどうかね？"))).out


def test_measuring_loads_no_model(file: Write) -> None:
    path = file(said(REPLY))
    code = (
        f"import sys; from socrates_tui.cli import main; sys.argv[1:] = ['corpus', 'meter', {path!r}]\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'numpy', 'textual'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
