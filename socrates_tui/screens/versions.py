"""Choosing which version speaks."""

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import DataTable, Footer

from adapters.api import BASE
from adapters.registry import Version
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.screens.moment import moment
from socrates_tui.widgets.rows import Rows


class VersionsScreen(Dialog[str]):
    """A table of the versions, newest first, and of the base; the answer is a version's name."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, versions: Sequence[Version], active: str, base: str) -> None:
        super().__init__()
        self._versions = list(reversed(versions))
        self._active = active
        self._base = base

    def compose(self) -> ComposeResult:
        """Lay out the table."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = "Versions"
            dialog.border_subtitle = "the one you choose speaks from the next reply on"
            yield Rows()
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the table and stand on the active version."""
        table = self.query_one(Rows)
        table.add_columns("", "Name")
        table.add_column("Title", width=max(12, min(48, self.app.size.width - 64)))
        table.add_columns("From", "Examples", "Held-out", "Made")
        for version in self._versions:
            foreign = "" if version.base == self._base else f" ({version.base})"
            table.add_row(
                self._mark(version.name),
                Text(plain(version.name)),
                Text(plain(version.title + foreign), no_wrap=True, overflow="ellipsis"),
                Text(plain(version.parent)),
                Text(f"{version.examples:,}", justify="right"),
                Text("–" if version.held_out_loss is None else f"{version.held_out_loss:.3f}", justify="right"),
                Text(moment(version.created)[:10]),
                key=version.name,
            )
        table.add_row(self._mark(BASE), Text(BASE), Text("without an adapter"), *[Text("–")] * 4, key=BASE)
        table.move_cursor(row=self._names.index(self._active) if self._active in self._names else 0)

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        self.dismiss(self._names[event.cursor_row])

    @property
    def _names(self) -> list[str]:
        return [*(version.name for version in self._versions), BASE]

    def _mark(self, name: str) -> Text:
        return Text("● active" if name == self._active else "")
