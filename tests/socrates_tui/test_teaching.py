"""Tests of judging replies: approve, drop, rewrite, undo, redo, drafts, and what follows from them."""

import pytest
from textual.widgets import Static

from socrates_tui.messages import CorpusChanged
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.widgets.plain_area import PlainArea
from tests.socrates_tui.stage import Stage, notices, say, settled, shown, text_of, until, write


@pytest.mark.parametrize(
    ("key", "word", "verdict", "examples"),
    [("a", "✓ approved", "approved", 1), ("d", "✗ dropped", "dropped", 0)],
)
async def test_a_key_on_a_reply_judges_it_and_says_so_in_words(
    stage: Stage, key: str, word: str, verdict: str, examples: int
) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert "base  not reviewed" in shown(app)
        stage.heard.clear()
        await pilot.press("up", key)
        await settled(app, pilot)
        assert stage.told(CorpusChanged)
        assert f"base  {word}" in shown(app)
        assert app.chat.status.new_examples == examples
        assert app.chat.turns[0].verdict == verdict


async def test_what_was_judged_can_be_taken_back_and_done_again(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("up", "a", "u")
        await settled(app, pilot)
        assert "not reviewed" in shown(app)
        assert notices(app)[-1] == "Taken back: approve."
        await pilot.press("U")
        await settled(app, pilot)
        assert "✓ approved" in shown(app)
        await pilot.press("ctrl+z", "ctrl+y")
        await settled(app, pilot)
        assert "✓ approved" in shown(app)


async def test_with_nothing_to_take_back_the_user_is_told(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("up", "u", "U")
        assert notices(app) == ["There is nothing to take back.", "There is nothing to do again."]


async def test_letters_in_the_prompt_judge_nothing(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await write(pilot, "adeukjr")
        assert app.chat.prompt.text == "adeukjr"
        assert app.chat.turns[0].verdict == "unreviewed"


async def test_a_rewrite_takes_the_place_of_the_reply_and_the_next_prompt_goes_on_from_it(stage: Stage) -> None:
    stage.says("I will tell you.", "And then?")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e")
        screen = app.screen
        assert isinstance(screen, RewriteScreen)
        assert screen.query_one(PlainArea).text == "I will tell you."
        screen.query_one(PlainArea).text = "What would you say?"
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        assert "What would you say?" in shown(app)
        assert "✎ rewritten" in shown(app)
        assert "instead of: I will tell you." in shown(app)
        assert app.chat.status.new_examples == 1
        await say(app, pilot, "Go on")
    assert [message["content"] for message in stage.engine.history[1].messages] == [
        "Hi",
        "What would you say?",
        "Go on",
    ]
    (conversation,) = stage.corpus().conversations()
    first = stage.corpus().thread(conversation.id)[0]
    assert (first.reply, first.rewrite, first.verdict) == ("I will tell you.", "What would you say?", "rewritten")


async def test_any_reply_of_the_conversation_can_be_rewritten(stage: Stage) -> None:
    stage.says("First", "Second")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
        await pilot.press("up", "k", "e")
        await write(pilot, "!")
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        assert [turn.text for turn in app.chat.turns] == ["First!", "Second"]


async def test_the_difference_is_drawn_while_it_is_written(stage: Stage) -> None:
    stage.says("I know.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e")
        app.screen.query_one(PlainArea).text = "I know nothing."
        difference = app.screen.query_one("#rewrite-difference", Static)
        await until(pilot, lambda: text_of(difference) == "I know nothing.")


async def test_leaving_with_changes_keeps_a_draft_says_so_and_opens_it_again_after_a_restart(stage: Stage) -> None:
    stage.says("I know.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e")
        await write(pilot, "?")
        await pilot.press("escape")
        await settled(app, pilot)
        assert notices(app) == ["The unfinished rewrite is kept as a draft: e opens it again."]
        assert app.chat.turns[0].verdict == "unreviewed"
    async with stage.play() as (app, pilot):
        await pilot.press("ctrl+e")
        assert app.screen.query_one(PlainArea).text == "I know.?"
        assert "your draft" in shown(app)
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        await pilot.press("ctrl+e")
        assert "your draft" not in shown(app)


async def test_an_unfinished_rewrite_is_on_disk_at_every_pause_in_writing(stage: Stage) -> None:
    stage.says("I know.")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e")
        await write(pilot, " Nothing.")
        await until(pilot, lambda: "I know. Nothing." in stage.drafts())
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        assert app.chat.turns[0].rewrite == "I know. Nothing."
        assert "Nothing" not in stage.drafts()


async def test_leaving_without_changes_keeps_nothing(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e", "escape")
        await settled(app, pilot)
        assert notices(app) == []
        assert not stage.drafts().strip("{} \n")


async def test_an_empty_or_unchanged_rewrite_is_refused_and_the_editor_stays(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e", "ctrl+s")
        assert "This is what he said" in notices(app)[-1]
        app.screen.query_one(PlainArea).text = "  "
        await pilot.press("ctrl+s")
        assert "A rewrite cannot be empty" in notices(app)[-1]
        assert isinstance(app.screen, RewriteScreen)


async def test_a_rewrite_that_the_corpus_refuses_stays_as_a_draft(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("ctrl+e")
        await write(pilot, "!")
        await pilot.press("ctrl+s")
        await settled(app, pilot)
        await pilot.press("ctrl+e", "ctrl+s")
        await settled(app, pilot)
        assert "unchanged" in notices(app)[-1]


async def test_a_dropped_turn_is_no_context_for_what_follows(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("up", "d", "escape")
        await say(app, pilot, "Again")
    assert [message["content"] for message in stage.engine.history[1].messages] == ["Again"]


async def test_up_goes_to_the_replies_and_down_comes_back_to_the_prompt(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await say(app, pilot, "Two")
        await pilot.press("up", "up", "up")
        assert app.chat.transcript.views[0].has_focus
        await pilot.press("down", "j")
        assert app.chat.prompt.has_focus
        await pilot.press("up", "enter")
        assert app.chat.prompt.has_focus


async def test_up_moves_within_a_prompt_of_several_lines_first(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "One")
        await pilot.press("a", "ctrl+j", "b", "up")
        assert app.chat.prompt.has_focus
        await pilot.press("up")
        assert app.chat.transcript.views[0].has_focus


async def test_of_a_long_conversation_the_newest_turns_are_shown_and_the_earlier_ones_when_they_are_wanted(
    stage: Stage,
) -> None:
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation().id
        parent = None
        for number in range(30):
            parent = corpus.add_turn(conversation, parent=parent, prompt=f"P{number}", reply=f"R{number}").id
    async with stage.play() as (app, pilot):
        assert len(app.chat.transcript.views) == 20
        assert "↑ 10 earlier turns" in text_of(app.chat.query_one("#earlier"))
        app.chat.transcript.views[0].focus()
        await pilot.press("up")
        await settled(app, pilot)
        assert [view.prompt for view in app.chat.transcript.views] == [f"P{number}" for number in range(30)]
