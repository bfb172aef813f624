"""The keys that do something now, as many as the line has room for."""

from typing import cast

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from socrates_language import tr

FIRST_TO_GO = (
    *("versions", "conversations", "screen.undo", "screen.flip(1)", "screen.flip(-1)"),
    *("screen.weigh", "screen.stop_weighing", "screen.order"),
)
"""Actions whose keys are left out before the others where there is no room; F1 shows them."""


class KeyLine(Footer):
    """A footer that never cuts a key: the least needed are left out, the last is always there.

    What a binding says of itself is translated here.
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False)
        self._composed_for = 0

    def compose(self) -> ComposeResult:
        """Lay out the keys for which there is room."""
        keys = cast("list[FooterKey]", list(super().compose()))
        for key in keys:
            key.description = tr(key.description)
            key.tooltip = tr(str(key.tooltip)) if key.tooltip else None
        self._composed_for = self.size.width or self.app.size.width
        while len(keys) > 1 and sum(map(_width, keys)) > self._composed_for:
            spared = [key for action in FIRST_TO_GO for key in keys[:-1] if key.action == action]
            keys.remove(spared[0] if spared else keys[-2])
        yield from keys

    def on_mount(self) -> None:
        """Lay out anew when a screen above is gone; the footer's own handler is called beside this one."""
        self.app.screen_change_signal.subscribe(self, self.bindings_changed)

    async def recompose(self) -> None:
        """Lay out anew; beneath another screen, where nothing new would be drawn, leave the keys as they are."""
        if self.is_attached and (self.screen.is_active or not self.children):
            await super().recompose()

    def on_resize(self, event: events.Resize) -> None:
        """Lay out anew where there is more or less room."""
        if event.size.width != self._composed_for:
            self.call_after_refresh(self.recompose)


def _width(key: FooterKey) -> int:
    return cell_len(key.key_display) + cell_len(key.description) + 3
