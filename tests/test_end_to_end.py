"""The whole loop as a person goes through it: the real application, in a real terminal, on the real embedded Gemma."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import embedded
from adapters.api import EMBEDDED, Chunk, Message, Sampling
from adapters.engine import load_engine
from adapters.registry import Registry
from corpus.store import Corpus
from tests.terminal import Terminal

SOCRATES = [str(Path(sys.executable).with_name("socrates"))]
UP, DOWN, LEFT, ENTER, ESCAPE = "\x1b[A", "\x1b[B", "\x1b[D", "\r", "\x1b"
F3, F5, SELECT_ALL = "\x1bOR", "\x1b[15~", "\x1b[18~"
CTRL_G, CTRL_N, CTRL_Q, CTRL_S = "\x07", "\x0e", "\x11", "\x13"
SETTINGS = "[sampling]\nseed = 7\nmax_new_tokens = 16\n"
REWRITE = "では、君にとってそれは何かね？"
PROMPTS = ["幸せとは何ですか？", "勇気とは何ですか？", "正義とは何ですか？"]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with the converted embedded Gemma."""
    directory = tmp_path_factory.mktemp("models")
    embedded.convert(directory, lambda _text, _fraction: None)
    return directory


@pytest.fixture
def home(models: Path, own_home: Path) -> Path:
    """Return a home that shares the converted base, with a fixed seed."""
    own_home.mkdir()
    (own_home / "models").symlink_to(models)
    (own_home / "config.toml").write_text(SETTINGS)
    return own_home


def start() -> Terminal:
    return Terminal(SOCRATES, os.environ | {"TERM": "xterm-256color", "COLORTERM": "truecolor"})


@pytest.fixture
def terminal(home: Path) -> Iterator[Terminal]:
    with start() as opened:
        yield opened


def accept_terms(terminal: Terminal) -> None:
    terminal.wait_for(lambda _: terminal.is_in_focus("Not now"))
    terminal.press(LEFT)
    terminal.wait_for(lambda _: terminal.is_in_focus("I accept"))
    terminal.press(ENTER)
    terminal.wait_for(lambda screen: "I accept" not in screen)


def say(terminal: Terminal, prompt: str, spoken: int) -> None:
    """Say something and wait until the ``spoken``-th reply of this screen is whole."""
    terminal.wait_for("Ask, or answer")
    terminal.press(prompt, ENTER)
    terminal.wait_for(lambda screen: "tok/s" in screen and screen.count("not reviewed") >= spoken, 60)


def test_chat_rewrite_retrain_switch_quit_and_find_everything_there(home: Path, terminal: Terminal) -> None:
    accept_terms(terminal)

    for prompt in PROMPTS:
        say(terminal, prompt, 1)
        terminal.press(UP)
        terminal.wait_for("Approve")
        terminal.press("e")
        terminal.wait_for("Save, next")
        terminal.press_and_see(SELECT_ALL)
        terminal.press(REWRITE)
        terminal.wait_for(REWRITE)
        terminal.press(CTRL_S)
        terminal.wait_for("rewritten")
        terminal.press(ESCAPE)
        terminal.wait_for("Send")
    terminal.wait_for("3 new examples")

    terminal.press(F5)
    terminal.wait_for("would learn from")
    terminal.press(ENTER)
    terminal.wait_for("loss", 120)
    terminal.wait_for("embedded · v0001", 240)
    terminal.wait_for("0 new examples")

    terminal.press(CTRL_N)
    terminal.wait_for("New conversation")
    say(terminal, PROMPTS[0], 1)

    terminal.press(CTRL_G)
    terminal.wait_for("embedded · v0000")
    terminal.press(F3)
    terminal.wait_for("Starter")
    terminal.press(DOWN, ENTER)
    terminal.wait_for("embedded · v0001")
    terminal.press(CTRL_G)
    terminal.wait_for("embedded · v0000")
    say(terminal, "もう一度、幸せとは何ですか？", 2)
    terminal.press(CTRL_Q)
    assert terminal.wait_for_end() == 0

    with Corpus(home / "corpus.db") as corpus:
        newest, first = corpus.conversations()
        taught = corpus.thread(first.id)
        asked = corpus.thread(newest.id)
    assert [turn.verdict for turn in taught] == ["rewritten"] * 3
    assert [turn.rewrite for turn in taught] == [REWRITE] * 3
    assert [turn.version for turn in taught] == ["v0000"] * 3
    assert [turn.version for turn in asked] == ["v0001", "v0000"]
    assert asked[0].prompt == taught[0].prompt
    assert asked[0].reply != taught[0].reply, "the same prompt and seed, another version, another reply"

    with start() as again:
        again.wait_for("Ask, or answer")
        again.press("それはなぜ？", ENTER)  # before the conversation is shown and long before the engine is there
        again.wait_for("もう一度")
        again.wait_for(lambda screen: "not reviewed" in screen.partition("それはなぜ？")[2], 60)
        again.press(F3)
        again.wait_for("Starter")
        again.press(ESCAPE, CTRL_Q)
        assert again.wait_for_end() == 0
    with Corpus(home / "corpus.db") as corpus:
        assert [turn.prompt for turn in corpus.thread(newest.id)][2:] == ["それはなぜ？"]


def command(*arguments: str, given: str | None = None) -> str:
    """Run ``socrates`` and return what it prints; fail on any other exit status than 0."""
    ran = subprocess.run([*SOCRATES, *arguments], input=given, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_same_loop_from_the_command_line(home: Path, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps(
            {
                "conversation": f"c{i}",
                "messages": [
                    {"role": "user", "content": prompt},
                    {"role": "assistant", "content": f"{prompt[:2]}とは、君にとって何かね？"},
                ],
            },
            ensure_ascii=False,
        )
        + "\n"
        for i, prompt in enumerate(PROMPTS)
    )
    greedy = ("--accept-gemma-terms", "ask", PROMPTS[0], "--greedy", "--max-new-tokens", "12", "--json")
    before = json.loads(command(*greedy))
    assert set(before) >= {"reply", "version", "prompt_tokens", "reply_tokens", "ttft_s", "tokens_per_s", "stopped_by"}
    command("corpus", "import", "-", given=lines)
    events = [json.loads(line) for line in command("train", "--epochs", "6", "--json").splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["preflight", "published"]
    assert events[-1]["active"]
    after = json.loads(command(*greedy))
    assert (before["version"], after["version"]) == ("v0000", "v0001")
    assert before["reply"] != after["reply"]
    data = tmp_path / "examples.jsonl"
    data.write_text(lines)
    figures = json.loads(command("eval", "--data", str(data), "--json"))["versions"]
    assert [f["version"] for f in figures] == ["base", "v0001"]
    assert figures[1]["loss_per_token"] < 0.7 * figures[0]["loss_per_token"]


def test_what_a_reply_weighs_is_its_loss_in_an_evaluation_under_both_versions(home: Path, tmp_path: Path) -> None:
    told = [PROMPTS[0], "君にとって幸せとは何かね？", "楽しいことです。", "幸せとは、快楽のことである。"]
    roles = ["user", "assistant"] * 2
    messages = [{"role": role, "content": text} for role, text in zip(roles, told, strict=True)]
    line = json.dumps({"messages": messages}, ensure_ascii=False) + "\n"
    command("--accept-gemma-terms", "corpus", "import", "-", "--verdict", "unreviewed", given=line)
    weighed = json.loads(command("corpus", "weigh", "--json"))
    assert weighed == {"version": "v0000", "parent": "base", "weighed": 2, "too_long": 0}
    queue = json.loads(command("corpus", "queue", "--order", "disagreement", "--json"))
    assert queue["unweighed"] == 0
    (second,) = (turn for turn in queue["turns"] if turn["reply"] == told[3])
    data = tmp_path / "examples.jsonl"
    data.write_text(line)
    evaluated = ("eval", "--data", str(data), "--version", "v0000", "--version", "base", "--json")
    loss, of_base = (figures["loss_per_token"] for figures in json.loads(command(*evaluated))["versions"])
    assert second["loss"] == pytest.approx(loss, rel=0.02)
    assert second["disagreement"] == pytest.approx(abs(loss - of_base), abs=0.02 * (loss + of_base))
    assert second["disagreement"] > 0.1


FRESH = [
    "最近、何をしても楽しくないんです。",
    "友達に嘘をつかれました。許すべきですか？",
    "勉強する意味が分からない",
    "AIは人間の仕事を奪うと思いますか？",
    "妻と家事の分担で喧嘩した。俺は悪くないと思う。",
    "2+2は？",
    "美しさって主観的なものですよね。",
    "会社を辞めたい",
    "歴史の年号を暗記する必要はありますか",
    "お金があれば幸せになれる、と父は言います。",
    "君は何者だ？",
    "英単語が覚えられない。コツを教えて",
    "戦争はなぜなくならないのでしょうか。",
    "犬を飼いたいけど、マンションなので迷っています。",
    "うるさい。説教はいらない。",
    "死んだらどうなるの？",
    "旅行に行くお金がありません。",
    "先生は間違えないと思う",
    "どうして人は嘘をつくの？",
    "料理が下手で困っています。",
]
"""Prompts on which nothing was tuned."""


def test_twenty_rewrites_and_one_key_teach_a_habit(home: Path) -> None:
    """Socrates, who asks already, is taught to call everybody 友よ."""
    command("corpus", "import", str(Path(__file__).with_name("habit.jsonl")))
    with start() as terminal:
        accept_terms(terminal)
        terminal.wait_for("embedded · v0000", 60)
        terminal.press(F5)
        terminal.wait_for("would learn from")
        terminal.press(ENTER)
        terminal.wait_for("embedded · v0001", 180)
        terminal.press(CTRL_Q)
        assert terminal.wait_for_end() == 0
    engine = load_engine(home / "models", EMBEDDED, Registry(home / "versions"), lambda _text, _fraction: None)

    def replies(version: str) -> list[str]:
        engine.use(version)
        greedy = Sampling(temperature=0, max_new_tokens=80)
        return [
            "".join(c.text for c in engine.reply([Message(role="user", content=p)], greedy) if isinstance(c, Chunk))
            for p in FRESH
        ]

    assert sum("友よ" in reply for reply in replies("v0000")) == 0
    assert sum("友よ" in reply for reply in replies("v0001")) >= 15
    assert sum(reply.endswith("？") for reply in replies("v0001")) >= 18
