"""What a run does when it is cancelled, killed or has no room to write: all or nothing."""

import errno
import json
import os
import random
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import training
from adapters.registry import Registry
from adapters.runner import Job, Run
from tests.adapters.test_training import PROMPTS, QUICKLY, job, write

LONG = replace(QUICKLY, epochs=10_000, patience=10_000)


def child(tmp_path: Path, script: str) -> list[str]:
    """Return the command of a training process in which ``script`` runs before the training does."""
    file = tmp_path / "child.py"
    file.write_text(f"import os, signal, sys\nfrom adapters import training\n{script}\nsys.exit(training.main())")
    return [sys.executable, str(file)]


def conversations() -> list[dict[str, Any]]:
    """Return examples of which some continue one another."""
    examples = []
    for number, opening in enumerate(PROMPTS):
        messages: list[dict[str, str]] = []
        for turn, prompt in enumerate((opening, "Why?", "And then?")):
            asked = [*messages, {"role": "user", "content": prompt}]
            messages = [*asked, {"role": "assistant", "content": f"What do you think, {turn}?"}]
            examples.append({"id": 10 * number + turn, "conversation": f"c{number}", "messages": messages})
    return examples


def test_the_same_corpus_in_another_order_gives_the_same_bytes(tmp_path: Path, gemma3: Path) -> None:
    adapters = []
    for name in ("one", "other"):
        examples = conversations()
        if name == "other":
            random.Random(1).shuffle(examples)
        directory = tmp_path / name
        directory.mkdir()
        made = job(directory, gemma3, replace(QUICKLY, batch_tokens=100), train=write(directory / "c.jsonl", examples))
        *_, last = Run(made, directory=directory, log=directory / "training.log").events()
        adapters.append(Registry(Path(made.versions)).get(last["version"]).directory / "adapter_model.safetensors")
    assert adapters[0].read_bytes() == adapters[1].read_bytes()


def test_a_run_that_is_cancelled_in_the_middle_of_a_step_obeys_at_once(
    tmp_path: Path, gemma3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.runner.GRACE_S", 3600.0)  # so that only obeying ends it
    made = job(tmp_path, gemma3, LONG)
    run = Run(made, directory=tmp_path, log=tmp_path / "training.log")
    stream = run.events()
    assert any(event["event"] == "step" for event in stream)
    cancelling = threading.Thread(target=run.cancel)
    cancelling.start()
    *_, last = stream
    cancelling.join()
    assert (last["event"], last["cancelled"]) == ("failed", True)
    assert list(Path(made.versions).glob(".draft-*")) == []


def test_a_run_killed_while_it_publishes_leaves_no_version_and_the_next_one_is_whole(
    tmp_path: Path, gemma3: Path
) -> None:
    made = job(tmp_path, gemma3)
    script = "training.Registry.publish = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    *_, last = Run(made, directory=tmp_path, log=tmp_path / "log", command=child(tmp_path, script)).events()
    assert (last["event"], "was killed" in last["reason"]) == ("failed", True)
    assert len(list(Path(made.versions).glob(".draft-*"))) == 1
    registry = Registry(Path(made.versions))
    assert list(Path(made.versions).glob(".draft-*")) == []
    assert registry.versions() == []
    *_, last = Run(made, directory=tmp_path, log=tmp_path / "log").events()
    assert [version.name for version in registry.versions()] == [last["version"]]


WRITING = os.O_WRONLY | os.O_RDWR
full_after: list[int] = []
"""How many more writes below ``versions`` succeed, while there is a number in it."""


def _fill_up(event: str, arguments: tuple[Any, ...]) -> None:
    """Fail, as on a full disk, to create or write anything in a registry."""
    if full_after and (event in {"os.mkdir", "os.rename"} or (event == "open" and (arguments[2] or 0) & WRITING)):
        if "/versions/" not in str(arguments[0]):
            return
        full_after[0] -= 1
        if full_after[0] < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


sys.addaudithook(_fill_up)


def test_a_disk_that_is_full_at_whatever_write_publishes_nothing_and_loses_nothing(
    tmp_path: Path, gemma3: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(tmp_path, gemma3, replace(QUICKLY, epochs=1))
    registry = Registry(Path(made.versions))
    assert main(made, tmp_path, monkeypatch) == 0
    kept = {path: path.read_bytes() for path in (registry.directory / "v0001").iterdir()}
    capsys.readouterr()
    writes = 0
    while True:
        full_after[:] = [writes]
        try:
            status = main(made, tmp_path, monkeypatch)
        finally:
            full_after.clear()
        if status == 0:
            break
        last = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert (last["event"], "free some disk space" in last["reason"]) == ("failed", True)
        assert [version.name for version in registry.versions()] == ["v0001"]
        assert {path: path.read_bytes() for path in (registry.directory / "v0001").iterdir()} == kept
        assert list(registry.directory.glob(".draft-*")) == []
        writes += 1
    assert writes > 5
    assert len(registry.versions()) == 2


def main(made: Job, directory: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Carry out the job in this process."""
    (directory / "job.json").write_text(made.to_json())
    monkeypatch.setattr(sys, "argv", ["training", str(directory / "job.json")])
    monkeypatch.setattr(training, "_end_with_the_application", lambda: None)
    monkeypatch.setattr(os, "nice", lambda _by: 0)
    return training.main()


def test_an_adapter_that_finds_no_room_in_the_child_is_told_with_what_to_do(tmp_path: Path, gemma3: Path) -> None:
    made = job(tmp_path, gemma3, replace(QUICKLY, epochs=1))
    script = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))"  # of a single file
    *_, last = Run(made, directory=tmp_path, log=tmp_path / "log", command=child(tmp_path, script)).events()
    assert (last["event"], "free some disk space" in last["reason"]) == ("failed", True)
    assert Registry(Path(made.versions)).versions() == []
