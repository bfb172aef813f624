import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from adapters.runner import ENVIRONMENT, Job, Run

JOB = Job(
    base="embedded",
    models="m",
    versions="v",
    train="t.jsonl",
    held_out="h.jsonl",
    recipe={"rank": 4},
    parent="base",
    title="正義",
    as_of="2026-01-01T00:00:00.000000+00:00",
)

PRELUDE = """
import json, os, signal, sys, time
def say(event, **fields): print(json.dumps({"event": event} | fields), flush=True)
"""


def run(tmp_path: Path, script: str) -> Run:
    path = tmp_path / "child.py"
    path.write_text(PRELUDE + script)
    return Run(JOB, directory=tmp_path, log=tmp_path / "training.log", command=[sys.executable, str(path)])


def events(tmp_path: Path, script: str) -> list[dict[str, Any]]:
    return list(run(tmp_path, script).events())


def test_a_job_survives_its_file() -> None:
    assert Job.from_json(JOB.to_json()) == JOB


def test_events_come_in_the_order_the_child_says_them(tmp_path: Path) -> None:
    script = "say('started', examples=2)\nsay('step', step=1)\nsay('published', version='v0001')"
    assert events(tmp_path, script) == [
        {"event": "started", "examples": 2},
        {"event": "step", "step": 1},
        {"event": "published", "version": "v0001"},
    ]


def test_the_child_gets_the_job_and_the_environment(tmp_path: Path) -> None:
    script = "say('refused', reason=open(sys.argv[1]).read(), environment=dict(os.environ))"
    (event,) = events(tmp_path, script)
    assert Job.from_json(event["reason"]) == JOB
    assert event["environment"].items() >= ENVIRONMENT.items()


def test_what_the_child_prints_besides_events_goes_to_the_log(tmp_path: Path) -> None:
    script = """
print('Loading...', flush=True)
print('[1]', flush=True)
say('refused', reason='r')
"""
    assert [event["event"] for event in events(tmp_path, script)] == ["refused"]
    assert (tmp_path / "training.log").read_text().splitlines() == ["Loading...", "[1]"]


def test_the_childs_diagnostics_go_to_the_log(tmp_path: Path) -> None:
    events(tmp_path, "print('diagnostics', file=sys.stderr)\nsay('refused', reason='r')\nsys.stdin.read()")
    assert (tmp_path / "training.log").read_text() == "diagnostics\n"


def test_a_child_that_ends_early_has_failed_and_the_log_is_named(tmp_path: Path) -> None:
    *_, last = events(tmp_path, "say('started')\nsys.exit(3)")
    assert (last["event"], last["cancelled"]) == ("failed", False)
    assert "status 3" in last["reason"]
    assert str(tmp_path / "training.log") in last["reason"]


def test_a_child_that_was_killed_has_failed_and_memory_is_named(tmp_path: Path) -> None:
    (last,) = events(tmp_path, "os.kill(os.getpid(), signal.SIGKILL)")
    assert "memory" in last["reason"]


def test_a_child_that_a_signal_ended_has_failed_and_the_signal_is_named(tmp_path: Path) -> None:
    (last,) = events(tmp_path, "os.kill(os.getpid(), signal.SIGBUS)")
    assert f"signal {int(signal.SIGBUS)}" in last["reason"]


def test_a_cancelled_run_ends_as_failed_and_cancelled(tmp_path: Path) -> None:
    training = run(tmp_path, "say('started')\nsys.stdin.read()\ntime.sleep(60)")
    stream = training.events()
    next(stream)
    cancelling = threading.Thread(target=training.cancel)
    cancelling.start()
    ended = list(stream)
    cancelling.join()
    assert ended == [{"event": "failed", "reason": "The run was cancelled; nothing was changed.", "cancelled": True}]


def test_a_child_that_does_not_heed_the_cancel_is_killed_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.runner.GRACE_S", 0.1)
    script = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    say('started')
time.sleep(60)
"""
    training = run(tmp_path, script)
    stream = training.events()
    next(stream)
    training.cancel()
    assert [event["cancelled"] for event in stream] == [True]


def test_a_run_cancelled_before_it_begins_starts_nothing(tmp_path: Path) -> None:
    training = run(tmp_path, "open('started', 'w')")
    training.cancel()
    (last,) = training.events()
    assert (last["event"], last["cancelled"]) == ("failed", True)
    assert not (tmp_path / "started").exists()


def test_leaving_the_events_early_ends_the_child(tmp_path: Path) -> None:
    training = run(tmp_path, "say('started', process=os.getpid())\nsys.stdin.read()")
    stream = training.events()
    process = next(stream)["process"]
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_the_childs_input_ends_when_we_die(tmp_path: Path) -> None:
    """The parent is killed without a chance to tidy up; its child, waiting on its input, comes to an end."""
    ended = tmp_path / "ended"
    os.mkfifo(ended)
    child = f"say('started')\nsys.stdin.read()\nopen({str(ended)!r}, 'w').write('ended')"
    (tmp_path / "child.py").write_text(PRELUDE + child)
    parent = f"""
import os, signal, sys
from pathlib import Path
from adapters.runner import Job, Run
job = Job.from_json({JOB.to_json()!r})
here = Path({str(tmp_path)!r})
run = Run(job, directory=here, log=here / "log", command=[sys.executable, str(here / "child.py")])
stream = run.events()
next(stream)
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", parent], check=False).returncode == -signal.SIGKILL
    assert ended.read_text() == "ended"


def test_a_failure_the_child_tells_is_not_called_cancelled(tmp_path: Path) -> None:
    assert events(tmp_path, "say('failed', reason='loss is not finite')") == [
        {"event": "failed", "reason": "loss is not finite", "cancelled": False}
    ]


def test_lines_that_are_split_or_long_arrive_whole(tmp_path: Path) -> None:
    script = """
line = json.dumps({'event': 'refused', 'reason': '問' * 100_000}) + os.linesep
for start in range(0, len(line), 4096):
    print(line[start:start + 4096], end='', flush=True)
"""
    assert events(tmp_path, script) == [{"event": "refused", "reason": "問" * 100_000}]
