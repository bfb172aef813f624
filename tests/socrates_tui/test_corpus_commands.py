import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_tui import corpus_commands
from socrates_tui.home import Home

Run = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.fixture
def run(home: Home) -> Run:
    """Run `socrates corpus ...` and return what it prints on standard output."""
    root = typer.Typer()
    root.add_typer(corpus_commands.app)

    @root.callback()
    def give_home(ctx: typer.Context) -> None:
        ctx.obj = home

    def run_it(*arguments: str, given: str | bytes | None = None, status: int = 0) -> str:
        result = CliRunner().invoke(root, ["corpus", *arguments], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    return run_it


@pytest.fixture
def taught(home: Home) -> list[int]:
    """Two turns of one conversation; the numbers of the turns."""
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation(title="on justice")
        first = corpus.add_turn(conversation.id, parent=None, prompt="正義とは", reply="公平です", version="v0001")
        second = corpus.add_turn(conversation.id, parent=first.id, prompt="more", reply="less", version="v0001")
    return [first.id, second.id]


LINE = json.dumps(
    {
        "conversation": "a",
        "turn": 1,
        "split": "train",
        "messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "r", "weight": 1}],
    }
)


def test_a_file_is_imported_and_exported(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(LINE + "\n")
    assert run("import", str(file)) == "1 turns in 1 new conversations, 0 known already.\n"
    out = tmp_path / "out.jsonl"
    assert run("export", str(out), "--format", "messages") == "1 examples.\n"
    assert out.read_text() == file.read_text()


def test_standard_input_and_output_are_a_dash(run: Run) -> None:
    report = json.loads(run("import", "-", "--json", given=f"{LINE}\nnonsense\n"))
    assert (report["turns"], [refusal["line"] for refusal in report["refused"]]) == (1, [2])
    assert run("export", "-", "--format", "messages", "--json") == LINE + "\n"


def test_imported_replies_may_stay_unreviewed(run: Run) -> None:
    run("import", "-", "--verdict", "unreviewed", "--format", "messages", given=LINE)
    assert json.loads(run("stats", "--json"))["verdicts"]["unreviewed"] == 1


def test_a_table_is_imported_and_the_turns_that_options_choose_are_exported(run: Run) -> None:
    run("import", "-", given="Question,Answer,Tags\np,r,one\nq,s,\n")
    exported = run("export", "-", "--format", "alpaca", "--tag", "one").splitlines()
    assert [json.loads(line)["instruction"] for line in exported] == ["p"]
    assert run("export", "-", "--format", "alpaca", "--verdict", "rewritten") == ""


def test_one_side_is_exported(run: Run, tmp_path: Path) -> None:
    run("import", "-", given=LINE)
    out = str(tmp_path / "out.jsonl")
    counts = [
        json.loads(run("export", out, "--format", "sharegpt", "--split", split, "--json"))["examples"]
        for split in ("train", "held-out", "all")
    ]
    assert counts in ([1, 0, 1], [0, 1, 1])


def test_turns_and_conversations_are_listed(run: Run, taught: list[int]) -> None:
    turns = json.loads(run("list", "--json"))["turns"]
    assert [turn["id"] for turn in turns] == taught[::-1]
    assert run("list", "--limit", "1", "--offset", "1") == "     1  unreviewed  正義とは  →  公平です\n"
    (conversation,) = json.loads(run("list", "--conversations", "--json"))["conversations"]
    assert (conversation["title"], conversation["turns"]) == ("on justice", 2)
    assert run("list", "--conversations") == "     1     2 turns  train     on justice\n"
    assert run("list", "--conversations", "--offset", "1") == ""


def test_turns_are_searched(run: Run, taught: list[int]) -> None:
    assert [turn["id"] for turn in json.loads(run("search", "正義とは", "--json"))["turns"]] == [taught[0]]
    assert json.loads(run("search", "正義とは", "--verdict", "dropped", "--json")) == {"turns": []}


def test_a_turn_is_shown_whole(run: Run, taught: list[int]) -> None:
    run("rewrite", "1", "君にとって何かね")
    run("rewrite", "1", "君はどう思うかね")
    assert run("show", "1") == (
        "Turn 1 of conversation 1, rewritten, v0001\n\nPrompt:\n正義とは\n\nReply:\n公平です\n"
        "\nRewrite:\n君はどう思うかね\n\nEarlier rewrite:\n君にとって何かね\n"
    )
    shown = json.loads(run("show", "2", "--json"))
    assert (shown["turn"]["prompt"], shown["rewrites"], shown["siblings"]) == ("more", [], [])
    assert [message["content"] for message in shown["context"]] == ["正義とは", "君はどう思うかね"]


def test_siblings_are_named(run: Run, home: Home, taught: list[int]) -> None:
    with Corpus(home.database) as corpus:
        corpus.add_turn(1, parent=taught[0], prompt="more", reply="again")
    assert run("show", "3").endswith("\nOther replies to the same prompt: 2\n")


@pytest.mark.parametrize("arguments", [["-"], []])
def test_a_rewrite_is_read_from_standard_input(run: Run, taught: list[int], arguments: list[str]) -> None:
    assert run("rewrite", "1", *arguments, given=" 何かね\n") == "Rewrote turn 1.\n"
    assert json.loads(run("show", "1", "--json"))["rewrites"] == ["何かね"]


def test_a_rewrite_that_is_not_utf_8_is_refused(run: Run, taught: list[int]) -> None:
    with pytest.raises(CorpusError, match="not UTF-8"):
        run("rewrite", "1", given=b"\xff")


def test_acts_are_done_undone_and_redone(run: Run, taught: list[int]) -> None:
    assert run("approve", "1", "2") == "Approved turns 1, 2.\n"
    assert json.loads(run("drop", "2", "--json")) == {
        "act": {"id": 2, "kind": "drop", "turns": [2], "conversations": [], "picks": []}
    }
    assert run("undo") == "Took back: Dropped turn 2.\n"
    assert run("redo") == "Did again: Dropped turn 2.\n"
    assert run("redo") == "There is nothing to redo.\n"
    assert json.loads(run("redo", "--json")) == {"act": None}
    run("undo")
    run("undo")
    assert run("undo") == "There is nothing to undo.\n"


def test_turns_are_tagged_and_noted(run: Run, taught: list[int]) -> None:
    assert run("tag", "virtue", "1", "2") == "Tagged turns 1, 2.\n"
    assert run("note", "1", "-", given="look again\n") == "Noted turn 1.\n"
    assert run("list", "--tag", "virtue", "--limit", "1") == "     2  unreviewed  more  →  less  #virtue\n"
    assert run("show", "1").startswith("Turn 1 of conversation 1, unreviewed, v0001\nTags: virtue\nNote: look again\n")
    assert run("untag", "virtue") == "Untagged turns 1, 2.\n"
    assert run("list", "--tag", "virtue") == ""


def test_a_title_and_a_system_text_are_changed(run: Run, taught: list[int]) -> None:
    assert run("rename", "1", "on virtue") == "Renamed conversation 1.\n"
    assert run("rename", "1", "on virtue") == "It has that title already.\n"
    assert run("system", "1", "be brief") == "Changed the system text of conversation 1.\n"
    assert run("system", "1", "be brief") == "It has that system text already.\n"
    assert run("undo") == "Took back: Changed the system text of conversation 1.\n"


def test_options_choose_the_turns_of_an_act(run: Run, home: Home, taught: list[int]) -> None:
    assert run("rewrite", "1", "君にとって何かね") == "Rewrote turn 1.\n"
    assert run("approve", "--conversation", "1") == "Approved turn 2.\n"
    assert run("drop", "--search", "正義") == "Dropped turn 1.\n"
    with Corpus(home.database) as corpus:
        for number in range(25):
            parent = corpus.turn(2).id
            corpus.add_turn(1, parent=parent, prompt=f"p{number}", reply="" if number == 0 else "r", version="v0002")
    assert run("approve", "--version", "v0002", "--since", "2020-01-01") == "Approved 24 turns.\n"
    assert len(json.loads(run("undo", "--json"))["act"]["turns"]) == 24


def test_an_act_on_nothing_is_refused(run: Run, taught: list[int]) -> None:
    with pytest.raises(CorpusError, match="No turn is like that"):
        run("drop", "--search", "nowhere")


def test_dates_are_days_here(run: Run, home: Home, taught: list[int]) -> None:
    with Corpus(home.database) as corpus:
        for turn, moment in ((1, datetime(2026, 11, 1, 23, 59, 59)), (2, datetime(2026, 11, 2))):
            utc = moment.astimezone(UTC).isoformat(timespec="microseconds")
            corpus.db.execute("UPDATE turns SET created = ? WHERE id = ?", [utc, turn])
        corpus.db.conn.commit()
    assert "  1  " in run("list", "--until", "2026-11-01")
    assert "  2  " in run("list", "--since", "2026-11-02")
    for option, day in (("--since", "2026-11-02"), ("--until", "2026-11-01")):
        assert len(json.loads(run("list", option, day, "--json"))["turns"]) == 1
    assert len(json.loads(run("list", "--until", "2026-11-02T00:00:00.000001", "--json"))["turns"]) == 2


def test_hits_are_shown_and_told(run: Run, taught: list[int]) -> None:
    run("rewrite", "2", "それは君にとって " + "と" * 60 + " 正義とは何かね")
    assert run("search", "正義とは") == (
        "     1  unreviewed  正義とは\n        prompt      正義とは\n"
        "     2  rewritten   more\n        rewrite     …" + "と" * 14 + " 正義とは何かね\n"
    )
    found = {turn["id"]: turn["hits"] for turn in json.loads(run("search", "正義とは", "--json"))["turns"]}
    assert found == {
        1: {"prompt": [[0, 4]], "reply": [], "rewrite": []},
        2: {"prompt": [], "reply": [], "rewrite": [[70, 74]]},
    }


def test_a_purge_says_what_it_will_remove_and_asks(run: Run, taught: list[int]) -> None:
    run("rewrite", "2", "best")
    run("drop", "1", "2")
    with pytest.raises(CorpusError, match="say --yes"):
        run("purge")
    assert len(json.loads(run("list", "--json"))["turns"]) == 2
    assert run("purge", "--yes").startswith(
        "Removed for ever: 2 dropped turns with 1 rewrite, and 1 conversation of which nothing else is left."
    )
    assert run("list") == ""
    with pytest.raises(CorpusError, match="nothing to purge"):
        run("purge", "--yes")


def test_the_stats_are_printed(run: Run, taught: list[int]) -> None:
    run("approve", "1")
    run("rewrite", "2", "lesx")
    run("tag", "virtue", "1", "2")
    *lines, week = run("stats").splitlines(keepends=True)
    assert re.fullmatch(r"\d{4}-W\d\d: 2 judged, 50% untouched, edit distance 0\.12\n", week)
    assert "".join(lines) == (
        "conversations: 1\nturns: 2\nrewrites: 1\ncharacters: 16\n"
        "verdicts: 0 unreviewed, 1 approved, 1 rewritten, 0 dropped\nexamples: 2 train, 0 held-out\n"
        "tokens: 0 prompt, 0 reply\ntag virtue: 2 turns, 2 examples\n"
        "v0001: 2 judged, 50% untouched, edit distance 0.12\n"
    )


def test_errors_are_left_to_the_root(run: Run) -> None:
    with pytest.raises(CorpusError, match="no turn 9"):
        run("approve", "9")


@pytest.mark.parametrize(
    "arguments",
    [
        ["approve"],
        ["approve", "1", "--search", "p"],
        ["list", "--since", "today"],
        ["list", "--until", "9999-12-31"],
        ["list", "--conversations", "--tag", "t"],
        ["export", "-"],
        ["list", "--verdict", "good"],
        ["rewrite", "one"],
    ],
)
def test_wrong_usage_ends_with_2(run: Run, arguments: list[str]) -> None:
    run(*arguments, status=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", str(2**63)],
        ["drop", "1", str(2**63)],
        ["list", "--limit", str(2**63)],
        ["search", "p", "--offset", str(2**63)],
        ["list", "--conversation", str(2**63)],
        ["search", "\udcff"],
        ["list", "--version", "\udcff"],
    ],
    ids=lambda arguments: arguments[-2],
)
def test_what_the_corpus_cannot_hold_is_wrong_usage(run: Run, taught: list[int], arguments: list[str]) -> None:
    run(*arguments, status=2)


def test_the_largest_numbers_are_taken(run: Run, taught: list[int]) -> None:
    largest = str(2**63 - 1)
    assert run("list", "--limit", largest, "--offset", largest) == ""
    assert run("list", "--conversations", "--limit", largest, "--offset", largest) == ""


HOSTILE = "\x1b[31mred\x9b2J\u202e [bold]markup[/bold]"


@pytest.mark.parametrize(
    "arguments",
    [["list"], ["list", "--conversations"], ["search", "markup"], ["show", "1"], ["stats"]],
)
def test_no_stored_text_commands_the_terminal(run: Run, home: Home, arguments: list[str]) -> None:
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation(title=HOSTILE)
        turn = corpus.add_turn(conversation.id, parent=None, prompt=HOSTILE, reply=HOSTILE, version=HOSTILE)
        corpus.rewrite(turn.id, HOSTILE + "!")
    printed: list[Any] = [run(*arguments), run(*arguments, "--json")]
    assert not {"\x1b", "\x9b", "\u202e"} & set("".join(printed))
    if arguments != ["stats"]:
        assert "[bold]markup[/bold]" in printed[0]


def test_archiving_hides_a_conversation_from_the_list_and_a_fork_goes_on_in_another(home: Home, run: Run) -> None:
    with Corpus(home.database) as corpus:
        corpus.add_turn(corpus.create_conversation(title="on virtue").id, parent=None, prompt="p", reply="r")
    assert run("archive", "1") == "Archived conversation 1.\n"
    assert run("archive", "1") == "It is archived already.\n"
    assert run("list", "--conversations") == ""
    assert run("list", "--conversations", "--archived").endswith("on virtue  (archived)\n")
    assert run("unarchive", "1") == "Unarchived conversation 1.\n"
    assert run("undo") == "Took back: Unarchived conversation 1.\n"
    assert run("fork", "1") == "Began conversation 2: on virtue · from turn 1\n"
    assert json.loads(run("fork", "1", "--json"))["conversation"]["turns"] == 1


def test_small_changes_are_proposed_and_none_is_made(run: Run, home: Home) -> None:
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation().id
        told = corpus.add_turn(conversation, parent=None, prompt="正義とは", reply="秩序です。なぜですか？").id
        asked = corpus.add_turn(conversation, parent=told, prompt="勇気とは", reply="なぜかね？").id
    assert "Ask 〜かね？ where it says 〜ですか？:\n秩序です。なぜかね？\n" in run("propose", str(told))
    found = json.loads(run("propose", str(told), "--json"))["proposals"]
    assert [proposal["text"] for proposal in found] == ["秩序です。なぜかね？", "なぜですか？"]
    assert run("propose", str(asked)).startswith("There is nothing to propose")
    with Corpus(home.database) as corpus:
        assert corpus.turn(told).text == "秩序です。なぜですか？"
