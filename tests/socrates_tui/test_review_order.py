"""Tests of the review's orders, and of weighing what waits while the chat goes on."""

from threading import Event

import pytest

from corpus.losses import Loss, Scales
from socrates_tui.app import SocratesApp
from socrates_tui.messages import PinsAnswered, VersionActivated, WeighingEnded, WeighingFailed, WeighingProgressed
from socrates_tui.screens.review import ReviewScreen
from socrates_tui.settings import Settings
from socrates_tui.weighing import Weighed
from tests.corpus.talk import talk
from tests.socrates_tui.stage import Stage, notices, reviewing, say, settled, shown, text_of, until, write
from tests.writer import another_program_writing

METER = "What seems worst comes first, by the style meter (o: by loss)"
LOSS = "The highest loss comes first (o: by disagreement)"
DISAGREEMENT = "What versions disagree about most comes first (o: by style)"
REPLIES = ("君はどう思うかね？", "では、勇気の例を挙げてくれ。", "Virtue is knowledge.")


@pytest.fixture
def said(stage: Stage) -> Stage:
    """Give a stage with three replies that nobody judged, on which v0002 and its parent v0001 differ; v0002 speaks."""
    stage.version()
    stage.registry.activate(stage.version(parent="v0001"))
    with stage.corpus() as corpus:
        talk(corpus, ("正義とは何ですか", REPLIES[0]), ("勇気とは", REPLIES[1]))
        talk(corpus, ("What is virtue?", REPLIES[2]))
    for reply, of_version, of_parent in zip(REPLIES, (1.0, 3.0, 2.0), (1.25, 3.0, 4.0), strict=True):
        stage.engine.weights |= {("v0002", reply): of_version, ("v0001", reply): of_parent}
    return stage


def order(app: SocratesApp) -> str:
    return text_of(app.screen.query_one("#order"))


def rows(screen: ReviewScreen) -> list[tuple[str, ...]]:
    """Return style, loss and disagreement of each row."""
    return [tuple(str(cell) for cell in row[2:]) for row in screen._rows(0, 9)]


def ids(screen: ReviewScreen) -> list[int]:
    return [turn.id for turn in screen._turns]


async def test_o_goes_through_the_orders_and_the_order_is_there_at_the_next_start(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        assert order(app) == METER
        assert shown(app).splitlines()[2].split()[:2] == ["Prompt", "Style│"]
        await pilot.press("w")
        await until(pilot, lambda: said.told(WeighingEnded))
        await pilot.press("o")
        await pilot.pause()
        assert order(app) == LOSS
        assert ids(screen) == [2, 3, 1]
        assert screen.turn is not None
        assert screen.turn.id == 2
        assert "3.00" in shown(app)
        await pilot.press("o")
        await pilot.pause()
        assert order(app) == DISAGREEMENT
        assert ids(screen) == [3, 1, 2]
        assert [row[1:] for row in rows(screen)] == [("2.00", "2.00"), ("1.00", "0.25"), ("3.00", "0.00")]
        card = text_of(screen.query_one("#card-worth"))
        assert card.endswith(" · loss 2.00 under v0002 · disagreement with v0001 2.00")
    assert Settings.load(said.home.config).review_order == "disagreement"
    said.settings = Settings.load(said.home.config)
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        assert ids(screen) == [3, 1, 2]
        await pilot.press("o")
        await pilot.pause()
        assert order(app) == METER


async def test_what_is_not_weighed_comes_last_and_is_counted_in_words(said: Stage) -> None:
    with said.corpus() as corpus:
        corpus.keep_losses([Loss(1, Scales("embedded", "v0002", "v0001"), 1.0, 1.0)])
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("o")
        await pilot.pause()
        assert ids(screen) == [1, 3, 2]
        assert [row[1] for row in rows(screen)] == ["1.00", "–", "–"]
        counted = "2 replies are not weighed yet and come last"
        assert order(app) == f"{LOSS} · {counted} · w weighs"
        await until(pilot, lambda: counted in " ".join(line.strip() for line in shown(app).splitlines()))
        await pilot.press("j")
        await until(pilot, lambda: text_of(screen.query_one("#card-worth")).endswith(" · not weighed yet"))


async def test_w_weighs_what_waits_and_tells_how_far_that_is(said: Stage) -> None:
    said.engine.hold_weighing = 2
    async with said.play((120, 40)) as (app, pilot):
        screen = await reviewing(app, pilot)
        assert "w Weigh" in shown(app).splitlines()[-1]
        await pilot.press("o", "w")
        await until(pilot, said.engine.held.is_set)
        await until(pilot, lambda: screen.weighing == Weighed(1, 3))
        counted = "2 replies are not weighed yet and come last"
        await until(pilot, lambda: order(app) == f"{LOSS} · {counted} · weighing, 1 of 3 done, w stops")
        assert "w Stop weighing" in shown(app).splitlines()[-1]
        await pilot.press("escape")
        await until(pilot, lambda: "weighing 1/3" in shown(app))
        said.engine.go_on.set()
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
        assert "weighing" not in shown(app)
        assert notices(app)[-1] == "Every reply that waits is weighed by v0002: o puts them into order."
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, lambda: notices(app)[-1] == "Every reply that waits is weighed already.")
    progressed = [event.weighed for event in said.told(WeighingProgressed) if isinstance(event, WeighingProgressed)]
    assert progressed == [Weighed(1, 3), Weighed(3, 3)]
    assert said.engine.weighed == [("v0002", "v0001", REPLIES[2]), ("v0002", "v0001", *REPLIES[:2])]
    with said.corpus() as corpus:
        assert corpus.losses([2]) == {2: Loss(2, Scales("embedded", "v0002", "v0001"), 3.0, 3.0)}


async def test_what_the_user_says_goes_first_and_the_weighing_goes_on_afterwards(said: Stage) -> None:
    said.engine.hold_weighing = 2
    said.says("なぜかね？")
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, said.engine.held.is_set)
        await pilot.press("escape")
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
        assert app.chat.turns[-1].reply == "なぜかね？"
    assert [call.version for call in said.engine.history] == ["v0002"]
    assert said.engine.swaps == ["v0002"]
    # The held piece was stopped, and is weighed again after the reply, which is weighed before it as the newer.
    assert [weighed[2:] for weighed in said.engine.weighed][:2] == [(REPLIES[2],), REPLIES[:2]]
    with said.corpus() as corpus:
        assert {*corpus.losses([1, 2, 3, 4])} == {1, 2, 3, 4}


async def test_w_again_stops_it_and_what_was_weighed_is_kept(said: Stage) -> None:
    said.engine.hold_weighing = 2
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, said.engine.held.is_set)
        await pilot.press("w")
        await settled(app, pilot)
        assert screen.weighing is None
        assert notices(app)[-1] == "Nothing more is weighed. What was weighed is kept; w goes on with the rest."
        with said.corpus() as corpus:
            assert {*corpus.losses([1, 2, 3])} == {3}
        said.engine.hold_weighing = None
        await pilot.press("w")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
        assert said.engine.weighed[2:] == [("v0002", "v0001", *REPLIES[:2])]


async def test_another_version_makes_the_figures_stale_and_is_weighed_anew(said: Stage) -> None:
    async with said.play((120, 40)) as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("o", "w")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
        app.use("v0001")
        await until(pilot, lambda: said.told(VersionActivated))
        await settled(app, pilot)
        assert order(app) == f"{LOSS} · 3 replies are not weighed yet and come last · w weighs"
        assert [row[1:] for row in rows(screen)] == [("(2.00)", "(2.00)"), ("(3.00)", "(0.00)"), ("(1.00)", "(0.25)")]
        card = text_of(screen.query_one("#card-worth"))
        assert card.endswith("disagreement with v0001 2.00 · not weighed yet by v0001, which speaks now")
        await pilot.press("w")
        await until(pilot, lambda: len(said.told(WeighingEnded)) == 2)
        await until(pilot, lambda: order(app) == LOSS)
        assert [row[1] for row in rows(screen)] == ["4.00", "3.00", "1.25"]
    assert said.engine.weighed[2:] == [("base", REPLIES[2]), ("base", *REPLIES[:2])]


async def test_while_it_weighs_the_version_speaks_that_was_chosen_meanwhile(said: Stage) -> None:
    said.engine.hold_weighing = 2
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, said.engine.held.is_set)
        said.engine.hold_weighing, said.engine.held = 3, Event()
        app.use("v0001")
        await until(pilot, said.engine.held.is_set)
        assert app.chat.engine is not None
        await pilot.press("escape")
        await say(app, pilot, "Hi")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
    assert [call.version for call in said.engine.history] == ["v0001"]
    assert said.engine.weighed[2] == ("base", REPLIES[2])
    with said.corpus() as corpus:
        assert {loss.scales.version for loss in corpus.losses([1, 2, 3, 4]).values()} == {"v0001"}


async def test_pinned_prompts_are_answered_before_the_weighing_goes_on(said: Stage) -> None:
    with said.corpus() as corpus:
        corpus.pin(1)
    said.engine.hold_weighing = 2
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, said.engine.held.is_set)
        await pilot.press("escape", "f3", "p", "a")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
    kinds = [type(message) for message in said.heard if isinstance(message, PinsAnswered | WeighingEnded)]
    assert kinds == [PinsAnswered, WeighingEnded]


async def test_without_the_model_nothing_is_weighed_and_it_says_what_to_do(said: Stage) -> None:
    said.terms_accepted = False
    async with said.play() as (app, pilot):
        await pilot.press("enter")
        await settled(app, pilot)
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, lambda: notices(app))
        assert notices(app) == ["Without the model nothing is weighed: Esc goes to the chat, where F9 loads it."]


async def test_a_parent_that_cannot_be_swapped_in_is_told_and_the_version_speaks_on(said: Stage) -> None:
    said.engine.refused = {"v0001"}
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, lambda: said.told(WeighingFailed))
        await settled(app, pilot)
        assert notices(app)[-1].startswith("v0001 does not fit this base: train it again. The weighing broke off")
        assert screen.weighing is None
        await pilot.press("escape")
        await say(app, pilot, "Hi")
    assert [call.version for call in said.engine.history] == ["v0002"]


async def test_a_reply_without_room_in_the_context_is_told_and_keeps_its_dash(said: Stage) -> None:
    said.engine.weights |= {("v0002", REPLIES[1]): None}
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("o", "w")
        await until(pilot, lambda: said.told(WeighingEnded))
        await settled(app, pilot)
        assert notices(app)[-1].endswith("1 is longer than the context and has no loss.")
        await until(pilot, lambda: ids(screen) == [3, 1, 2])
        assert [row[1] for row in rows(screen)] == ["2.00", "1.00", "–"]


async def test_an_order_is_chosen_while_another_program_writes(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        with another_program_writing(said.home.database):
            await pilot.press("o")
            await pilot.pause()
            assert order(app).startswith(LOSS)
            assert ids(screen) == [3, 2, 1]


async def test_leaving_the_app_while_it_weighs_waits_for_nobody(said: Stage) -> None:
    said.engine.hold_weighing = 1
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("w")
        await until(pilot, said.engine.held.is_set)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.leaving)
    with said.corpus() as corpus:
        assert corpus.losses([1, 2, 3]) == {}
