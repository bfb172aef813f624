"""A real terminal for end-to-end tests: a program in a pseudo-terminal, and the screen as a person would see it."""

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

import pyte


class Terminal:
    """Runs ``command`` in a pseudo-terminal of ``columns`` by ``lines`` and keeps its screen."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], columns: int = 100, lines: int = 30):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env), start_new_session=True
        )
        os.close(theirs)
        self._pty = ours
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._drawn = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self._drawn)
        self._undrawn = bytearray()
        self.raw = bytearray()
        """Every byte that the terminal received."""

    @property
    def _screen(self) -> pyte.Screen:
        """The screen; drawing it takes a processor, so that it waits until somebody looks."""
        self._stream.feed(self._decode.decode(bytes(self._undrawn)))
        self._undrawn.clear()
        return self._drawn

    @property
    def text(self) -> str:
        """The screen's lines; a wide character takes one place here."""
        screen = self._screen
        rows = [screen.buffer[y] for y in range(screen.lines)]
        return "\n".join("".join(row[x].data for x in range(screen.columns)).rstrip() for row in rows)

    def press(self, *keys: str) -> None:
        """Send the bytes of keys or text, as one burst each."""
        for key in keys:
            os.write(self._pty, key.encode())

    def press_and_see(self, key: str) -> None:
        """Send one key and wait until more of the screen has changed than a blinking cursor."""
        before = self._cells()
        self.press(key)
        self.wait_for(lambda _: sum(now != then for now, then in zip(self._cells(), before, strict=True)) > 2)

    def is_in_focus(self, button: str) -> bool:
        """Tell whether a button is drawn as the one that Enter presses."""
        cells = self._cells()
        for at, cell in enumerate(cells):
            if cell.reverse and "".join(each.data for each in cells[at : at + len(button)]) == button:
                return True
        return False

    def _cells(self) -> list[pyte.screens.Char]:
        screen = self._screen
        return [screen.buffer[y][x] for y in range(screen.lines) for x in range(screen.columns)]

    def wait_for(self, what: str | Callable[[str], bool], timeout_s: float = 30) -> str:
        """Read until the screen contains ``what``, or ``what(screen)`` holds; return the screen."""
        seen = (lambda screen: what in screen) if isinstance(what, str) else what
        deadline = time.monotonic() + timeout_s
        while not seen(self.text):
            left = deadline - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{what!r} did not come within {timeout_s} s. The screen:\n{self.text}")
            if not self._read(left):
                raise AssertionError(f"The program ended before {what!r} came. The screen:\n{self.text}")
        return self.text

    def wait_for_end(self, timeout_s: float = 30) -> int:
        """Read until the program ends; return its exit status."""
        deadline = time.monotonic() + timeout_s
        while self._read(max(0.0, deadline - time.monotonic())):
            if time.monotonic() > deadline:
                raise AssertionError(f"The program did not end within {timeout_s} s. The screen:\n{self.text}")
        return self.process.wait(timeout=max(1.0, deadline - time.monotonic()))

    def wait(self, seconds: float) -> None:
        """Read for so long, and draw nothing meanwhile."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self._read(left):
                raise AssertionError(f"The program ended. The screen:\n{self.text}")

    def answered_s(self, character: str, timeout_s: float = 30) -> float:
        """Type a character that is nowhere on the screen; return the seconds until the terminal receives it."""
        wanted, came = character.encode(), b""
        pressed = time.monotonic()
        self.press(character)
        while wanted not in came:
            left = pressed + timeout_s - time.monotonic()
            if left <= 0:
                raise AssertionError(f"{character!r} was not drawn within {timeout_s} s. The screen:\n{self.text}")
            if select.select([self._pty], [], [], left)[0]:
                came += os.read(self._pty, 1 << 16)
        answered = time.monotonic() - pressed
        self._take(came)
        return answered

    def hang_up(self) -> None:
        """Take the terminal away without a signal, as when the program that shows it is killed."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, self._pty)
        os.close(nowhere)

    def _read(self, timeout_s: float) -> bool:
        """Read what is there, waiting up to ``timeout_s``; False at the end of the program."""
        ready, _, _ = select.select([self._pty], [], [], timeout_s)
        if not ready:
            return True
        try:
            data = os.read(self._pty, 1 << 16)
        except OSError:  # Linux tells the end of a pseudo-terminal by an error
            return False
        self._take(data)
        return bool(data)

    def _take(self, data: bytes) -> None:
        self.raw += data
        self._undrawn += data

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _t: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self._pty)
