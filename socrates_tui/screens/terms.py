"""Asking, once, for the acceptance of Gemma's terms."""

from socrates_language import tr
from socrates_tui.screens.confirm import ConfirmScreen


class TermsScreen(ConfirmScreen):
    """The terms under which the base may be used. No key that was typed before they could be read accepts them."""

    AUTO_FOCUS = ""

    def __init__(self, text: str) -> None:
        super().__init__(tr("Gemma's terms of use"), tr(text), tr("I accept"), tr("Not now"))

    def on_mount(self) -> None:
        """Once the terms are on the screen, let the keys be about them, and Enter refuse."""
        self.call_after_refresh(lambda: self.query_one("#no").focus())
