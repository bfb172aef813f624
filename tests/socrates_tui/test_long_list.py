"""Tests of the table of any length."""

from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.content import Content

from socrates_tui.widgets.long_list import PAGE, Column, LongList
from tests.socrates_tui.stage import shown


class Listed(App[None]):
    """A long list, and what it told and asked for."""

    CSS = "LongList { height: 1fr; text-wrap: nowrap; }"

    def __init__(self, count: int, columns: Sequence[Column] = (Column("Nr", 6, right=True), Column("Text"))) -> None:
        super().__init__()
        self.rows = count
        self.columns = columns
        self.read: list[tuple[int, int]] = []
        self.told: list[int | None] = []
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield LongList(*self.columns)

    @property
    def listed(self) -> LongList:
        return self.query_one(LongList)

    def cells(self, start: int, stop: int) -> list[Sequence[str | Content]]:
        self.read.append((start, stop))
        return [(str(row), Content(f"正義とは何か {row}"), "wide")[: len(self.columns)] for row in range(start, stop)]

    def on_mount(self) -> None:
        self.listed.show(self.rows, self.cells)

    def on_long_list_moved(self, event: LongList.Moved) -> None:
        self.told.append(event.row)

    def on_long_list_chosen(self, event: LongList.Chosen) -> None:
        self.chosen.append(event.row)


async def test_only_the_rows_in_sight_are_read() -> None:
    app = Listed(100_000)
    async with app.run_test(size=(40, 12)) as pilot:
        assert app.read == [(0, PAGE)]
        await pilot.press("end")
        assert app.read == [(0, PAGE), (100_000 - PAGE, 100_000)]
        assert "99999" in shown(app).splitlines()[-1]


async def test_the_cursor_moves_and_stays_in_sight_and_on_the_rows() -> None:
    app = Listed(30)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("k", "up")
        assert app.listed.cursor == 0
        await pilot.press("j", "down", "pagedown")
        assert app.listed.cursor == 13
        assert "    13  正義とは何か 13" in shown(app)
        await pilot.press("end", "down")
        assert app.listed.cursor == 29
        await pilot.press("pageup", "home")
        assert app.listed.cursor == 0
        assert shown(app).splitlines()[1].startswith("     0")
        assert app.told == [0, 1, 2, 13, 29, 18, 0]


async def test_the_heading_stays_while_the_rows_scroll() -> None:
    app = Listed(30)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("end")
        assert shown(app).splitlines()[0].startswith("    Nr  Text")


async def test_a_row_is_chosen_by_enter_and_by_a_second_click() -> None:
    app = Listed(30)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("down", "enter")
        await pilot.click(LongList, offset=(5, 5))
        assert app.listed.cursor == 4
        await pilot.click(LongList, offset=(5, 5))
        await pilot.click(LongList, offset=(5, 0))  # the heading
        assert app.chosen == [1, 4]


async def test_text_of_double_width_is_cut_at_the_end_of_its_column() -> None:
    app = Listed(1, [Column("Nr", 4), Column("Text", 9), Column("Rest")])
    async with app.run_test(size=(30, 4)):
        assert shown(app).splitlines()[1].rstrip() == "0     正義とは…  wide"


async def test_a_column_may_be_left_out_where_there_is_little_room() -> None:
    app = Listed(1, [Column("Nr", 4), Column("Text"), Column("Rest", 6, shown_from=50)])
    async with app.run_test(size=(40, 4)) as pilot:
        assert "wide" not in shown(app)
        await pilot.resize_terminal(60, 4)
        await pilot.pause()
        assert "wide" in shown(app)


async def test_an_empty_list_has_no_row_to_choose() -> None:
    app = Listed(0)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("enter", "down", "end")
        assert app.listed.row is None
        assert (app.told, app.chosen) == ([None], [])


async def test_rows_that_became_fewer_keep_the_cursor_on_the_last() -> None:
    app = Listed(30)
    async with app.run_test(size=(40, 12)) as pilot:
        await pilot.press("end")
        app.listed.show(3, app.cells, app.listed.cursor)
        await pilot.pause()
        assert app.listed.row == 2
        assert "正義とは何か 0" in shown(app)


async def test_rows_that_say_something_else_are_read_again() -> None:
    app = Listed(3)
    async with app.run_test(size=(40, 12)) as pilot:
        app.listed.read_again()
        await pilot.pause()
        assert app.read == [(0, 3), (0, 3)]
