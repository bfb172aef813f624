"""Tests of keeping several conversations."""

from textual.widgets import Input

from tests.socrates_tui.stage import Stage, say, settled, shown, until, write


async def test_the_newest_conversation_is_open_at_the_start(stage: Stage) -> None:
    with stage.corpus() as corpus:
        for prompt in ("Older", "Newer"):
            corpus.add_turn(corpus.create_conversation().id, parent=None, prompt=prompt, reply="Why?")
    async with stage.play() as (app, _):
        assert "Newer" in shown(app)
        assert "Older" not in shown(app)


async def test_without_a_conversation_the_screen_says_what_to_do(stage: Stage) -> None:
    async with stage.play() as (app, _):
        assert "Say something to Socrates." in shown(app)
    assert stage.corpus().conversations() == []


async def test_a_new_conversation_begins_with_its_first_prompt_and_the_other_can_be_opened_again(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "First")
        await pilot.press("ctrl+n")
        await say(app, pilot, "Second")
        assert "First" not in shown(app)
        await pilot.press("f2")
        assert "First" in shown(app)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.chat.turns[0].prompt == "First")
        await settled(app, pilot)
        assert "Second" not in shown(app)
        await pilot.press("ctrl+o", "n")
        await until(pilot, lambda: app.chat.conversation is None)
    assert [call.messages[0]["content"] for call in stage.engine.history] == ["First", "Second"]
    assert len(stage.corpus().conversations()) == 2


async def test_a_conversation_can_be_renamed(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "First")
        await pilot.press("f2", "r")
        app.screen.query_one(Input).value = ""
        await write(pilot, "Justice")
        await pilot.press("enter")
        await until(pilot, lambda: "Justice" in shown(app))
        await pilot.press("escape")
        assert "Socrates  Justice" in shown(app)
    (conversation,) = stage.corpus().conversations()
    assert conversation.title == "Justice"
