"""Running one training in a child process, as a stream of events. The training is adapters.training's work."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.api import Event
from socrates_language import tr

LAST = ("published", "refused", "failed")
"""The events that end a run."""

COMMAND = (sys.executable, "-P", "-m", "adapters.training")
"""``-P``: a directory called adapters where the user happens to stand must not be taken for ours."""

GRACE_S = 2.0
"""How long a cancelled child may take to end by itself."""

ENVIRONMENT = {
    # glibc gives large tensors back to the kernel and faults them in again at each step; keeping them is a third faster
    "MALLOC_MMAP_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TRIM_THRESHOLD_": str(16 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
    # threads that wait spin for some microseconds only, and leave the processor to the chat
    "GOMP_SPINCOUNT": "3000",
    "PYTHONSAFEPATH": "1",  # like -P, for what the child starts
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}


@dataclass(frozen=True)
class Job:
    """What the child is to do, as it reads it from job.json."""

    base: str
    models: str
    """Directory of the converted bases."""
    versions: str
    """Directory of the registry."""
    train: str
    """File of the training examples."""
    held_out: str
    """File of the held-out examples; may be empty."""
    recipe: dict[str, Any]
    parent: str
    """The version the new one is judged against; ``base`` if none."""
    title: str
    as_of: str
    """When the examples were read: ISO 8601, UTC."""

    def to_json(self) -> str:
        """Return the text of job.json."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Job":
        """Return the job that ``to_json`` gave."""
        return cls(**json.loads(text))


class Run:
    """One training. ``events`` starts the child and ends with it; ``cancel`` may be called from any thread."""

    def __init__(self, job: Job, *, directory: Path, log: Path, command: Sequence[str] | None = None) -> None:
        self._job = job
        self._directory = directory
        self._log = log
        self._command = COMMAND if command is None else command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False
        self._ended = False
        self._killing: threading.Timer | None = None

    def events(self) -> Generator[Event, None, None]:
        """Yield the child's events; the last is published, refused or failed, whatever becomes of the child.

        Leaving the iteration early ends the child.
        """
        with self._log.open("ab") as log:
            process = self._start(log.fileno())
            if process is None:
                yield self._failed(tr("The run was cancelled before it began."))
                return
            try:
                yield from self._relayed(process, log.fileno())
            finally:
                self._end(process)

    def cancel(self) -> None:
        """End the child: at once if it obeys, after two seconds if it does not."""
        with self._lock:
            before, self._cancelled = self._cancelled, True
            if before or self._process is None or self._ended:
                return
            assert self._process.stdin is not None
            self._process.stdin.close()  # ends also what the child has started in sessions of its own
            _signal(self._process, signal.SIGTERM)
            self._killing = threading.Timer(GRACE_S, _signal, (self._process, signal.SIGKILL))
            self._killing.daemon = True
            self._killing.start()

    def _start(self, log: int) -> subprocess.Popen[bytes] | None:
        path = self._directory / "job.json"
        path.write_text(self._job.to_json(), encoding="utf-8")
        with self._lock:
            if self._cancelled:
                return None
            self._process = subprocess.Popen(
                [*self._command, str(path)],
                stdin=subprocess.PIPE,  # held open for as long as we live: at its end the child ends too
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | ENVIRONMENT,
                start_new_session=True,  # Ctrl+C in the terminal is ours to answer
            )
            return self._process

    def _relayed(self, process: subprocess.Popen[bytes], log: int) -> Iterator[Event]:
        assert process.stdout is not None
        for line in process.stdout:
            event = _event(line)
            if event is None:
                os.write(log, line)
                continue
            if event["event"] == "failed":
                event |= {"cancelled": self._cancelled}
            yield event
            if event["event"] in LAST:
                return
        yield self._failed(self._epitaph(process.wait()))

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        with self._lock:
            self._ended = True
            if self._killing is not None:
                self._killing.cancel()
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()

    def _failed(self, reason: str) -> Event:
        return {"event": "failed", "reason": reason, "cancelled": self._cancelled}

    def _epitaph(self, status: int) -> str:
        if self._cancelled:
            return tr("The run was cancelled; nothing was changed.")
        if status == -signal.SIGKILL:
            return tr(
                "The training process was killed, perhaps because memory ran out: close other programs, or take a "
                "smaller base. Its diagnostics are in {log}."
            ).format(log=self._log)
        if status < 0:
            return tr(
                "The training process was ended by signal {number} ({name}). Its diagnostics are in {log}."
            ).format(number=-status, name=signal.strsignal(-status), log=self._log)
        return tr(
            "The training process ended with status {status} before it had finished. Its diagnostics are in {log}."
        ).format(status=status, log=self._log)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send ``number`` to the child and to whatever it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _event(line: bytes) -> Event | None:
    """Return the event in ``line``; None for what a library printed."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
