"""Every key, as the bindings themselves tell it."""

from collections.abc import Iterable, Sequence

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static

from socrates_tui.screens.dialog import Dialog

KEY_WIDTH = 22


class HelpScreen(Dialog[None]):
    """Groups of bindings, each with what it does."""

    def __init__(self, groups: Sequence[tuple[str, Iterable[Binding]]]) -> None:
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """Lay out one line a binding."""
        with Vertical(classes="dialog help") as dialog:
            dialog.border_title = "Keys"
            with VerticalScroll():
                for heading, bindings in self._groups:
                    yield Static(Content(heading), classes="help-heading")
                    yield Static(self._lines(bindings), classes="help-lines")
            yield Footer(show_command_palette=False)

    def _lines(self, bindings: Iterable[Binding]) -> Content:
        lines = []
        for binding in bindings:
            keys = ", ".join(self.app.get_key_display(one) for one in Binding.make_bindings([binding]))
            lines.append(
                Content.assemble((f"{keys:<{KEY_WIDTH}}", "bold $text-accent"), binding.tooltip or binding.description)
            )
        return Content("\n").join(lines)
