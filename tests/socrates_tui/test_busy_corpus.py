"""Tests of the app while another program writes to the corpus: it goes on, and nothing that was said is lost."""

from corpus.backup import back_up, restore
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, until, write
from tests.writer import another_program_writing


async def test_a_reply_is_stored_once_the_other_program_has_ended(stage: Stage) -> None:
    stage.says("First.", "Second.", "Third.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        with another_program_writing(stage.home.database):
            await say(app, pilot, "Two")
            await until(pilot, lambda: "waits to be stored" in shown(app))
            assert "Second." in shown(app)
            assert "is busy: another program is writing to it" in notices(app)[0]
            assert notices(app)[0].endswith("The reply is kept, and stored as soon as that has ended.")
            await write(pilot, "Three")
            await pilot.press("enter")
            assert "waits its turn" in shown(app)
        await until(pilot, lambda: "Third." in shown(app))
        await settled(app, pilot)
        assert [(turn.prompt, turn.reply) for turn in app.chat.turns] == [
            ("One", "First."),
            ("Two", "Second."),
            ("Three", "Third."),
        ]
        assert app.chat.prompt.text == ""
        assert "unstored" not in stage.drafts()
    assert stage.engine.history[2].messages[-2]["content"] == "Second."


async def test_a_reply_that_could_not_be_stored_before_leaving_is_stored_at_the_next_start(stage: Stage) -> None:
    stage.says("What do you mean?")
    stage.engine.hold_after = 1
    async with stage.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, stage.engine.held.is_set)
        with another_program_writing(stage.home.database):
            stage.engine.go_on.set()
            await until(pilot, lambda: "waits to be stored" in shown(app))
            await pilot.press("ctrl+q")
            await until(pilot, lambda: app._exit)
    assert stage.corpus().conversations() == []
    async with stage.play() as (app, _):
        assert app.chat.prompt.text == ""
        assert "unstored" not in stage.drafts()
    (conversation,) = stage.corpus().conversations()
    (turn,) = stage.corpus().thread(conversation.id)
    assert (turn.prompt, turn.reply, turn.seed) == ("Hi", "What do you mean?", 7)


async def test_a_rewrite_is_stored_once_the_other_program_has_ended(stage: Stage) -> None:
    stage.says("I know.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        with another_program_writing(stage.home.database):
            await pilot.press("ctrl+e")
            await write(pilot, " Nothing.")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: notices(app))
            assert notices(app)[0].endswith("Your rewrite is kept, and stored as soon as that has ended.")
            await pilot.press("ctrl+e")
            await until(pilot, lambda: "your draft" in shown(app))
            await pilot.press("escape")
        await until(pilot, lambda: app.chat.turns[0].rewrite == "I know. Nothing.")
        assert not stage.drafts().strip("{} \n")


async def test_a_rewrite_written_meanwhile_stays_a_draft_when_the_one_before_is_stored(stage: Stage) -> None:
    stage.says("I know.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        with another_program_writing(stage.home.database):
            await pilot.press("ctrl+e")
            await write(pilot, " Nothing.")
            await pilot.press("ctrl+s")
            await until(pilot, lambda: notices(app))
            await pilot.press("ctrl+e")
            await write(pilot, " More.")
            await pilot.press("escape")
        await until(pilot, lambda: app.chat.turns[0].rewrite == "I know. Nothing.")
        assert "I know. Nothing. More." in stage.drafts()


async def test_a_verdict_that_cannot_be_given_now_says_so_and_reading_goes_on(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        with another_program_writing(stage.home.database):
            await pilot.press("up", "a")
            await until(pilot, lambda: notices(app))
            assert notices(app)[0].endswith("Wait until that has ended, then try again.")
            await pilot.press("f2")
            await until(pilot, lambda: "Conversations" in shown(app))
            await pilot.press("enter")
            await settled(app, pilot)
        await pilot.press("up", "a")
        await until(pilot, lambda: app.chat.turns[0].verdict == "approved")


async def test_the_first_prompt_of_a_conversation_is_given_back_until_it_can_be_begun(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        with another_program_writing(stage.home.database):
            await write(pilot, "Hi")
            await pilot.press("enter")
            await until(pilot, lambda: notices(app))
            assert app.chat.prompt.text == "Hi"
        await pilot.press("enter")
        await settled(app, pilot)
        assert app.chat.turns[0].prompt == "Hi"


async def test_the_app_starts_and_ends_while_another_program_writes(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
    with another_program_writing(stage.home.database):
        async with stage.play() as (app, _):
            assert "Hi" in shown(app)


async def test_the_app_goes_on_when_another_program_restores_a_corpus_without_its_conversation(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        backup = back_up(stage.home.database)
        await say(app, pilot, "Hi")
        restore(stage.home.database, backup)
        await write(pilot, "Are you there?")
        await pilot.press("enter")
        await settled(app, pilot)
        assert "Another program took this conversation away: F2 lists those there are." in notices(app)
        assert app.chat.prompt.text == "Are you there?"
        await pilot.press("enter")
        await settled(app, pilot)
        assert [turn.prompt for turn in app.chat.turns] == ["Are you there?"]
