"""Training in two processes, as accelerate launches them where there is more than one GPU; here on the CPU."""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from adapters.api import Event
from adapters.registry import Registry
from adapters.runner import COMMAND, Job, Run
from adapters.training import launched, main
from tests.adapters.test_training import QUICKLY, job, lines, write

LONG = replace(QUICKLY, epochs=10_000, patience=10_000)


def run(made: Job, directory: Path, command: Any = None) -> Run:
    directory.mkdir(exist_ok=True)
    return Run(made, directory=directory, log=directory / "training.log", command=command or launched(2))


def told(events: list[Event], kind: str, key: str) -> list[float]:
    return [event[key] for event in events if event["event"] == kind]


def test_two_processes_have_the_loss_curve_of_one_and_make_one_version(tmp_path: Path, gemma3: Path) -> None:
    train = write(tmp_path / "seven.jsonl", lines(7))
    made = job(tmp_path, gemma3, replace(QUICKLY, batch_tokens=100, learning_rate=1e-3), train=train)
    alone = list(run(made, tmp_path / "alone", COMMAND).events())
    together = list(run(made, tmp_path / "together").events())
    assert (alone[0]["processes"], together[0]["processes"]) == (1, 2)
    assert [event["event"] for event in together] == [event["event"] for event in alone]
    for kind, key in (("step", "loss"), ("evaluated", "held_out_loss")):
        assert told(together, kind, key) == pytest.approx(told(alone, kind, key), rel=2e-3)
    assert together[-1]["held_out"]["candidate"] == pytest.approx(alone[-1]["held_out"]["candidate"], rel=2e-3)
    assert [version.name for version in Registry(Path(made.versions)).versions()] == ["v0001", "v0002"]


def family(directory: Path) -> list[psutil.Process]:
    """Return every process that works on the job in ``directory``."""
    file = str(directory / "job.json")
    return [process for process in psutil.process_iter(["cmdline"]) if file in (process.info["cmdline"] or [])]


@pytest.mark.parametrize("ended_by", ["cancel", "the death of one"])
def test_when_one_ends_all_end_and_nothing_is_published(tmp_path: Path, gemma3: Path, ended_by: str) -> None:
    made = job(tmp_path, gemma3, LONG)
    training = run(made, tmp_path / "run")
    stream = training.events()
    assert any(event["event"] == "step" for event in stream)
    processes = family(tmp_path / "run")
    assert len(processes) == 3  # the launcher and two that train
    if ended_by == "cancel":
        training.cancel()
    else:
        max(processes, key=lambda process: process.pid).send_signal(signal.SIGKILL)
    *_, last = stream
    assert (last["event"], last["cancelled"]) == ("failed", ended_by == "cancel")
    psutil.wait_procs(processes)
    assert family(tmp_path / "run") == []
    assert Registry(Path(made.versions)).versions() == []


def test_a_child_that_sees_several_gpus_becomes_their_launcher(
    tmp_path: Path, gemma3: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(tmp_path / "job.json")
    ran: list[list[str]] = []

    class BecomeError(Exception):
        """What ends this process in the place of exec."""

    def execv(_path: str, command: list[str]) -> None:
        ran.append(command)
        raise BecomeError

    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)
    monkeypatch.setattr("sys.argv", ["training", file])
    monkeypatch.setattr(os, "execv", execv)
    with pytest.raises(BecomeError):
        main()
    assert ran == [[*launched(4), file]]
    assert "--num_processes=4" in ran[0]
    assert json.dumps(ran[0]).endswith(f'"-m", "adapters.training", "{file}"]')
