"""A reply on the screen. What its Markdown looks like is markdown_lines'."""

from time import monotonic
from typing import ClassVar

from textual.content import Content
from textual.timer import Timer

from socrates_tui.widgets.lines import Line, Lines
from socrates_tui.widgets.markdown_lines import STYLES, blocks

BLANK = Line(Content(""))
REST = 4
"""So many times as long as drawing what came took, nothing is drawn: the engine and the keys have the processor."""


class ReplyMarkdown(Lines):
    """A reply, plain already. It grows at a cost that does not depend on how long it is.

    One widget, not one for each paragraph: only its last block is read anew, and only what can be seen is drawn.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = STYLES

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.source = ""
        """The Markdown that is shown."""
        self._pending = ""
        self._grown = False
        self._settled = 0
        """Where the last block of the source begins."""
        self._joined = False
        """Whether that block follows the one before without a blank line."""
        self._settled_lines = 0
        self._timer: Timer | None = None
        self._rested = 0.0
        self._read(text)

    def update(self, text: str) -> None:
        """Show ``text``, all of it read anew if it grew before."""
        if text == self.source and not self._grown:
            return
        self._pending = ""
        self._grown = False
        self._settled = self._settled_lines = 0
        self._joined = False
        self._read(text)

    def append(self, text: str) -> None:
        """Show ``text`` behind what is there, at once or together with what comes next."""
        self._pending += text
        if self._timer is None:
            wait = self._rested - monotonic()
            if wait > 0:
                self._timer = self.set_timer(wait, self.flush)
            else:
                self.flush()

    def flush(self) -> None:
        """Show all that came."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._pending:
            began = monotonic()
            text, self._pending, self._grown = self.source + self._pending, "", True
            self._read(text, growing=True)
            self._rested = monotonic() + REST * (monotonic() - began)

    def _read(self, source: str, *, growing: bool = False) -> None:
        """Read the source from its last block on, which is all that can have changed."""
        self.source = source
        tail = source[self._settled :]
        found = blocks(tail, growing=growing)
        lines = self._lines[: self._settled_lines]
        for number, block in enumerate(found):
            joined = block.joined if number else self._joined
            if number == len(found) - 1:
                self._settled_lines, self._joined = len(lines), joined
                self._settled += sum(len(line) + 1 for line in tail.split("\n", block.start)[: block.start])
            if lines and not joined:
                lines.append(BLANK)
            lines.extend(block.lines)
        self.show(lines)
