"""The frame that every dialog shares."""

from typing import TypeVar

from textual.binding import Binding
from textual.screen import ModalScreen

Answer = TypeVar("Answer")


LEAVE = Binding("escape", "leave", "Close", tooltip="Close this, and go back")
"""What every dialog binds last, so that the footer names it last."""


class Dialog(ModalScreen[Answer]):
    """A dialog that can be left without an answer. Its first child carries the class ``dialog``."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Deny the acts of what lies beneath."""
        return callable(getattr(self, f"action_{action}", None))

    def action_leave(self) -> None:
        """Leave without an answer."""
        self.dismiss(None)
