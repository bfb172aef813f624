"""What is being done, on standard error: one line that rewrites itself on a terminal, a line per task elsewhere."""

import sys

from socrates_tui.plain_text import plain

_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Call it with what is being done; ``clear`` it before anything else is printed."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, text: str, fraction: float | None, detail: str = "") -> None:
        """Show ``text``; the fraction done and the detail, which change often, on a terminal alone."""
        if self._terminal:
            percent = "" if fraction is None else f" {fraction:.0%}"
            sys.stderr.write(f"{_CLEAR}{plain(text)}{percent}{detail}")
        elif text != self._shown:
            sys.stderr.write(f"{plain(text)}\n")
        sys.stderr.flush()
        self._shown = text

    def clear(self) -> None:
        """Take the line away from the terminal."""
        if self._terminal and self._shown:
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
            self._shown = ""
