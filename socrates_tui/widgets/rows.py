"""A table to choose a row from."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable


class Rows(DataTable[Text]):
    """Rows of text; Enter chooses the one under the cursor and is told as ``DataTable.RowSelected``."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select_cursor", "Choose", tooltip="Choose this row")]

    def __init__(self) -> None:
        super().__init__(cursor_type="row")
