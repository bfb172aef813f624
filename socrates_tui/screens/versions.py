"""Choosing a version, and what to do with it."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from adapters.api import BASE
from adapters.registry import Version
from socrates_errors import SocratesError
from socrates_language import tr
from socrates_tui.brief import brief
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.side_by_side import NOTHING, picks_sentence
from socrates_tui.version_figures import VersionFigures
from socrates_tui.version_tree import version_tree
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows

Act = Literal["use", "rename", "note", "export", "import", "delete", "compare", "blind", "pins"]

DIALOG = 110
"""How wide the dialog is, where the terminal is wide enough."""
OTHER_COLUMNS = 58
"""What frame, padding and the columns beside name and title take of it."""
OF_A_VERSION = ("rename", "note", "export")
"""Actions that the base does not know; nor do they work on what is damaged."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ChosenVersion:
    """What to do with which version, or with the base."""

    version: str
    act: Act = "use"


class VersionsScreen(Dialog[ChosenVersion]):
    """The base and below it the versions as a tree. What is slow to know of them comes when it is known."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "rename", "Rename", tooltip="Give the version another title"),
        Binding("n", "note", "Note", tooltip="Write a note beside the version"),
        Binding("c", "compare", "Compare", tooltip="Set the figures of two versions side by side"),
        Binding("b", "blind", "Blind", tooltip="Let two versions reply without their names"),
        Binding("p", "pins", "Pinned", tooltip="Show what versions answer to pinned prompts"),
        # Named in the dialog's frame: the footer has no room for them.
        Binding("x", "export", "Export", show=False, tooltip="Copy the version to a directory"),
        Binding("i", "import", "Import", show=False, tooltip="Take in a version from a directory"),
        Binding("delete", "delete", "Delete", show=False, tooltip="Delete the version for good"),
        LEAVE,
    ]

    @dataclass
    class Measured(Message):
        """The figures of the versions were read."""

        figures: Mapping[str, VersionFigures]

    @dataclass
    class Unmeasured(Message):
        """The figures cannot be read."""

        reason: str

    def __init__(
        self,
        versions: Sequence[Version],
        damaged: Sequence[str],
        *,
        active: str,
        before: str | None,
        base: str,
        at: str | None,
        measure: Callable[[], Mapping[str, VersionFigures]],
    ) -> None:
        """``at`` is where the cursor stands, None for the active version; ``measure`` may be slow."""
        super().__init__()
        self._tree = version_tree(versions)
        self._versions = {version.name: version for version in versions}
        self._damaged = damaged
        self._active = active
        self._before = before
        self._base = base
        self._at = active if at is None else at
        self._measure = measure
        self._figures: Mapping[str, VersionFigures] = {}

    def compose(self) -> ComposeResult:
        """Lay out the table, and what is told of the row under the cursor."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = tr("Versions")
            dialog.border_subtitle = tr("Enter lets it speak · x Export · i Import · Del Delete")
            yield Rows()
            yield Static(id="version-told")
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table, stand where the user was, and begin to read the figures."""
        table = self.query_one(Rows)
        table.add_column("")
        table.add_column(tr("Name"))
        table.add_column(tr("Title"), width=self._title_width)
        table.add_column(tr("Examples"))
        table.add_column(tr("Held-out"), key="held-out")
        table.add_column(tr("Edits"), key="edits", width=5)
        table.add_column(tr("Picked"), key="picked", width=6)
        table.add_column(tr("Made"))
        table.add_row(self._mark(BASE), Text(BASE), Text(tr("without an adapter")), *[Text("")] * 5, key=BASE)
        for version, lines in self._tree:
            title = version.title if version.base == self._base else f"{version.title} ({version.base})".strip()
            table.add_row(
                self._mark(version.name),
                Text(plain(lines + version.name)),
                Text(plain(title), no_wrap=True, overflow="ellipsis"),
                Text(f"{version.examples:,}", justify="right"),
                Text(""),
                Text(""),
                Text(""),
                Text(moment(version.created)[:10]),
                key=version.name,
            )
        for name in self._damaged:
            table.add_row(Text("!"), Text(name), Text(tr("damaged")), *[Text("")] * 5, key=name)
        names = self._names
        table.move_cursor(row=names.index(self._at) if self._at in names else 0)
        self._show_figures()
        self._read_figures()

    @work(thread=True, group="figures", exit_on_error=False)
    def _read_figures(self) -> None:
        try:
            self.post_message(self.Measured(self._measure()))
        except Exception as error:  # whatever is wrong with a file, the versions can be chosen
            log.exception("no figures")
            unread = tr("The figures cannot be read: {reason}.").format(reason=brief(error))
            reason = str(error) if isinstance(error, SocratesError) else unread
            self.post_message(self.Unmeasured(reason))

    @on(Measured)
    def _measured(self, event: Measured) -> None:
        self._figures = event.figures
        self._show_figures()
        self._tell()

    @on(Unmeasured)
    def _unmeasured(self, event: Unmeasured) -> None:
        self.notify(plain(event.reason), severity="error", markup=False)

    def _show_figures(self) -> None:
        table = self.query_one(Rows)
        for name in [BASE, *self._versions]:
            figures = self._figures_of(name)
            edits = NOTHING if figures.edit_distance is None else f"{figures.edit_distance:.0%}"
            loss = NOTHING if figures.held_out_loss is None else f"{figures.held_out_loss:.3f}"
            table.update_cell(name, "held-out", Text(loss, justify="right"))
            share = figures.tally.share
            picked = NOTHING if share is None else f"{share:.0%}"
            table.update_cell(name, "edits", Text(edits, justify="right"))
            table.update_cell(name, "picked", Text(picked, justify="right"))

    def _figures_of(self, name: str) -> VersionFigures:
        version = self._versions.get(name)
        return self._figures.get(name) or VersionFigures(None if version is None else version.held_out_loss)

    @on(DataTable.RowHighlighted)
    def _row_highlighted(self) -> None:
        self._tell()
        self.refresh_bindings()

    def _tell(self) -> None:
        """Tell in words what the table has no room for."""
        name = self._under_cursor
        version, figures = self._versions.get(name), self._figures_of(name)
        if name in self._damaged:
            sentences = [tr("{version} is damaged and cannot speak: Delete removes it.").format(version=name)]
        else:
            sentences = [
                version.note if version else "",
                tr("It is active.") if name == self._active else "",
                tr("It was active before.") if name == self._before else "",
                figures.from_parent,
                figures.edits,
                *(picks_sentence(other, name, tally) for other, tally in sorted(figures.picks.items())),
            ]
        self.query_one("#version-told", Static).update(Content(plain("\n".join(filter(None, sentences)))))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Deny what the row under the cursor cannot be asked for."""
        if not super().check_action(action, parameters):
            return False
        if not self.is_mounted:
            return True
        name = self._under_cursor
        if action in OF_A_VERSION:
            return name in self._versions
        if action in ("compare", "blind"):
            return name not in self._damaged and bool(self._versions)
        return name != BASE if action == "delete" else True

    @on(DataTable.RowSelected)
    def _row_selected(self) -> None:
        if self._under_cursor not in self._damaged:
            self._answer("use")

    def action_rename(self) -> None:
        """Answer that the version shall have another title."""
        self._answer("rename")

    def action_note(self) -> None:
        """Answer that the version shall have another note."""
        self._answer("note")

    def action_compare(self) -> None:
        """Answer that the version shall be compared with another."""
        self._answer("compare")

    def action_blind(self) -> None:
        """Answer that the version shall reply beside another, without names."""
        self._answer("blind")

    def action_pins(self) -> None:
        """Answer that the pinned prompts shall be shown."""
        self._answer("pins")

    def action_export(self) -> None:
        """Answer that the version shall be copied to a directory."""
        self._answer("export")

    def action_import(self) -> None:
        """Answer that a version shall be taken in from a directory."""
        self._answer("import")

    def action_delete(self) -> None:
        """Answer that the version shall be deleted."""
        self._answer("delete")

    def _answer(self, act: Act) -> None:
        self.dismiss(ChosenVersion(self._under_cursor, act))

    @property
    def _title_width(self) -> int:
        """How many cells the other columns leave for the titles."""
        drawn = max((len(lines + version.name) for version, lines in self._tree), default=len(BASE))
        return max(12, min(self.app.size.width, DIALOG) - OTHER_COLUMNS - drawn)

    @property
    def _names(self) -> list[str]:
        return [BASE, *(version.name for version, _ in self._tree), *self._damaged]

    @property
    def _under_cursor(self) -> str:
        return self._names[self.query_one(Rows).cursor_row]

    def _mark(self, name: str) -> Text:
        return Text("●" if name == self._active else " ")
