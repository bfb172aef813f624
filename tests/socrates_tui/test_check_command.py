import subprocess
import sys
from pathlib import Path

import pytest

from corpus.split import drawn_key
from corpus.store import Corpus
from socrates_tui.home import Home
from tests.adapters.conftest import make_tokenizer
from tests.socrates_tui.commanding import socrates

PROMPT = "徳は教えられるものだとお考えですか。"
REPLY = "君は誰から徳を学んだのかね？"


@pytest.fixture
def home(own_home: Path) -> Home:
    return Home.open(own_home)


def teach(home: Home, *exchanges: tuple[str, str]) -> None:
    with Corpus(home.database) as corpus:
        for prompt, reply in exchanges:
            conversation = corpus.create_conversation(key=drawn_key("train"))
            turn = corpus.add_turn(conversation.id, parent=None, prompt=prompt, reply=reply)
            corpus.approve(turn.id)


def test_a_corpus_without_faults_is_said_to_be_so(home: Home) -> None:
    teach(home, (PROMPT, REPLY))
    outcome = socrates("corpus", "check")
    assert (outcome.status, outcome.out) == (
        0,
        "1 examples to train on, 0 held out; lengths not checked, as the base is not on this machine yet.\n"
        "Nothing was found that a training would suffer from.\n",
    )


def test_findings_are_printed_by_kind_and_are_no_failure(home: Home) -> None:
    teach(home, (PROMPT, REPLY), (PROMPT, REPLY), (PROMPT, "まず、徳とは何かを聞こうではないか。"))
    outcome = socrates("corpus", "check")
    assert (outcome.status, outcome.err) == (0, "")
    assert outcome.out.splitlines() == [
        "Contradictions (1)",
        f"  Examples 2, 3 answer the same prompt differently: “{PROMPT}”.",
        "    → Keep the one that you mean: `socrates corpus drop 2` keeps the newest.",
        "",
        "Duplicates (1)",
        f"  Examples 1, 2 are the same: “{PROMPT}”.",
        "    → `socrates corpus drop 2` keeps the oldest.",
        "",
        "3 examples to train on, 0 held out; lengths not checked, as the base is not on this machine yet.",
        "Found: 1 contradictions, 1 duplicates.",
    ]


def test_json_holds_every_finding(home: Home) -> None:
    teach(home, *((f"{number}{PROMPT}", reply) for number in range(30) for reply in (REPLY, REPLY)))
    document = socrates("corpus", "check", "--json").document
    assert (document["train"], document["held_out"], document["tokens"]) == (60, 0, None)
    assert [finding["kind"] for finding in document["findings"]] == ["duplicate"] * 30 + ["near-duplicate"]
    assert document["findings"][0]["turns"] == [1, 2]


def test_more_than_twenty_findings_of_a_kind_are_counted(home: Home) -> None:
    teach(home, *((f"{chr(number) * 9}", reply) for number in range(0x4E00, 0x4E19) for reply in (REPLY, REPLY)))
    lines = socrates("corpus", "check").out.splitlines()
    assert lines[0] == "Duplicates (25)"
    assert lines[41] == "  and 5 more: --json lists all"


def test_lengths_are_counted_where_the_base_is_here(home: Home, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    make_tokenizer().save(str(base / "tokenizer.json"))
    teach(home, (PROMPT, "長い話をしよう。" * 1000))
    outcome = socrates("--base", str(base), "corpus", "check", "--json")
    (finding,) = outcome.document["findings"]
    assert (finding["kind"], finding["turns"]) == ("length", [1])
    assert outcome.document["tokens"] > 8_000


def test_a_tokenizer_that_cannot_be_read_is_told_of(home: Home, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    outcome = socrates("--base", str(tmp_path), "corpus", "check")
    assert outcome.status == 1
    assert "get its files again" in outcome.err


@pytest.mark.parametrize("base", ["embedded", "google/gemma-2-2b-jpn-it", "no/such/name"])
def test_a_base_that_is_not_here_is_not_fetched(home: Home, base: str) -> None:
    assert "lengths not checked" in socrates("--base", base, "corpus", "check").out


def test_text_that_would_command_the_terminal_is_shown_harmless(home: Home) -> None:
    teach(home, *[("\x1b[2J" + PROMPT, REPLY)] * 2)
    assert "\x1b" not in socrates("corpus", "check").out


def test_a_check_loads_no_torch(home: Home) -> None:
    teach(home, (PROMPT, REPLY))
    code = (
        "import sys; from socrates_tui.cli import main; sys.argv[1:] = ['corpus', 'check', '--json']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "assert not {'torch', 'transformers', 'numpy', 'textual'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)
