"""Choosing what a version is set against."""

from collections.abc import Mapping
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import DataTable

from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.rows import Rows


class OtherVersionScreen(Dialog[str]):
    """A table of names and titles; the answer is a name."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, heading: str, titles: Mapping[str, str], at: str) -> None:
        super().__init__()
        self._heading = heading
        self._titles = titles
        self._at = at

    def compose(self) -> ComposeResult:
        """Lay out the table."""
        with Vertical(classes="dialog list") as dialog:
            dialog.border_title = self._heading
            yield Rows()
            yield KeyLine()

    def on_mount(self) -> None:
        """Fill the table and stand on what is likeliest."""
        table = self.query_one(Rows)
        table.add_columns(tr("Name"), tr("Title"))
        for name, title in self._titles.items():
            table.add_row(Text(name), Text(plain(title)), key=name)
        names = list(self._titles)
        table.move_cursor(row=names.index(self._at) if self._at in names else 0)

    @on(DataTable.RowSelected)
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        self.dismiss(list(self._titles)[event.cursor_row])
