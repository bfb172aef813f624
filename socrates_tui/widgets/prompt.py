"""Where the user writes to Socrates."""

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message

from socrates_tui.widgets.plain_area import PlainArea


class Prompt(PlainArea):
    """A text area of a few lines that sends what it holds."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # No priority here: a priority binding acts before the keys typed just ahead of it have arrived in the text.
        Binding("enter", "send", "Send", tooltip="Send what the prompt holds"),
        Binding("ctrl+j,shift+enter", "newline", "New line", show=False, tooltip="Begin a new line"),
        Binding("ctrl+up", "leave", "To the replies", show=False, tooltip="Go up to the last reply"),
    ]

    @dataclass
    class Sent(Message):
        """The user said something."""

        text: str

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

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_leave(self) -> None:
        """Go up to the replies."""
        self.post_message(self.Left())

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up; from the first line, to the replies."""
        if not select and self.navigator.is_first_wrapped_line(self.cursor_location):
            self.action_leave()
        else:
            super().action_cursor_up(select)
