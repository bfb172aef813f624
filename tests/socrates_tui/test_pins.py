"""Tests of pinned prompts in the app: they are answered by new versions, shown and rewritten."""

from textual.widgets import TextArea

from socrates_errors import EngineError
from socrates_tui.messages import PinsAnswered, PinsFailed
from socrates_tui.screens.pins import PinsScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.versions import VersionsScreen
from socrates_tui.widgets.rows import Rows
from tests.socrates_tui.scripted import STARTED, ScriptedTraining, published
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write


def pinned(stage: Stage, *exchanges: tuple[str, str]) -> list[int]:
    """Put a conversation into the corpus, all of it pinned, and return its turns."""
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation().id
        turns: list[int] = []
        for prompt, reply in exchanges:
            parent = turns[-1] if turns else None
            turns.append(corpus.add_turn(conversation, parent=parent, prompt=prompt, reply=reply, version="base").id)
        corpus.pin(*turns)
    return turns


def answers(stage: Stage) -> list[list[tuple[str, str]]]:
    with stage.corpus() as corpus:
        return [[(answer.version, answer.reply) for answer in pin.answers] for pin in corpus.pins()]


def training(version: str, *, activate: bool) -> ScriptedTraining:
    return ScriptedTraining([STARTED, published(version, activate=activate)])


async def test_p_on_a_reply_pins_its_prompt_and_unpins_it_and_undo_takes_that_back(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("up", "p")
        await settled(app, pilot)
        assert "not reviewed · pinned" in shown(app)
        await pilot.press("p")
        await settled(app, pilot)
        assert "pinned" not in shown(app)
        await pilot.press("u")
        await settled(app, pilot)
        assert "not reviewed · pinned" in shown(app)
        assert notices(app)[-1] == "Taken back: unpin."


async def test_a_new_version_answers_the_pinned_prompts_greedily_in_their_context(stage: Stage) -> None:
    pinned(stage, ("One", "1"), ("Two", "2"))
    stage.training = training(stage.version(), activate=True)
    stage.says("一つ目", "二つ目")
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
        sentence = "2 pinned prompts are answered by v0001: F3, then p shows what it says."
        assert sentence in notices(app)
        assert app.chat.engine is not None
    assert answers(stage) == [[("v0001", "一つ目")], [("v0001", "二つ目")]]
    assert [call.version for call in stage.engine.history] == ["v0001", "v0001"]
    assert [call.sampling.temperature for call in stage.engine.history] == [0.0, 0.0]
    assert [message["content"] for message in stage.engine.history[1].messages] == ["One", "1", "Two"]


async def test_a_version_that_is_only_kept_answers_too_and_the_active_one_speaks_on(stage: Stage) -> None:
    pinned(stage, ("One", "1"))
    stage.training = training(stage.version(), activate=False)
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
        await say(app, pilot, "Hi")
    assert stage.engine.swaps == ["v0001", "base"]
    assert [call.version for call in stage.engine.history] == ["v0001", "base"]
    assert stage.registry.active == "base"


async def test_what_the_user_says_goes_first_and_the_pins_go_on_afterwards(stage: Stage) -> None:
    pinned(stage, ("One", "1"), ("Two", "2"))
    stage.training = training(stage.version(), activate=False)
    stage.says("A long answer", "Reply to the user", "Answer one", "Answer two")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await until(pilot, stage.engine.held.is_set)
        stage.engine.hold_after = None
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
    asked = [(call.messages[-1]["content"], call.version) for call in stage.engine.history]
    assert asked == [("One", "v0001"), ("Hi", "base"), ("One", "v0001"), ("Two", "v0001")]
    assert answers(stage) == [[("v0001", "Answer one")], [("v0001", "Answer two")]]
    assert stage.engine.version == "base"


async def test_another_reply_is_asked_for_while_the_version_that_speaks_answers_pins(stage: Stage) -> None:
    pinned(stage, ("One", "1"))
    stage.says("A long answer", "Another reply", "Answer one")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "a")
        await until(pilot, stage.engine.held.is_set)
        stage.engine.hold_after = None
        await pilot.press("ctrl+r")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
        assert app.chat.turns[-1].reply == "Another reply"
    assert answers(stage) == [[("base", "Answer one")]]


async def test_without_pins_a_training_asks_nobody(stage: Stage) -> None:
    stage.training = training(stage.version(), activate=True)
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await settled(app, pilot)
    assert stage.engine.history == []


async def test_a_prompt_that_cannot_be_answered_keeps_no_other_from_it(stage: Stage) -> None:
    pinned(stage, ("One", "1"), ("Two", "2"))
    stage.training = training(stage.version(), activate=True)
    stage.says(EngineError("too long"), "Two again")
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
    assert answers(stage) == [[], [("v0001", "Two again")]]


async def test_a_version_that_cannot_be_swapped_in_is_told(stage: Stage) -> None:
    pinned(stage, ("One", "1"))
    stage.training = training(stage.version(), activate=False)
    stage.engine.refused = {"v0001"}
    async with stage.play() as (app, pilot):
        await pilot.press("f5", "enter")
        await until(pilot, lambda: stage.told(PinsFailed))
        assert notices(app)[-1].startswith("v0001 does not answer the pinned prompts. v0001 does not fit")
        await say(app, pilot, "Hi")
    assert stage.engine.history[0].version == "base"


async def test_the_old_and_the_new_answer_are_shown_as_a_difference(stage: Stage) -> None:
    (turn,) = pinned(stage, ("正義とは", "正義とは、秩序です。"))
    with stage.corpus() as corpus:
        corpus.answer_pin(turn, version="v0001", base="embedded", reply="正義とは何かね？")
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p")
        await settled(app, pilot)
        pane = app.screen.query_one("#pin-answer")
        assert pane.border_title == "From the turn to v0001"
        assert text_of(app.screen.query_one("#pin-difference")) == "正義とは、秩序です。何かね？"
        await pilot.press("escape")
        await settled(app, pilot)
        assert isinstance(app.screen, VersionsScreen)


async def test_a_bad_answer_is_rewritten_on_the_spot(stage: Stage) -> None:
    first, second = pinned(stage, ("One", "1"), ("Two", "2"))
    with stage.corpus() as corpus:
        for turn in (first, second):
            corpus.answer_pin(turn, version="v0001", base="embedded", reply="答えです。")
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "down", "e")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        assert app.screen.query_one(TextArea).text == "答えです。"
        app.screen.query_one(TextArea).text = "なぜかね？"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, PinsScreen))
        await settled(app, pilot)
        assert app.screen.query_one(Rows).cursor_row == 1
        assert "v0001 ✎" in shown(app)
        assert [turn.id for turn in app.chat.turns] == [first, second]
    with stage.corpus() as corpus:
        kept = corpus.siblings(second)[-1]
    assert (kept.parent, kept.reply, kept.rewrite, kept.version) == (first, "答えです。", "なぜかね？", "v0001")


async def test_an_unfinished_rewrite_of_an_answer_is_kept_as_a_draft(stage: Stage) -> None:
    (turn,) = pinned(stage, ("One", "1"))
    with stage.corpus() as corpus:
        corpus.answer_pin(turn, version="v0001", base="embedded", reply="答えです。")
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "enter")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        app.screen.query_one(TextArea).text = "なぜ"
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, PinsScreen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        assert app.screen.query_one(TextArea).text == "なぜ"
    with stage.corpus() as corpus:
        assert len(corpus.siblings(turn)) == 1


async def test_a_pin_is_taken_away_in_the_list(stage: Stage) -> None:
    pinned(stage, ("One", "1"))
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "e", "p")
        await settled(app, pilot)
        assert "Nothing is pinned" in shown(app)
    assert answers(stage) == []


async def test_the_version_that_speaks_answers_when_it_is_asked_to(stage: Stage) -> None:
    pinned(stage, ("One", "1"))
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "a")
        await until(pilot, lambda: stage.told(PinsAnswered))
        await settled(app, pilot)
        assert "1 pinned prompt is answered by base: F3, then p shows what it says." in notices(app)
    assert answers(stage) == [[("base", "君はどう考えるかね？")]]


async def test_leaving_the_app_while_pins_are_answered_waits_for_nobody(stage: Stage) -> None:
    pinned(stage, ("One", "1"), ("Two", "2"))
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await pilot.press("f3", "p", "a")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.leaving)
    assert len(stage.engine.history) == 1
    assert answers(stage) == [[], []]
