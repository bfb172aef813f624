"""Where the user writes to Socrates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from socrates_tui.widgets.plain_area import PlainArea


class Prompt(PlainArea):
    """A text area of a few lines that sends what it holds."""

    PAUSE_S = 0.5
    BINDINGS: ClassVar[list[BindingType]] = [
        # No priority here: a priority binding acts before the keys typed just ahead of it have arrived in the text.
        Binding("enter", "send", "Send", tooltip="Send what the prompt holds"),
        Binding("ctrl+j,shift+enter", "newline", "New line", show=False, tooltip="Begin a new line"),
        Binding("ctrl+up", "recall(1)", "Earlier prompt", show=False, tooltip="Put an earlier prompt here"),
        Binding(
            "ctrl+down", "recall(-1)", "Later prompt", show=False, tooltip="Put a later prompt here, at last yours"
        ),
    ]

    @dataclass
    class Sent(Message):
        """The user said something."""

        text: str

    def __init__(self, text: str, *, past: Callable[[], Sequence[str]] = tuple, placeholder: str = "") -> None:
        """``past`` returns what was asked before, newest first."""
        super().__init__(text, placeholder=placeholder)
        self._read_past = past
        self._past: Sequence[str] = ()
        self._at = 0
        """Which of them stands here, counted from 1; 0 for what the user writes."""
        self._written = ""
        """What the user wrote before going back to them."""

    class Left(Message):
        """The user wants to go up to the replies."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":  # which a text area would take for a new line
            event.prevent_default()
            event.stop()
            self.action_send()

    def action_send(self) -> None:
        """Send the text and become empty; blank text stays."""
        if self.text.strip():
            self.post_message(self.Sent(self.text.strip()))
            self.clear()
            self._at = 0

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_recall(self, by: int) -> None:
        """Put a prompt that was asked ``by`` places further back here; what stands here is not lost."""
        if self._at == 0 or self.text != self._past[self._at - 1]:
            self._written, self._past, self._at = self.text, self._read_past(), 0
        at = min(max(self._at + by, 0), len(self._past))
        if at != self._at:
            self._at = at
            self.text = self._past[at - 1] if at else self._written
            self.move_cursor(self.document.end)

    def action_leave(self) -> None:
        """Go up to the replies."""
        self.post_message(self.Left())

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; from the first line, to the replies."""
        if not select and self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_leave()
        else:
            super().action_cursor_up(select)
