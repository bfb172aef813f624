"""A text area whose content is always plain, whatever was loaded or pasted into it."""

from typing import ClassVar

from textual import events, on
from textual.message import Message
from textual.timer import Timer
from textual.widgets import TextArea

from socrates_tui.plain_text import plain


class PlainArea(TextArea):
    """A text area without highlighting, in which Tab moves the focus on."""

    PAUSE_S: ClassVar[float] = 0.1
    """How long nothing must change before that is a pause."""

    class Paused(Message):
        """The user pauses in writing."""

    def __init__(self, text: str = "", *, id: str | None = None, placeholder: str = "") -> None:
        super().__init__(plain(text), id=id, tab_behavior="focus", placeholder=placeholder, highlight_cursor_line=False)
        self._pause: Timer | None = None

    @on(TextArea.Changed)
    def _wait_for_a_pause(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(self.PAUSE_S, lambda: self.post_message(self.Paused()))

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        text = plain(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)
