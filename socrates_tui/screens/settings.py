"""Looking at every setting, and changing it."""

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Input, Label, Select, Static, TextArea

from adapters.recipe import PRESETS, Preset
from socrates_errors import SettingsError
from socrates_language import LANGUAGES, tr
from socrates_tui.plain_text import plain
from socrates_tui.presets import MEANINGS
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.setting_text import LABELS, SAMPLING, TRUTHS, allowed, meaning, text_of, with_text
from socrates_tui.settings import Settings
from socrates_tui.sitting import ORDERS
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.plain_area import PlainArea


class SettingsScreen(Dialog[Settings]):
    """Every setting with what it means; what is not allowed is told and not saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", tooltip="Save every setting"),
        LEAVE,
    ]

    def __init__(
        self, settings: Settings, themes: Sequence[str], draft: str | None, keep: Callable[[str], None]
    ) -> None:
        """``draft`` is a system text that was not saved; ``keep`` is told such a one at every pause in writing."""
        super().__init__()
        self._settings = settings
        self._themes = themes
        self._draft = draft
        self._keep = keep

    def compose(self) -> ComposeResult:
        """Lay out each setting above what it means."""
        with Vertical(classes="dialog settings") as dialog:
            dialog.border_title = tr("Settings")
            with VerticalScroll(can_focus=False):
                for key, label in LABELS.items():
                    yield from self._setting(key, label)
            yield Static(id="mistake")
            yield KeyLine()

    def _setting(self, key: str, label: str) -> Iterator[Widget]:
        if key == "system_prompt":
            yield Label(tr("System text of new conversations"))
            text = self._settings.system_prompt if self._draft is None else self._draft
            area = PlainArea(text, id=_id(key))
            area.border_title = None if self._draft is None else tr("your draft, not saved yet")
            yield area
        else:
            with Horizontal():
                yield Label(tr(label))
                yield self._field(key)
        yield Static(Content(self._meaning(key)), classes="meaning", id=f"{_id(key)}-meaning")

    def _field(self, key: str) -> Widget:
        value = text_of(self._settings, key)
        match key:
            case "preset":
                return self._choice(key, value, list(PRESETS))
            case "theme":
                return self._choice(key, value, self._themes)
            case "review_order":
                return self._choice(key, value, ORDERS)
            case "language":
                return self._choice(key, value, ["auto", *LANGUAGES])
            case "tour":
                return self._choice(key, value, list(TRUTHS))
            case "base":
                return Input(value, id=_id(key), compact=True)
        return Input(value, id=_id(key), restrict=r"[0-9.]*", compact=True)

    @staticmethod
    def _choice(key: str, value: str, choices: Sequence[str]) -> Widget:
        chosen = value if value in choices else choices[0]
        return Select([(name, name) for name in choices], value=chosen, allow_blank=False, id=_id(key), compact=True)

    def _meaning(self, key: str) -> str:
        if key == "preset":
            return _preset_meaning(self._settings.preset)
        if not key.startswith(SAMPLING):
            return tr(meaning(key))
        bounds = tr("{bounds}.").format(bounds=allowed(key).capitalize())
        return f"{tr(meaning(key))} {bounds}"

    @on(Select.Changed, "#preset")
    def _preset_changed(self, event: Select.Changed) -> None:
        chosen = next(preset for preset in PRESETS if preset == event.value)
        self.query_one("#preset-meaning", Static).update(Content(_preset_meaning(chosen)))

    @on(DescendantFocus)
    def _setting_focused(self, event: DescendantFocus) -> None:
        """Let what the setting means be read with it."""
        for line in self.query(f"#{event.widget.id}-meaning"):
            line.scroll_visible(animate=False)

    # The draft of the system text

    @on(PlainArea.Paused)
    def _paused(self) -> None:
        if self in self.app.screen_stack:  # the screen may have been left within the pause
            self.keep()

    def keep(self) -> None:
        """Keep an unsaved system text as a draft; an empty one takes none away."""
        if self._system:
            self._keep(self._system if self._changed else "")

    @property
    def _system(self) -> str:
        return self.query_one(PlainArea).text.strip()

    @property
    def _changed(self) -> bool:
        return self._system != plain(self._settings.system_prompt).strip()

    # Answers

    def action_save(self) -> None:
        """Answer with the settings, or say what is wrong with them."""
        settings = self._settings
        for key in LABELS:
            try:
                settings = with_text(settings, key, self._written(key))
            except SettingsError as error:
                self.query_one("#mistake", Static).update(Content(plain(str(error))))
                self.query_one(f"#{_id(key)}").focus()
                return
        self.keep()
        self.dismiss(settings)

    def action_leave(self) -> None:
        """Leave everything as it was; a changed system text is kept as a draft."""
        self.keep()
        if self._system and self._changed:
            self.notify(tr("The unfinished system text is kept as a draft: F4 opens it again."), markup=False)
        self.dismiss(None)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_save()

    def _written(self, key: str) -> str:
        field = self.query_one(f"#{_id(key)}")
        match field:
            case TextArea():
                return field.text
            case Input():
                return field.value
            case Select():
                return str(field.value)
        raise AssertionError(key)


def _preset_meaning(preset: Preset) -> str:
    return f"{tr(meaning('preset'))} {tr(MEANINGS[preset])}"


def _id(key: str) -> str:
    return key.rpartition(".")[2]
