"""Every key, as the bindings themselves tell it."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.widgets import Static

from socrates_language import tr
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.lines import Line, Lines

KEY_WIDTH = 22


class HelpScreen(Dialog[None]):
    """Groups of bindings, each with what it does."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, groups: Sequence[tuple[str, Iterable[Binding]]]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """Lay out one line a binding."""
        with Vertical(classes="dialog help") as dialog:
            dialog.border_title = tr("Keys")
            with VerticalScroll():
                for heading, bindings in self._groups:
                    yield Static(Content(heading), classes="help-heading")
                    yield Lines(map(_line, bindings), classes="help-lines")
            yield KeyLine()


def _line(binding: Binding) -> Line:
    """Return a key, with what it does beside it."""
    keys = ", ".join(_written(key.strip()) for key in binding.key.split(","))
    first = Content.styled(f"{keys:<{KEY_WIDTH}}", "bold $text-accent")
    return Line(Content(tr(binding.tooltip or binding.description)), first, Content(" " * len(first)))


def _written(key: str) -> str:
    """Return a key as it is written on a keyboard."""
    shown = format_key(key)
    return shown.upper() if shown[:1] == "f" and shown[1:].isdecimal() else shown
