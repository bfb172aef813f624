"""Tests of keeping several conversations."""

from textual.widgets import Input

from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.widgets.conversation_list import PAGE, ConversationList, ConversationRows
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


def listed(stage: Stage, *prompts: str) -> list[int]:
    """Store a conversation for each prompt; return their ids."""
    with stage.corpus() as corpus:
        made = [corpus.create_conversation().id for _ in prompts]
        for conversation, prompt in zip(made, prompts, strict=True):
            corpus.add_turn(conversation, parent=None, prompt=prompt, reply=f"Why {prompt}?")
    return made


async def test_what_is_typed_searches_titles_and_what_was_said(stage: Stage) -> None:
    listed(stage, "Courage", "正義とは")
    async with stage.play() as (app, pilot):
        await pilot.press("f2", "slash")
        await write(pilot, "why cour")
        await until(pilot, lambda: app.screen.query_one(ConversationRows).row_count == 1)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.chat.turns and app.chat.turns[0].prompt == "Courage")


async def test_a_conversation_is_archived_hidden_and_listed_again(stage: Stage) -> None:
    listed(stage, "Older", "Newer")
    async with stage.play() as (app, pilot):
        await pilot.press("f2", "down", "x")
        await until(pilot, lambda: isinstance(app.screen, ConversationsScreen) and "Older" not in shown(app))
        assert [message.act for message in stage.told(ConversationList.Picked)] == ["archive"]  # type: ignore[attr-defined]
        await pilot.press("v")
        await until(pilot, lambda: "▫  Older" in shown(app))
        await pilot.press("down", "x")
        await until(pilot, lambda: len(stage.corpus().conversations()) == 2)
        await pilot.press("escape")


async def test_a_fork_is_another_conversation_with_the_turns_up_to_the_one_in_focus(stage: Stage) -> None:
    stage.says("One?", "Two?", "Three?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "First")
        await say(app, pilot, "Second")
        await pilot.press("up", "up", "f")
        await until(pilot, lambda: len(app.chat.turns) == 1)
        assert "First · from turn 1" in shown(app)
        await say(app, pilot, "Third")
        assert [turn.prompt for turn in app.chat.turns] == ["First", "Third"]
    newest, first = stage.corpus().conversations()
    assert (newest.turns, first.turns) == (2, 2)


async def test_the_list_at_the_side_opens_what_is_chosen_and_can_be_hidden(stage: Stage) -> None:
    listed(stage, "Older", "Newer")
    async with stage.play((120, 30)) as (app, pilot):
        assert "●  Newer" in shown(app)
        app.chat.listing.query_one(ConversationRows).focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.chat.turns[0].prompt == "Older")
        await settled(app, pilot)
        assert "●  Older" in shown(app)
        await say(app, pilot, "Hi")
        assert shown(app).index("Older") < shown(app).index("Newer")
        await pilot.press("ctrl+b")
        await pilot.pause()
        assert "Newer" not in shown(app)
        assert app.focused is app.chat.prompt


async def test_at_narrow_sizes_there_is_no_list_at_the_side(stage: Stage) -> None:
    listed(stage, "Older", "Newer")
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+b")
        assert not app.chat.listing.display
        assert "Older" not in shown(app)
        await pilot.resize_terminal(120, 30)
        await until(pilot, lambda: "Older" in shown(app))
        table = app.chat.listing.query_one(ConversationRows)
        await until(pilot, lambda: table.virtual_size.width <= table.size.width)


async def test_more_conversations_are_listed_when_the_cursor_comes_to_the_last(stage: Stage) -> None:
    listed(stage, *map(str, range(PAGE + 3)))
    async with stage.play() as (app, pilot):
        await pilot.press("f2")
        rows = app.screen.query_one(ConversationRows)
        assert rows.row_count == PAGE
        await pilot.press("ctrl+end")
        await until(pilot, lambda: rows.row_count == PAGE + 3)
        assert rows.cursor_row == PAGE - 1
        await pilot.press("escape")
