"""Running `socrates` in this process as the shell would, and what came of it."""

import io
import json
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from socrates_tui.cli import main


@dataclass(frozen=True)
class Outcome:
    """An ended command."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The JSON documents on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


class _Stream(io.StringIO):
    terminal = False

    def isatty(self) -> bool:
        return self.terminal


class _Terminal(_Stream):
    terminal = True


@contextmanager
def own_logging() -> Iterator[None]:
    """Give back the log handlers, warnings and environment that a command puts in their place."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    root.handlers = []  # those of pytest must not be closed
    with patch.dict(os.environ):
        try:
            yield
        finally:
            for handler in root.handlers:
                handler.close()
            root.handlers = handlers
            root.setLevel(level)
            logging.captureWarnings(False)


def socrates(*arguments: str, terminal: bool = False, typed: str = "") -> Outcome:
    """Run the command line with ``arguments``, on a terminal, in which ``typed`` is typed, or not."""
    stream = _Terminal if terminal else _Stream
    out, err, status = stream(), stream(), 0
    with ExitStack() as stack:
        stack.enter_context(own_logging())
        stack.enter_context(patch.object(sys, "argv", ["socrates", *arguments]))
        stack.enter_context(patch.object(sys, "stdin", stream(typed)))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
    return Outcome(status, out.getvalue(), err.getvalue())
