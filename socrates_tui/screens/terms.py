"""Asking, once, for the acceptance of Gemma's terms."""

from socrates_tui.screens.confirm import ConfirmScreen


class TermsScreen(ConfirmScreen):
    """The terms under which the base may be used."""

    def __init__(self, text: str) -> None:
        super().__init__("Gemma's terms of use", text, "I accept", "Not now")
