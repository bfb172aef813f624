"""Tests of reviewing: one key a verdict, the next reply comes, and whatever else writes meanwhile nothing is lost."""

import pytest

from corpus.backup import back_up, restore
from socrates_tui.app import SocratesApp
from socrates_tui.messages import CorpusChanged
from socrates_tui.screens.help import HelpScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.widgets.plain_area import PlainArea
from socrates_tui.widgets.turn_card import SeenTurn
from tests.corpus.talk import talk
from tests.socrates_tui.scripted import HOLD, STARTED, ScriptedTraining
from tests.socrates_tui.stage import Stage, notices, reviewing, settled, shown, text_of, until, write
from tests.writer import another_program_writing


@pytest.fixture
def said(stage: Stage) -> Stage:
    """Give a stage with three replies that nobody judged: 3 comes first, then 2, then 1."""
    with stage.corpus() as corpus:
        talk(corpus, ("正義とは何ですか", "君はどう思うかね？"), ("勇気とは", "では、勇気の例を挙げてくれ。"))
        talk(corpus, ("What is virtue?", "Virtue is knowledge."))
    return stage


def verdicts(stage: Stage) -> list[str]:
    with stage.corpus() as corpus:
        return [turn.verdict for turn in reversed(corpus.turns())]


def heading(app: SocratesApp) -> str:
    return shown(app).splitlines()[0].strip()


def order(app: SocratesApp) -> str:
    return shown(app).splitlines()[1].strip()


async def test_the_reply_is_shown_with_what_was_said_before_it_who_spoke_and_when(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("j")
        await until(pilot, lambda: "では、勇気の例を挙げてくれ。" in shown(app))
        assert screen.turn is not None
        moment = screen.turn.created[:16].replace("T", " ")
        assert f"正義とは何ですか · {moment}" in shown(app)
        assert "You  正義とは何ですか" in shown(app)
        assert "Socrates  君はどう思うかね？" in shown(app)
        assert "Socrates v0001  not reviewed" in shown(app)


@pytest.mark.parametrize(("key", "verdict"), [("a", "approved"), ("d", "dropped")])
async def test_a_verdict_is_one_key_and_the_next_reply_comes(said: Stage, key: str, verdict: str) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        assert heading(app) == "Review  3 left · 0 done in this sitting"
        assert order(app) == "What seems worst comes first, by the style meter (o: by loss)"
        await pilot.press(key)
        await until(pilot, lambda: "では、勇気の例を挙げてくれ。" in shown(app))
        assert verdicts(said) == ["unreviewed", "unreviewed", verdict]
        assert heading(app).startswith("Review  2 left · 1 done in this sitting")
        assert screen.turn is not None
        assert screen.turn.id == 2


async def test_after_a_rewrite_is_saved_the_next_reply_comes(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        app.screen.query_one(PlainArea).text = "What do you call virtue?"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: screen.turn is not None and screen.turn.id == 2)
        assert app.screen is screen
        assert verdicts(said)[2] == "rewritten"
        assert "1 done" in heading(app)


async def test_a_rewrite_that_is_left_is_kept_as_a_draft_and_the_reply_stays(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("e", "!", "escape")
        await until(pilot, lambda: app.screen is screen)
        await settled(app, pilot)
        assert screen.turn is not None
        assert screen.turn.id == 3
        assert notices(app) == ["The unfinished rewrite is kept as a draft: e opens it again."]
        assert verdicts(said)[2] == "unreviewed"


async def test_what_is_skipped_comes_again_after_the_others(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        seen = []
        for _ in range(4):
            assert screen.turn is not None
            seen.append(screen.turn.id)
            await pilot.press("s")
        assert seen == [3, 2, 1, 3]
        assert heading(app).startswith("Review  3 left · 0 done")


async def test_undo_comes_back_to_the_reply_and_redo_goes_on_again(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("a", "j", "d", "u")
        assert screen.turn is not None
        assert (screen.turn.id, notices(app)[-1]) == (1, "Taken back: drop.")
        await pilot.press("u")
        assert (screen.turn.id, notices(app)[-1]) == (3, "Taken back: approve.")
        assert heading(app).startswith("Review  3 left · 0 done")
        await pilot.press("U")
        assert (screen.turn.id, notices(app)[-1]) == (2, "Done again: approve.")
        assert heading(app).startswith("Review  2 left · 1 done")
        await pilot.press("ctrl+y", "ctrl+y")
        assert notices(app)[-1] == "There is nothing to do again."
        await pilot.press("u", "u", "u")
        assert notices(app)[-1] == "There is nothing to take back."
    assert verdicts(said) == ["unreviewed"] * 3


async def test_an_empty_queue_says_what_to_do_next_and_the_last_verdict_can_be_taken_back(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("d", "d", "d")
        await until(pilot, lambda: "Every reply is reviewed." in shown(app))
        told = text_of(screen.query_one("#nothing-left"))
        assert told.endswith("Esc goes back to the chat: what Socrates says there comes here.")
        assert [word for word in told.split() if word not in shown(app)] == []
        assert heading(app) == "Review  0 left · 3 done in this sitting"
        assert "Approve" not in shown(app).splitlines()[-1]
        await pilot.press("a", "e", "s", "enter")
        assert app.screen is screen
        await pilot.press("u", "a")
        sentence = "F5 trains a new version on what you taught: 1 new example."
        await until(pilot, lambda: text_of(screen.query_one("#nothing-left")).endswith(sentence))
        assert verdicts(said) == ["approved", "dropped", "dropped"]


async def test_a_reply_that_cannot_be_approved_stays_and_says_why(said: Stage) -> None:
    with said.corpus() as corpus:
        talk(corpus, ("Empty?", ""))
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("a")
        assert notices(app) == ["The reply of turn 4 is empty and cannot be approved: rewrite or drop it."]
        assert screen.turn is not None
        assert screen.turn.id == 4


async def test_escape_goes_back_to_the_chat_which_shows_the_verdict(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("a")
        said.heard.clear()
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.chat and "✓ approved" in shown(app))
        assert said.told(CorpusChanged)
        assert app.chat.status.new_examples == 1
        assert app.focused is app.chat.prompt


async def test_enter_opens_the_reply_in_its_conversation(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await reviewing(app, pilot)
        await pilot.press("j", "j", "enter")
        await until(pilot, lambda: app.screen is app.chat and app.chat.target is not None and app.chat.target.id == 1)
        assert app.focused is app.chat.transcript.view_of(1)
        assert "勇気とは" in shown(app)


async def test_a_reply_that_arrives_meanwhile_comes_into_the_queue(said: Stage) -> None:
    said.engine.hold_after = 0
    async with said.play() as (app, pilot):
        await write(pilot, "Hi")
        await pilot.press("enter")
        await until(pilot, said.engine.held.is_set)
        screen = await reviewing(app, pilot)
        said.engine.go_on.set()
        await until(pilot, lambda: "4 left" in heading(app))
        assert screen.turn is not None
        assert screen.turn.id == 3
        await pilot.press("home")
        await until(pilot, lambda: "君はどう考えるかね？" in shown(app))


async def test_what_another_program_judges_leaves_the_queue(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        with said.corpus() as other:
            other.approve(3)
        await until(pilot, lambda: "2 left" in heading(app))
        assert screen.turn is not None
        assert screen.turn.id == 2
        assert "0 done" in heading(app)


async def test_a_corpus_that_another_program_restores_leaves_what_is_in_it(said: Stage) -> None:
    backup = back_up(said.home.database)
    with said.corpus() as corpus:
        talk(corpus, ("Later", "Why?"))
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        assert "4 left" in heading(app)
        restore(said.home.database, backup)
        await until(pilot, lambda: "3 left" in heading(app))
        assert screen.turn is not None
        assert screen.turn.id == 3


async def test_a_rewrite_is_kept_while_another_program_writes_and_the_next_reply_comes(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        with another_program_writing(said.home.database):
            await pilot.press("e")
            await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
            app.screen.query_one(PlainArea).text = "What do you call virtue?"
            await pilot.press("ctrl+s")
            await until(pilot, lambda: screen.turn is not None and screen.turn.id == 2)
            assert notices(app)[0].endswith("Your rewrite is kept, and stored as soon as that has ended.")
            assert heading(app).startswith("Review  2 left · 1 done")
        await until(pilot, lambda: verdicts(said)[2] == "rewritten")
        await settled(app, pilot)
        assert heading(app).startswith("Review  2 left · 1 done")


async def test_a_verdict_that_cannot_be_given_now_says_so_and_the_reply_stays(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        with another_program_writing(said.home.database):
            await pilot.press("a")
            await until(pilot, lambda: notices(app))
            assert notices(app)[0].endswith("Wait until that has ended, then try again.")
        assert screen.turn is not None
        assert screen.turn.id == 3
        await pilot.press("a")
        assert verdicts(said)[2] == "approved"


async def test_a_long_reply_is_scrolled_by_page_down(stage: Stage) -> None:
    with stage.corpus() as corpus:
        talk(corpus, ("Go on", "\n".join(f"line {number}" for number in range(60)) + "\nthe end"))
    async with stage.play() as (app, pilot):
        await reviewing(app, pilot)
        assert "the end" not in shown(app)
        for _ in range(4):
            await pilot.press("pagedown")
        await until(pilot, lambda: "the end" in shown(app))
        for _ in range(4):
            await pilot.press("pageup")
        await until(pilot, lambda: "Go on" in shown(app))


async def test_a_training_can_be_begun_from_the_review(said: Stage) -> None:
    said.training = ScriptedTraining([STARTED, HOLD])
    async with said.play() as (app, pilot):
        screen = await reviewing(app, pilot)
        await pilot.press("f5")
        await until(pilot, lambda: "Examples" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.chat.panel.running)
        assert app.screen is screen
        assert notices(app) == ["The training is under way: the chat shows how far it is."]
        said.training.go_on.set()
        await settled(app, pilot)


async def test_the_palette_and_the_help_offer_the_acts_of_the_review(said: Stage) -> None:
    async with said.play((120, 40)) as (app, pilot):
        screen = await reviewing(app, pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        assert {"Approve", "Rewrite", "Drop", "Skip", "Undo", "Redo", "Open", "Chat", "Retrain"} <= offered
        assert not offered & {"Review", "Corpus", "Again", "Conversations"}
        await pilot.press("ctrl+p", *"skip")
        await until(pilot, lambda: "Look at the reply again after all others" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: screen.turn is not None and screen.turn.id == 2)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert shown(app).index("In the review") < shown(app).index("Look at the reply again after all others")


async def test_hostile_text_is_harmless_in_the_queue_and_in_the_corpus(stage: Stage) -> None:
    evil, harmless = "\x1b]0;owned\x07[bold]x[/] \u202e", "␛]0;owned␇[bold]x[/]"
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation(title=evil, source=evil).id
        first = corpus.add_turn(conversation, parent=None, prompt=evil, reply=evil, version=evil).id
        corpus.add_turn(conversation, parent=first, prompt=evil, reply=evil, version=evil)
        corpus.tag(evil, 1, 2)
        corpus.note(2, evil)
    async with stage.play((160, 50)) as (app, pilot):
        await reviewing(app, pilot)
        assert shown(app).count(harmless) >= 8  # the list, where it stands, what was before, prompt and reply
        assert not set(shown(app)) & set("\x1b\x07\u202e")
        await pilot.press("escape", "f7")
        await until(pilot, lambda: "Corpus  2 turns" in shown(app) and app.screen.query(SeenTurn))
        assert harmless in shown(app)
        assert not set(shown(app)) & set("\x1b\x07\u202e")
