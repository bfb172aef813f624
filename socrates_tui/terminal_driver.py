"""Textual's driver for a terminal that may go away: it says so, and what is written from then on is dropped."""

import io
import os
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING

from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer
    from textual.app import App

LOOK_S = 0.5
"""How often it is looked whether the terminal is there."""


class TerminalDriver(LinuxDriver):
    """Posts ``Gone`` when its terminal is no more.

    A terminal tells its end by a signal only to the programs that it controls. To the others reading gives nothing
    from then on, without waiting for it, and writing fails.
    """

    class Gone(Message):
        """Nobody sees the screen or presses a key any more."""

    def __init__(
        self, app: "App[object]", *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        stderr = sys.__stderr__
        assert stderr is not None
        self._file = io.TextIOWrapper(io.BufferedWriter(_Lasting(stderr.fileno())), stderr.encoding, stderr.errors)

    def run_input_thread(self) -> None:
        """Wait for input for as long as it can come."""
        ended = Event()
        if self.input_tty:
            Thread(target=self._watch, args=[ended], name="terminal-watch", daemon=True).start()
        try:
            super().run_input_thread()
        finally:
            ended.set()

    def _watch(self, ended: Event) -> None:
        """Look for the terminal until it is gone, or until input has ended."""
        while not ended.wait(LOOK_S):
            if not os.isatty(self.fileno):
                self.exit_event.set()  # else the thread that waits for input would turn without a rest
                self.send_message(self.Gone())
                return


class _Lasting(io.RawIOBase):
    """A terminal that takes what is written when it is gone, so that nobody waits for it."""

    def __init__(self, fileno: int) -> None:
        super().__init__()
        self._fileno = fileno

    def fileno(self) -> int:
        return self._fileno

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int | None:
        try:
            return os.write(self._fileno, data)
        except BlockingIOError:
            return None
        except OSError:
            return memoryview(data).nbytes
