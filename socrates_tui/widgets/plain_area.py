"""A text area whose content is always plain, whatever was loaded or pasted into it."""

from textual import events
from textual.widgets import TextArea

from socrates_tui.plain_text import plain


class PlainArea(TextArea):
    """A text area without highlighting, in which Tab moves the focus on."""

    def __init__(self, text: str = "", *, id: str | None = None, placeholder: str = "") -> None:
        super().__init__(plain(text), id=id, tab_behavior="focus", placeholder=placeholder, highlight_cursor_line=False)

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        event.stop()
        text = plain(event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if result := self._replace_via_keyboard(text, *self.selection):
            self.move_cursor(result.end_location)
