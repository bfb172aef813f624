"""Killing a process at a given moment of its work. Run as a program, it forks for each order, which costs little."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from corpus import database, importing, journal, placing, store, turns
from corpus.backup import back_up, restore
from corpus.store import Corpus

MOMENT = "2026-01-01T00:00:00.000000+00:00"
"""What the clock says in the process that is killed, so that what it writes is the same each time."""


@dataclass(frozen=True)
class End:
    """How the work of a process ended."""

    killed: bool
    seconds: float
    """From the beginning of the work on."""


class Worker:
    """A program that does one act in a fork of itself for each order."""

    def __init__(self, orders: IO[str], answers: IO[str]) -> None:
        self._orders = orders
        self._answers = answers

    def do(self, act: str, path: Path, other: Path | None = None, *, kill_after_s: float | None = None) -> End:
        """Do ``act`` on the corpus at ``path``, killed so long after its beginning."""
        self._orders.write(json.dumps([act, str(path), str(other), kill_after_s]) + "\n")
        self._orders.flush()
        return End(**json.loads(self._answers.readline()))


@contextmanager
def worker() -> Iterator[Worker]:
    """Start the program."""
    command = [sys.executable, "-m", "tests.corpus.killing"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        yield Worker(program.stdin, program.stdout)
        program.stdin.close()


def _work(act: str, path: Path, other: Path, begun: int) -> None:
    for module in (database, journal, placing, store, turns):
        vars(module)["now"] = lambda: MOMENT
    if act == "migrate":
        os.write(begun, b"b")
        Corpus(path).close()
    elif act == "back up":
        os.write(begun, b"b")
        back_up(path, other)
    elif act == "restore":
        os.write(begun, b"b")
        restore(path, other)
    else:
        with Corpus(path) as corpus:
            every = corpus.matching("")
            os.write(begun, b"b")
            if act == "import":
                importing.import_file(corpus, other)
            elif act == "drop":
                corpus.drop(*every)
            elif act == "undo":
                corpus.undo()


def _serve() -> None:
    for line in sys.stdin:
        act, path, other, kill_after_s = json.loads(line)
        begun, begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(begun)
            _work(act, Path(path), Path(other), begin)
            os._exit(0)
        os.close(begin)
        assert os.read(begun, 1) == b"b"
        started = time.perf_counter()
        # The pipe tells the end of the child at once.
        ended = bool(select.select([begun], [], [], kill_after_s)[0])
        if not ended:
            os.kill(child, signal.SIGKILL)
        seconds = time.perf_counter() - started
        os.close(begun)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        assert killed or os.waitstatus_to_exitcode(status) == 0
        print(json.dumps({"killed": killed, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    _serve()
