import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import embedded
from adapters.recipe import recipe
from adapters.registry import Registry
from adapters.runner import Job
from corpus.store import Corpus
from socrates_errors import TrainingError
from socrates_tui.home import Home
from socrates_tui.retraining import Retraining, newest_own
from tests.adapters.conftest import make_tokenizer
from tests.adapters.manifests import manifest, publish

CHILD = """
import json, shutil, sys, time
job = json.load(open(sys.argv[1]))
def say(event, **fields): print(json.dumps({"event": event} | fields), flush=True)
"""
PUBLISHED = "say('published', version='v0001', better={better}, reason='', held_out={{}}, seconds=1.0)"
TRAIN_KEY, HELD_OUT_KEY = "justice", "virtue"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


@pytest.fixture
def registry(home: Home) -> Registry:
    return Registry(home.versions)


def teach(home: Home, prompts: int = 1) -> list[int]:
    """Rewrite a reply to each of so many prompts in one training conversation; return the turns."""
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation()
        assert conversation.split == "train"
        turns = []
        for number in range(prompts):
            turn = corpus.add_turn(conversation.id, parent=None, prompt=f"正義とは何か {number}", reply="法です")
            corpus.rewrite(turn.id, "君はどう考えるかね？")
            turns.append(turn.id)
        return turns


def retraining(home: Home, registry: Registry, script: str, tmp_path: Path, **options: Any) -> Retraining:
    child = tmp_path / "child.py"
    child.write_text(CHILD + script)
    command = [sys.executable, str(child)]
    return Retraining(home, "embedded", registry, recipe("default"), command=command, **options)


def test_an_empty_corpus_is_not_ready_and_says_what_to_do(home: Home, registry: Registry) -> None:
    preflight = Retraining(home, "embedded", registry, recipe("default")).preflight()
    assert (preflight.ready, preflight.examples, preflight.new) == (False, 0, 0)
    assert "rewrite a reply" in preflight.sentence


def test_a_first_training_counts_everything_as_new(home: Home, registry: Registry) -> None:
    teach(home, 3)
    preflight = Retraining(home, "embedded", registry, recipe("default")).preflight()
    assert (preflight.ready, preflight.examples, preflight.new) == (True, 3, 3)
    assert preflight.sentence == "3 examples, 3 new, 0 held out."


def test_after_a_training_nothing_is_new_until_something_is_judged(home: Home, registry: Registry) -> None:
    teach(home)
    later = manifest()["corpus"] | {"as_of": "2999-01-01T00:00:00.000000+00:00"}
    publish(registry, corpus=later)
    preflight = Retraining(home, "embedded", registry, recipe("default")).preflight()
    assert (preflight.ready, preflight.new) == (False, 0)
    assert "force" in preflight.sentence
    assert Retraining(home, "embedded", registry, recipe("default"), force=True).preflight().ready


def test_what_the_examples_would_suffer_from_is_looked_for(home: Home, registry: Registry) -> None:
    teach(home)
    with Corpus(home.database) as corpus:
        turn = corpus.add_turn(1, parent=None, prompt="正義とは何か 0", reply="徳です")
        corpus.approve(turn.id)
    report = Retraining(home, "embedded", registry, recipe("default")).check()
    assert [(finding.kind, finding.turns) for finding in report.findings] == [("contradiction", (1, 2))]


def test_it_is_told_since_when_an_example_is_new(home: Home, registry: Registry) -> None:
    teach(home)
    assert Retraining(home, "embedded", registry, recipe("default")).preflight().since is None
    publish(registry)
    since = Retraining(home, "embedded", registry, recipe("default")).preflight().since
    assert since == manifest()["corpus"]["as_of"]


def test_a_version_of_another_base_or_an_imported_one_makes_nothing_old(home: Home, registry: Registry) -> None:
    teach(home)
    later = manifest()["corpus"] | {"as_of": "2999-01-01T00:00:00.000000+00:00"}
    other = publish(registry, corpus=later, base={"id": "google/gemma-2-2b-jpn-it", "weights_hash": ""})
    publish(registry, corpus=later | {"as_of": ""})
    assert newest_own(registry, "embedded") is None
    assert newest_own(registry, "google/gemma-2-2b-jpn-it") == other
    assert Retraining(home, "embedded", registry, recipe("default")).preflight().new == 1


@pytest.fixture
def tokenizer(home: Home) -> None:
    """Put the tokenizer of the embedded base where it would be."""
    (home.models / embedded.DIRECTORY).mkdir()
    make_tokenizer().save(str(home.models / embedded.DIRECTORY / "tokenizer.json"))


@pytest.mark.usefixtures("tokenizer")
def test_a_first_training_counts_its_tokens_and_guesses_its_time(home: Home, registry: Registry) -> None:
    teach(home, 3)
    preflight = Retraining(home, "embedded", registry, recipe("default")).preflight()
    assert preflight.tokens is not None
    assert preflight.sentence == (
        f"3 examples ({preflight.tokens} tokens), 3 new, 0 held out, about {round(preflight.seconds or 0)} s."
    )


@pytest.mark.usefixtures("tokenizer")
def test_time_and_memory_are_estimated_from_the_last_run(home: Home, registry: Registry) -> None:
    teach(home)
    tokens = Retraining(home, "embedded", registry, recipe("default")).preflight().tokens
    told = manifest()["corpus"] | {"tokens": tokens, "as_of": "2000-01-01T00:00:00.000000+00:00"}
    run = {"seconds": 20.0, "step_seconds": 12.0, "peak_memory_bytes": 1_400_000_000}
    publish(registry, corpus=told, recipe={"epochs_run": 2}, **run)
    preflight = Retraining(home, "embedded", registry, recipe("default", epochs=6)).preflight()
    assert (preflight.seconds, preflight.memory_bytes) == (8.0 + 36.0, 1_400_000_000)
    assert preflight.sentence.endswith("about 44 s and 1.4 GB of memory.")


@pytest.mark.usefixtures("tokenizer")
def test_examples_that_are_too_long_or_cut_are_named_by_their_turns(home: Home, registry: Registry) -> None:
    with Corpus(home.database) as corpus:
        conversation, parent, turns = corpus.create_conversation(), None, []
        for prompt in ("正義とは何か", "勇気とは何か", "幸せとは何か" * 20):
            turn = corpus.add_turn(conversation.id, parent=parent, prompt=prompt, reply="法です")
            corpus.approve(turn.id)
            parent = turn.id
            turns.append(turn.id)
    short = replace(recipe("default"), max_tokens=50)
    preflight = Retraining(home, "embedded", registry, short).preflight()
    assert (preflight.too_long, preflight.cut) == ([turns[2]], [turns[1]])
    assert f" Turns too long to be learnt from: {turns[2]}." in preflight.sentence
    assert f" Turns whose oldest context is left out: {turns[1]}." in preflight.sentence


def test_the_time_is_not_guessed_for_a_base_never_trained(home: Home, registry: Registry) -> None:
    teach(home)
    preflight = Retraining(home, "google/gemma-2-2b-jpn-it", registry, recipe("default")).preflight()
    assert preflight.seconds is None
    assert preflight.sentence == "1 example, 1 new, 0 held out."


def test_a_run_begins_with_preflight_and_relays_what_the_child_says(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    teach(home)
    script = "say('started')\n" + PUBLISHED.format(better=True)
    events = list(retraining(home, registry, script, tmp_path).events())
    assert [event["event"] for event in events] == ["preflight", "started", "published"]
    assert events[0]["examples"] == 1
    assert registry.active == "base", "which is the caller's to change"


def test_the_child_is_given_the_job_and_the_examples(home: Home, registry: Registry, tmp_path: Path) -> None:
    turns = teach(home, 2)
    publish(registry)
    registry.activate("v0001")
    kept = tmp_path / "kept"
    script = f"shutil.copytree({str(home.runs)!r}, {str(kept)!r})\nsay('refused', reason='r')"
    list(retraining(home, registry, script, tmp_path, title="題", force=True).events())
    job = Job.from_json((kept / "job.json").read_text())
    assert (job.base, job.parent, job.title) == ("embedded", "v0001", "題")
    assert (job.models, job.versions) == (str(home.models), str(home.versions))
    assert job.recipe == recipe("default").to_json()
    lines = [json.loads(line) for line in (kept / "train.jsonl").read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == sorted(turns)
    assert lines[0]["messages"][-1] == {"role": "assistant", "content": "君はどう考えるかね？"}
    assert lines[0]["rejected"] == "法です"
    assert (kept / "held_out.jsonl").read_text() == ""
    with Corpus(home.database) as corpus:
        assert corpus.count_examples("train", since=job.as_of) == 0


def test_the_parent_is_the_base_while_another_bases_version_is_active(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    teach(home)
    publish(registry, base={"id": "google/gemma-2-2b-jpn-it", "weights_hash": ""})
    registry.activate("v0001")
    events = list(retraining(home, registry, "say('refused', reason=job['parent'])", tmp_path).events())
    assert events[-1]["reason"] == "base"


def test_the_jobs_files_are_gone_after_the_run(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    (home.runs / "left.jsonl").touch()
    list(retraining(home, registry, "say('refused', reason='r')", tmp_path).events())
    assert list(home.runs.iterdir()) == []


def test_without_anything_to_train_on_the_run_is_refused_and_no_child_starts(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    events = list(retraining(home, registry, "open('started', 'w')", tmp_path).events())
    assert [event["event"] for event in events] == ["preflight", "refused"]
    assert events[1]["reason"] == events[0]["sentence"]


def test_two_runs_of_one_home_do_not_go_side_by_side(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    first = retraining(home, registry, "say('started')\nsys.stdin.read()", tmp_path).events()
    next(first)
    with pytest.raises(TrainingError, match="under way"):
        next(retraining(home, registry, "", tmp_path).events())
    first.close()
    assert next(retraining(home, registry, "", tmp_path).events())["event"] == "preflight"


def test_a_cancelled_run_ends_as_cancelled_and_another_may_follow(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    teach(home)
    run = retraining(home, registry, "say('started')\ntime.sleep(60)", tmp_path)
    seen: list[dict[str, Any]] = []
    for event in run.events():
        seen.append(event)
        if event["event"] == "started":
            cancelling = threading.Thread(target=run.cancel)
            cancelling.start()
    cancelling.join()
    assert (seen[-1]["event"], seen[-1]["cancelled"]) == ("failed", True)
    assert list(retraining(home, registry, "say('refused', reason='r')", tmp_path).events())[-1]["event"] == "refused"


def test_a_run_cancelled_before_its_child_starts_does_not_start_it(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    teach(home)
    run = retraining(home, registry, "open('started', 'w')", tmp_path)
    run.cancel()
    assert list(run.events())[-1]["cancelled"] is True


def test_the_last_runs_diagnostics_are_kept_beside_the_new(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    for number in (1, 2):
        script = f"print({number}, file=sys.stderr, flush=True)\nsay('refused', reason='r')"
        list(retraining(home, registry, script, tmp_path).events())
    logs = {path.name: path.read_text() for path in home.logs.iterdir()}
    assert logs == {"training.log": "2\n", "training.log.1": "1\n"}


def test_the_corpus_is_backed_up_before_a_training_once_a_day(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    for _ in range(2):
        list(retraining(home, registry, "say('failed', reason='')", tmp_path).events())
    (backup,) = home.backups.iterdir()
    assert backup.name.startswith("corpus-auto-")


def test_a_backup_that_cannot_be_made_is_told_and_keeps_no_training_from_starting(
    home: Home, registry: Registry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    teach(home)
    home.backups.write_text("in the way")
    events = list(retraining(home, registry, PUBLISHED.format(better=True), tmp_path).events())
    assert [event["event"] for event in events] == ["preflight", "published"]
    assert "The corpus was not backed up first." in events[0]["sentence"]
    assert "no backup before the training" in caplog.text


def test_what_a_killed_application_left_is_swept_away_and_told_once(
    home: Home, registry: Registry, tmp_path: Path
) -> None:
    teach(home)
    (tmp_path / "child.py").write_text(CHILD + "say('started')\nsys.stdin.read()")
    application = f"""
import os, signal, sys
from pathlib import Path
from adapters.recipe import recipe
from adapters.registry import Registry
from socrates_tui.home import Home
from socrates_tui.retraining import Retraining
home = Home.open(Path({str(home.directory)!r}))
command = [sys.executable, {str(tmp_path / "child.py")!r}]
retraining = Retraining(home, "embedded", Registry(home.versions), recipe("default"), command=command)
for event in retraining.events():
    if event["event"] == "started":
        os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", application], check=False).returncode == -signal.SIGKILL
    assert (home.runs / "train.jsonl").is_file()
    ended = "The last training was ended before it had finished; nothing of it was kept."
    assert Retraining(home, "embedded", registry, recipe("default")).preflight().sentence.endswith(ended)
    assert list(home.runs.iterdir()) == []
    assert ended not in Retraining(home, "embedded", registry, recipe("default")).preflight().sentence


def test_a_run_after_a_killed_one_tells_of_it(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    (home.runs / "train.jsonl").touch()
    first, *_ = retraining(home, registry, "say('refused', reason='r')", tmp_path).events()
    assert first["sentence"].endswith("nothing of it was kept.")


def test_looking_ahead_leaves_a_run_under_way_alone(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    run = retraining(home, registry, "say('started')\nsys.stdin.read()", tmp_path).events()
    assert next(run)["event"] == "preflight"
    assert next(run)["event"] == "started"
    there = sorted(home.runs.iterdir())
    assert (
        "nothing of it was kept" not in Retraining(home, "embedded", registry, recipe("default")).preflight().sentence
    )
    assert sorted(home.runs.iterdir()) == there != []
    run.close()


def test_a_child_that_was_killed_leaves_no_draft(home: Home, registry: Registry, tmp_path: Path) -> None:
    teach(home)
    script = """
import os, pathlib, signal
draft = pathlib.Path(job["versions"]) / f".draft-{os.getpid()}-x"
draft.mkdir()
(draft / "adapter_model.safetensors").write_text("half of it")
os.kill(os.getpid(), signal.SIGKILL)
"""
    *_, last = retraining(home, registry, script, tmp_path).events()
    assert "was killed" in last["reason"]
    assert list(home.versions.glob(".draft-*")) == []


def test_files_that_cannot_be_written_stop_the_training_before_it_begins(
    home: Home, registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teach(home)

    def full(*_arguments: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("socrates_tui.retraining._write", full)
    with pytest.raises(TrainingError, match="free some disk space"):
        list(retraining(home, registry, "open('started', 'w')", tmp_path).events())
    assert list(home.runs.iterdir()) == []
