from collections.abc import Iterator

from rich.text import Text
from textual.app import App

from socrates_tui.widgets.rows import Table
from tests.socrates_tui.stage import drawn, shown, until


async def test_row_drawn_before_its_columns_are_measured_is_drawn_again() -> None:
    class Shown(App[None]):
        def compose(self) -> Iterator[Table]:
            yield Table()

    app = Shown()
    async with app.run_test() as pilot:
        table = app.query_one(Table)
        table.add_column("a")
        await until(pilot, lambda: drawn(app))
        table.add_row(Text("a long row"))
        assert "long" not in table.render_line(1).text  # as a screen draws it that has no time to measure first
        await until(pilot, lambda: drawn(app))
        assert "a long row" in shown(app)
