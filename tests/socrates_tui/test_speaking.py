"""Tests of asking the engine and of keeping its replies."""

from adapters.api import Sampling
from corpus.records import Turn
from socrates_errors import CorpusError, EngineError
from socrates_tui.messages import ReplyFailed, ReplyFinished, ReplyStreamed, SpeechEnded
from socrates_tui.settings import Settings
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.reply_markdown import ReplyMarkdown
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write

REPLY = "君にとって正義とは**何か**ね？"


async def test_a_prompt_is_asked_and_its_reply_streamed_and_kept_as_one_turn(stage: Stage) -> None:
    stage.says(REPLY)
    async with stage.play() as (app, pilot):
        await say(app, pilot, "正義とは")
        assert [message.text for message in stage.told(Prompt.Sent)] == ["正義とは"]  # type: ignore[attr-defined]
        streamed = [message.text for message in stage.told(ReplyStreamed)]  # type: ignore[attr-defined]
        assert "".join(streamed) == REPLY
        assert len(stage.told(ReplyFinished)) == 1
        assert len(stage.told(SpeechEnded)) == 1
        assert "君にとって正義とは何かね？" in shown(app)
    (conversation,) = stage.corpus().conversations()
    (turn,) = stage.corpus().thread(conversation.id)
    assert (turn.prompt, turn.reply, turn.version, turn.base) == ("正義とは", REPLY, "base", "embedded")
    assert (turn.seed, turn.stopped_by, turn.tokens_per_s) == (7, "end_of_turn", 12.5)
    assert turn.sampling["temperature"] == 0.8


async def test_the_engine_is_asked_with_the_system_text_and_every_turn_before(stage: Stage) -> None:
    stage.settings = Settings(system_prompt="Ask, never tell.")
    stage.says("What is good?", "For whom?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
    assert stage.engine.history[1].messages == [
        {"role": "system", "content": "Ask, never tell."},
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "What is good?"},
        {"role": "user", "content": "Two"},
    ]
    assert stage.engine.history[1].sampling == Sampling()


async def test_the_status_line_tells_speed_context_and_version_after_a_reply(stage: Stage) -> None:
    stage.says("x" * 1200)
    async with stage.play() as (app, pilot):
        assert text_of(app.chat.status) == "embedded · base · – tok/s · context 0/32,768 · 0 new examples"
        await say(app, pilot, "Hello")
        assert text_of(app.chat.status) == "embedded · base · 12.5 tok/s · context 1,205/32,768 · 0 new examples"


async def test_it_is_told_when_a_conversation_is_longer_than_the_context(stage: Stage) -> None:
    stage.says("One?", "Two?", "Three?", "Four?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "First")
        assert notices(app) == []
        for left_out in (2, 2, 3):
            stage.engine.left_out = left_out
            await say(app, pilot, "And then?")
            assert f"{left_out} oldest turns not read" in text_of(app.chat.status)
        assert notices(app) == [
            "The conversation is longer than the context: its 2 oldest turns were not read for this reply.",
            "The conversation is longer than the context: its 3 oldest turns were not read for this reply.",
        ]
        await pilot.press("ctrl+n")
        assert "not read" not in text_of(app.chat.status)


async def test_a_blank_prompt_is_not_sent(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("space", "enter")
        assert stage.told(Prompt.Sent) == []
        assert app.chat.prompt.text == " "


async def test_ctrl_j_and_shift_enter_begin_new_lines_and_pasted_lines_stay_one_prompt(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("a", "ctrl+j", "b", "shift+enter", "c")
        assert app.chat.prompt.text == "a\nb\nc"
        await pilot.press("enter")
        await settled(app, pilot)
    assert stage.engine.history[0].messages[-1]["content"] == "a\nb\nc"


async def test_escape_stops_a_reply_and_what_was_said_is_kept_as_a_whole_turn(stage: Stage) -> None:
    stage.says("What do you mean by that?")
    stage.engine.hold_after = 2
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("escape")
        await settled(app, pilot)
        assert "stopped" in shown(app)
    (conversation,) = stage.corpus().conversations()
    (turn,) = stage.corpus().thread(conversation.id)
    assert (turn.reply, turn.stopped_by) == ("What do", "user")


async def test_a_reply_stopped_before_its_first_word_gives_the_prompt_back(stage: Stage) -> None:
    stage.engine.hold_after = 0
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("escape")
        await settled(app, pilot)
        assert app.chat.prompt.text == "Hi"
        assert app.chat.transcript.views == []
    assert stage.corpus().conversations() == []


async def test_an_empty_reply_is_not_kept_and_the_user_is_told(stage: Stage) -> None:
    stage.says("")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert app.chat.prompt.text == "Hi"
        assert "The reply was empty" in notices(app)[0]


async def test_a_failure_is_told_and_the_prompt_given_back(stage: Stage) -> None:
    stage.says(EngineError("The prompt is longer than the context: shorten it."))
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert len(stage.told(ReplyFailed)) == 1
        assert notices(app) == ["The prompt is longer than the context: shorten it."]
        assert app.chat.prompt.text == "Hi"


async def test_an_unforeseen_failure_leaves_the_window_open(stage: Stage) -> None:
    stage.says(RuntimeError("boom"), "Still here?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert notices(app) == ["The engine failed (RuntimeError): the log says more. Try again."]
        await pilot.press("enter")
        await settled(app, pilot)
        assert "Still here?" in shown(app)


async def test_a_reply_that_cannot_be_kept_gives_the_prompt_back_and_says_why(stage: Stage) -> None:
    def refuse(*_: object, **__: object) -> Turn:
        raise CorpusError("The disk is full; make room, then try again.")

    async with stage.play() as (app, pilot):
        app.chat.corpus.add_turn = refuse  # type: ignore[method-assign]
        await say(app, pilot, "Hi")
        assert notices(app) == ["The reply could not be kept. The disk is full; make room, then try again."]
        assert app.chat.prompt.text == "Hi"


async def test_asking_twice_for_another_reply_gives_one(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await app.run_action("regenerate", app.chat)
        await app.run_action("regenerate", app.chat)
        await settled(app, pilot)
        assert "‹ 2 of 2 ›" in shown(app)
    assert len(stage.engine.history) == 2


async def test_what_is_said_during_a_reply_is_answered_after_it(stage: Stage) -> None:
    stage.says("First reply", "Second reply")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await write(pilot, "One")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await write(pilot, "Two")
        await pilot.press("enter")
        assert "waits its turn" in shown(app)
        stage.engine.go_on.set()
        await until(pilot, lambda: len(stage.engine.history) == 2)
        await settled(app, pilot)
        assert [turn.prompt for turn in app.chat.turns] == ["One", "Two"]
    assert [turn["content"] for turn in stage.engine.history[1].messages] == ["One", "First reply", "Two"]


async def test_regenerating_keeps_the_old_reply_beside_the_new_one_and_the_arrows_flip_between_them(
    stage: Stage,
) -> None:
    stage.says("One way", "Another way")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "How?")
        await pilot.press("ctrl+r")
        await settled(app, pilot)
        assert "Another way" in shown(app)
        assert "One way" not in shown(app)
        assert "‹ 2 of 2 ›" in shown(app)
        await pilot.press("up", "left")
        await settled(app, pilot)
        assert "One way" in shown(app)
        assert "‹ 1 of 2 ›" in shown(app)
        await pilot.press("left")
        await pilot.press("right")
        await settled(app, pilot)
        assert "Another way" in shown(app)
    assert stage.engine.history[0].messages == stage.engine.history[1].messages


async def test_a_reply_goes_on_while_another_conversation_is_on_the_screen(stage: Stage) -> None:
    stage.says("A long answer indeed")
    stage.engine.hold_after = 2
    async with stage.play() as (app, pilot):
        await write(pilot, "First")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("ctrl+n")
        await pilot.pause()
        assert "First" not in shown(app)
        stage.engine.go_on.set()
        await settled(app, pilot)
        assert app.chat.turns == []
        await pilot.press("f2", "enter")
        await settled(app, pilot)
        assert "A long answer indeed" in shown(app)


async def test_coming_back_to_a_reply_under_way_shows_what_was_said_so_far_and_the_rest(stage: Stage) -> None:
    stage.says("Earlier.", "One two three")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "First")
        stage.engine.hold_after = 1
        await write(pilot, "Second")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        await pilot.press("ctrl+n")
        await pilot.pause()
        await pilot.press("f2", "enter")
        await until(pilot, lambda: "Second" in shown(app))
        await until(pilot, lambda: app.chat.query(ReplyMarkdown).last().source == "One ")
        stage.engine.go_on.set()
        await settled(app, pilot)
        assert "One two three" in shown(app)


async def test_the_seed_of_the_settings_is_asked_for(stage: Stage) -> None:
    stage.settings = Settings().with_changes(sampling={"seed": 42})
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
    assert stage.engine.history[0].sampling.seed == 42


async def test_another_reply_to_a_prompt_is_drawn_with_the_next_seed(stage: Stage) -> None:
    stage.settings = Settings().with_changes(sampling={"seed": 2**32 - 2})
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        for _ in range(2):
            await pilot.press("ctrl+r")
            await settled(app, pilot)
        await say(app, pilot, "And")
    asked = [call.sampling.seed for call in stage.engine.history]
    assert asked == [2**32 - 2, 2**32 - 1, 0, 2**32 - 2]
