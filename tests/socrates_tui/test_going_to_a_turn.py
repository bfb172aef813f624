"""Tests of going to a turn in its conversation, however long that is."""

import pytest
from textual.pilot import Pilot

from socrates_tui.app import SocratesApp
from socrates_tui.screens.conversing import SHOWN
from socrates_tui.widgets.turn_view import TurnView
from tests.corpus.talk import talk
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, until

LONG = 60


@pytest.fixture
def long(stage: Stage) -> Stage:
    """Give a stage with a conversation of sixty turns, of which 5, 30 and 58 are not reviewed."""
    with stage.corpus() as corpus:
        talk(corpus, *((f"prompt {number}", f"reply {number}") for number in range(1, LONG + 1)))
        corpus.approve(*(turn for turn in range(1, LONG + 1) if turn not in (5, 30, 58)))
    return stage


def focus(app: SocratesApp) -> int | None:
    return app.focused.turn.id if isinstance(app.focused, TurnView) and app.focused.turn is not None else None


def views(app: SocratesApp) -> list[int]:
    return [view.turn.id for view in app.chat.transcript.views if view.turn is not None]


async def next_unreviewed(app: SocratesApp, pilot: Pilot[None], turn: int) -> None:
    await pilot.press("n")
    await until(pilot, lambda: focus(app) == turn)
    await settled(app, pilot)


async def test_n_goes_to_the_next_reply_that_nobody_judged_and_after_the_last_to_the_first(long: Stage) -> None:
    async with long.play() as (app, pilot):
        await pilot.press("up", "up", "up", "up")
        assert focus(app) == 57
        await next_unreviewed(app, pilot, 58)
        await next_unreviewed(app, pilot, 5)
        assert "prompt 5" in shown(app)
        await next_unreviewed(app, pilot, 30)
        assert "prompt 30" in shown(app)


async def test_n_is_not_offered_where_everything_is_judged(long: Stage) -> None:
    async with long.play((160, 24)) as (app, pilot):
        await pilot.press("up")
        assert "Next unreviewed" in shown(app)
        with long.corpus() as corpus:
            corpus.approve(5, 30, 58)
        await pilot.press("n")
        await until(pilot, lambda: "Next unreviewed" not in shown(app).splitlines()[-1])


async def test_the_only_reply_that_nobody_judged_is_gone_to_from_the_prompt_by_the_palette(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        offered = {command.title: command for command in app.get_system_commands(app.screen)}
        assert "Next unreviewed" in offered
        app.chat.action_next_unreviewed()
        await until(pilot, lambda: focus(app) == 1)
        assert "Next unreviewed" not in {command.title for command in app.get_system_commands(app.screen)}


async def test_only_the_turns_about_the_wanted_one_are_shown_and_what_is_left_out_is_counted(long: Stage) -> None:
    async with long.play((80, 300)) as (app, pilot):
        await app.chat.go_to(30)
        await settled(app, pilot)
        assert views(app) == list(range(20, 40))
        assert "↑ 19 earlier turns" in shown(app)
        assert "↓ 21 later turns" in shown(app)
        assert shown(app).index("reply 39") < shown(app).index("↓ 21 later turns")
        await app.chat.go_to(3)
        await settled(app, pilot)
        assert views(app) == list(range(1, 21))


async def test_going_down_shows_later_turns_and_at_last_the_prompt(long: Stage) -> None:
    async with long.play((80, 300)) as (app, pilot):
        await app.chat.go_to(30)
        await settled(app, pilot)
        for _ in range(9):
            await pilot.press("down")
        assert focus(app) == 39
        await pilot.press("down")
        await until(pilot, lambda: views(app) == list(range(20, 60)))
        assert focus(app) == 39
        assert "↓ 1 later turn" in shown(app)
        app.chat.transcript.views[-1].focus()
        await pilot.press("down")
        await until(pilot, lambda: views(app)[-1] == LONG)
        assert "later turn" not in shown(app)
        app.chat.transcript.views[-1].focus()
        await pilot.press("down")
        assert app.focused is app.chat.prompt


async def test_going_up_shows_earlier_turns_and_leaves_the_later_ones_out(long: Stage) -> None:
    async with long.play((80, 300)) as (app, pilot):
        await app.chat.go_to(30)
        await settled(app, pilot)
        app.chat.transcript.views[0].focus()
        await pilot.press("up")
        await until(pilot, lambda: views(app) == list(range(1, 40)))
        assert "↓ 21 later turns" in shown(app)


async def test_a_click_shows_later_turns(long: Stage) -> None:
    async with long.play((80, 300)) as (app, pilot):
        await app.chat.go_to(30)
        await settled(app, pilot)
        await pilot.click("#later")
        await until(pilot, lambda: views(app) == list(range(20, 60)))


async def test_back_in_the_prompt_the_end_of_the_conversation_is_shown(long: Stage) -> None:
    async with long.play() as (app, pilot):
        await app.chat.go_to(30)
        await settled(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: views(app) == list(range(LONG - SHOWN + 1, LONG + 1)))
        assert app.focused is app.chat.prompt
        await say(app, pilot, "And now?")
        assert "君はどう考えるかね？" in shown(app)


async def test_a_reply_that_is_asked_for_meanwhile_stands_below_the_turns_that_are_left_out(long: Stage) -> None:
    long.engine.hold_after = 1
    async with long.play((80, 300)) as (app, pilot):
        await pilot.press(*"Hi", "enter")
        await until(pilot, long.engine.held.is_set)
        await app.chat.go_to(30)
        await pilot.pause()
        assert shown(app).index("↓ 21 later turns") < shown(app).index("speaks …")
        long.engine.go_on.set()
        await settled(app, pilot)
        assert views(app) == list(range(20, 40))
        assert "↓ 22 later turns" in shown(app)
        assert focus(app) == 30
        await pilot.press("enter")
        await until(pilot, lambda: views(app)[-1] == LONG + 1)


async def test_a_turn_that_another_program_took_away_is_told_of(long: Stage) -> None:
    async with long.play() as (app, pilot):
        await app.chat.go_to(999)
        await pilot.pause()
        assert notices(app)[0].startswith("There is no turn 999")
