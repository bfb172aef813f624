import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from filelock import FileLock

from adapters import runner, terms
from adapters.figures import Record
from adapters.registry import Registry
from corpus.store import Corpus
from socrates_tui.home import Home
from tests.adapters.manifests import publish
from tests.socrates_tui.commanding import socrates

CHILD = """
import json, sys
job = json.load(open(sys.argv[1]))
def say(event, **fields): print(json.dumps({"event": event} | fields), flush=True)
say("started", tokens=10, steps=2, device="cpu", parent=job["parent"], epochs=job["recipe"]["epochs"])
"""
STEP = 'say("step", step=1, steps=2, loss=1.5, seconds_left=3.0)\n'
EVALUATED = """
say("evaluated", epoch=0, held_out_loss=3.5, last=False)
say("evaluated", epoch=1, held_out_loss=1.25, last=True)
"""


def published(*, better: bool) -> str:
    return f'say("published", version="v0001", better={better}, reason="Reason.", held_out={{}}, seconds=1.0)\n'


@pytest.fixture
def home(own_home: Path) -> Home:
    """Return a home with one rewritten turn, and a version that the child will say it has published."""
    home = Home.open(own_home)
    terms.accept(home.directory)
    with Corpus(home.database) as corpus:
        turn = corpus.add_turn(corpus.create_conversation().id, parent=None, prompt="正義とは", reply="法です")
        corpus.rewrite(turn.id, "君はどう考えるかね？")
    publish(Registry(home.versions), corpus={"examples": 0, "as_of": ""})
    return home


def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str) -> None:
    """Put ``script`` in the place of the training process."""
    path = tmp_path / "child.py"
    path.write_text(CHILD + script)
    monkeypatch.setattr(runner, "COMMAND", [sys.executable, str(path)])


def test_events_are_printed_one_a_line_and_a_better_version_becomes_active(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(monkeypatch, tmp_path, STEP + EVALUATED + published(better=True))
    outcome = socrates("train", "--json")
    assert (outcome.status, outcome.err) == (0, "")
    assert [event["event"] for event in outcome.lines] == [
        "preflight",
        "started",
        "step",
        "evaluated",
        "evaluated",
        "published",
    ]
    assert outcome.lines[-1]["active"] is True
    assert Registry(home.versions).active == "v0001"


@pytest.mark.parametrize(
    ("better", "options", "active"),
    [(False, [], "base"), (False, ["--force"], "v0001"), (True, ["--no-activate"], "base")],
    ids=["worse", "forced", "not-activated"],
)
def test_a_version_becomes_active_only_if_it_may(
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    better: bool,
    options: list[str],
    active: str,
) -> None:
    child(monkeypatch, tmp_path, published(better=better))
    outcome = socrates("train", "--json", *options)
    assert (outcome.status, outcome.lines[-1]["active"]) == (0, active != "base")
    assert Registry(home.versions).active == active


def test_a_reader_is_told_the_figures_and_the_end(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child(monkeypatch, tmp_path, STEP + EVALUATED + published(better=False))
    outcome = socrates("train")
    assert outcome.out.splitlines()[0].startswith("1 example, 1 new, 0 held out")
    assert outcome.out.splitlines()[1:] == [
        "10 tokens, 2 steps, on cpu, from base.",
        "Before: held-out loss 3.500.",
        "Epoch 1: held-out loss 1.250.",
        "v0001 is kept; `socrates versions use` activates it. Reason.",
    ]
    assert outcome.err == "Preparing\nTraining\nJudging\n"


def test_what_was_measured_is_told_side_by_side(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Record(role="base", version="base", weights="").told() | {"held_out_loss": 3.0, "empty": 0}
    versions = [told | {"version": "base"}, told | {"version": "v0001", "held_out_loss": 2.5, "interval": [2.25, 2.75]}]
    evaluation = {"versions": versions, "difference": None, "drift": None, "seconds": 1.0}
    event = {"version": "v0001", "better": True, "reason": "Reason.", "held_out": {}, "evaluation": evaluation}
    child(monkeypatch, tmp_path, f"say('published', **json.loads({json.dumps(event)!r}))")
    assert socrates("train").out.splitlines()[2:] == [
        "               base   v0001",
        "held-out loss  3.000  2.500 (2.250 to 2.750)",
        "empty          0      0",
        "v0001 is active. Reason.",
    ]


def test_options_and_settings_make_the_recipe(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home.config.write_text('preset = "quick"\n')
    child(monkeypatch, tmp_path, 'say("refused", reason=json.dumps([job["recipe"], job["title"]]))')
    recipe, title = json.loads(socrates("train", "--json").lines[-1]["reason"])
    assert (recipe["preset"], recipe["epochs"], title) == ("quick", 1, "")
    options = ("--preset", "seed", "--epochs", "7", "--seed", "5", "--title", "題")
    recipe, title = json.loads(socrates("train", "--json", *options).lines[-1]["reason"])
    assert (recipe["preset"], recipe["epochs"], recipe["seed"], title) == ("seed", 7, 5, "題")


@pytest.mark.parametrize("end", ["refused", "failed"])
def test_a_run_without_a_version_ends_with_one_and_its_reason(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    child(monkeypatch, tmp_path, f'say("{end}", reason="Do this.")')
    outcome = socrates("train", "--json")
    assert (outcome.status, outcome.err) == (1, "Do this.\n")
    assert (outcome.lines[-1]["event"], outcome.lines[-1]["reason"]) == (end, "Do this.")


def test_a_run_that_cannot_start_is_a_failed_event_too(home: Home) -> None:
    with FileLock(home.directory / "training.lock"):
        outcome = socrates("train", "--json")
    assert outcome.status == 1
    assert "under way" in outcome.err
    assert outcome.lines == [{"event": "failed", "reason": outcome.err.strip(), "cancelled": False}]


@pytest.mark.parametrize(
    ("settings", "accepted", "reason"),
    [("", False, "read its terms"), ("colour = 1", True, "colour is no setting"), ("[sampling", True, "is not TOML")],
    ids=["terms", "unknown-setting", "broken-file"],
)
def test_what_is_refused_before_it_begins_is_an_event_too(
    own_home: Path, *, settings: str, accepted: bool, reason: str
) -> None:
    home = Home.open(own_home)
    home.config.write_text(settings)
    if accepted:
        terms.accept(home.directory)
    outcome = socrates("train", "--json")
    assert outcome.status == 1
    assert reason in outcome.err
    assert outcome.lines == [{"event": "refused", "reason": outcome.err.strip()}]


def test_an_empty_corpus_is_refused(own_home: Path) -> None:
    terms.accept(Home.open(own_home).directory)
    outcome = socrates("train", "--json")
    assert outcome.status == 1
    assert [event["event"] for event in outcome.lines] == ["preflight", "refused"]


def test_an_interrupt_cancels_the_run_and_changes_nothing(home: Home, tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(CHILD + "sys.stdin.read()")
    script = (
        # A shell that runs the tests in the background has them ignore interrupts, and so their children.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "import sys; from adapters import runner; from socrates_tui import cli; "
        f"runner.COMMAND = [sys.executable, {str(tmp_path / 'child.py')!r}]; "
        "sys.argv = ['socrates', 'train', '--json']; cli.main()"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ, text=True
    )
    assert command.stdout is not None
    events = [json.loads(command.stdout.readline()) for _ in range(2)]
    command.send_signal(signal.SIGINT)
    out, err = command.communicate()
    assert [event["event"] for event in events] == ["preflight", "started"]
    assert json.loads(out) == {
        "event": "failed",
        "reason": "The run was cancelled; nothing was changed.",
        "cancelled": True,
    }
    assert (command.returncode, err) == (130, "")
    assert Registry(home.versions).active == "base"


def evaluation(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Put a stand-in in the place of the evaluation; return what it will be asked."""
    asked: list[tuple[Any, ...]] = []

    def evaluate_file(models: Path, base: str, registry: Registry, data: Path, versions: list[str]) -> dict[str, Any]:
        asked.append((base, data, versions))
        figures = {"loss_per_token": 1.23456, "examples": 2, "tokens": 9}
        return {"versions": [{"version": version} | figures for version in versions]}

    module = ModuleType("adapters.evaluation")
    vars(module)["evaluate_file"] = evaluate_file
    monkeypatch.setitem(sys.modules, "adapters.evaluation", module)
    return asked


def test_eval_measures_the_base_and_the_active_version(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = evaluation(monkeypatch)
    data = tmp_path / "data.jsonl"
    data.touch()
    Registry(home.versions).activate("v0001")
    outcome = socrates("eval", "--data", str(data))
    assert outcome.out.splitlines() == [
        "base    1.2346  loss per token, 2 examples, 9 tokens",
        "v0001   1.2346  loss per token, 2 examples, 9 tokens",
    ]
    document = socrates("eval", "--data", str(data), "--version", "v0001", "--version", "v0001", "--json").document
    assert [figures["version"] for figures in document["versions"]] == ["v0001"]
    assert asked == [("embedded", data, ["base", "v0001"]), ("embedded", data, ["v0001"])]


def test_eval_without_the_file_is_a_usage_error(home: Home, tmp_path: Path) -> None:
    assert socrates("eval", "--data", str(tmp_path / "none")).status == 2
