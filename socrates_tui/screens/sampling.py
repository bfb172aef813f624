"""Setting how replies are drawn."""

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Input, Label, Static, TextArea

from socrates_errors import SettingsError
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.settings import Settings
from socrates_tui.widgets.plain_area import PlainArea

FIELDS: list[tuple[str, str, Callable[[str], object]]] = [
    ("temperature", "Temperature", float),
    ("top_k", "Top k", int),
    ("top_p", "Top p", float),
    ("repetition_penalty", "Repetition penalty", float),
    ("max_new_tokens", "Longest reply, tokens", int),
    ("seed", "Seed, empty draws anew", int),
]


class SamplingScreen(Dialog[Settings]):
    """The sampling settings, the seed, and the system text of new conversations."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save"), LEAVE]

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self._settings = settings

    def compose(self) -> ComposeResult:
        """Lay out one line a setting."""
        with Vertical(classes="dialog form") as dialog:
            dialog.border_title = "Settings"
            with VerticalScroll(can_focus=False):
                with Grid():
                    for key, label, kind in FIELDS:
                        yield Label(label)
                        value = getattr(self._settings.sampling, key)
                        yield Input(
                            "" if value is None else str(value),
                            id=key,
                            type="number" if kind is float else "integer",
                            compact=True,
                        )
                yield Label("System text of new conversations")
                yield PlainArea(self._settings.system_prompt, id="system")
                yield Static(id="mistake")
            yield Footer(show_command_palette=False)

    def action_save(self) -> None:
        """Answer with the settings, or say what is wrong with them."""
        try:
            self.dismiss(self._read())
        except SettingsError as error:
            self.query_one("#mistake", Static).update(Content(plain(str(error))))

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_save()

    def _read(self) -> Settings:
        fields: dict[str, object] = {}
        for key, label, kind in FIELDS:
            text = self.query_one(f"#{key}", Input).value.strip()
            if not text and key == "seed":
                fields[key] = None
                continue
            try:
                fields[key] = kind(text)
            except ValueError as error:
                raise SettingsError(f"{label} needs a number.") from error
        system = self.query_one("#system", TextArea).text.strip()
        return self._settings.with_changes(system_prompt=system, sampling=fields)
