"""Tables of text: one to read, and one to choose a row from."""

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey


class Table(DataTable[Text]):
    """Rows of text; a row that is drawn before its columns were measured is drawn again when they are."""

    def _update_dimensions(self, new_rows: Iterable[RowKey]) -> None:
        super()._update_dimensions(new_rows)
        # a DataTable keeps the lines that it drew with the former widths: textual's issue 4470
        self._clear_caches()
        self.refresh()


class Rows(Table):
    """Rows of text; Enter chooses the one under the cursor and is told as ``DataTable.RowSelected``."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Choose", tooltip="Choose this row")]

    def __init__(self) -> None:
        super().__init__(cursor_type="row")
