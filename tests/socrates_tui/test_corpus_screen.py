"""Tests of finding turns by words and of acts on many of them."""

import pytest
from textual.pilot import Pilot

from socrates_tui.app import SocratesApp
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.corpus import CorpusScreen, FilterLine, TurnTable
from socrates_tui.screens.help import HelpScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.title import TitleScreen
from socrates_tui.widgets.plain_area import PlainArea
from tests.corpus.talk import talk
from tests.socrates_tui.stage import Stage, notices, settled, shown, text_of, until, write
from tests.writer import another_program_writing


@pytest.fixture
def said(stage: Stage) -> Stage:
    """Give a stage with turns 1 to 3 in one conversation and 4 in another; 2 is rewritten, 3 is tagged."""
    with stage.corpus() as corpus:
        talk(corpus, ("正義とは何ですか", "公平です。"), ("勇気とは", "恐れないこと。"), ("友情とは", "信頼です。"))
        talk(corpus, ("What is virtue?", "Virtue is knowledge."))
        corpus.rewrite(2, "では、勇気の例を挙げてくれ。")
        corpus.tag("友情", 3)
    return stage


async def curating(app: SocratesApp, pilot: Pilot[None]) -> CorpusScreen:
    await pilot.press("f7")
    await until(pilot, lambda: isinstance(app.screen, CorpusScreen) and app.screen.query_one(TurnTable).count)
    await settled(app, pilot)
    assert isinstance(app.screen, CorpusScreen)
    return app.screen


async def filtered(app: SocratesApp, pilot: Pilot[None], line: str, turns: int) -> None:
    app.screen.query_one(FilterLine).value = line
    await until(pilot, lambda: app.screen.query_one(TurnTable).count == turns and "Mark" in shown(app).splitlines()[-1])


async def answered(app: SocratesApp, pilot: Pilot[None], key: str, question: str) -> None:
    """Press a key that asks first, see that it asks ``question``, and say yes."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
    assert question in " ".join(shown(app).replace("│", " ").split())
    await pilot.press("enter")
    await settled(app, pilot)


def heading(app: SocratesApp) -> str:
    return shown(app).splitlines()[0].strip()


def verdicts(stage: Stage) -> list[str]:
    with stage.corpus() as corpus:
        return [turn.verdict for turn in reversed(corpus.turns())]


def tags(stage: Stage) -> dict[str, int]:
    with stage.corpus() as corpus:
        return corpus.tags()


async def test_every_turn_stands_in_the_table_newest_first_with_its_verdict_and_text(said: Stage) -> None:
    async with said.play((120, 30)) as (app, pilot):
        await curating(app, pilot)
        assert heading(app) == "Corpus  4 turns"
        lines = [line[:70] for line in shown(app).splitlines()]
        assert [line.split()[0] for line in lines[3:7]] == ["4", "3", "2", "1"]
        assert "✎ rewritten" in lines[5]
        assert "#友情" not in lines[3]
        await pilot.press("j", "j")
        await until(pilot, lambda: "instead of: 恐れないこと。" in shown(app))


async def test_the_filter_is_written_in_words_and_the_turns_follow(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await pilot.press("slash")
        await write(pilot, "verdict:rewritten")
        await until(pilot, lambda: heading(app) == "Corpus  1 turn")
        await pilot.press("enter")
        assert isinstance(app.focused, TurnTable)
        assert screen.turn is not None
        assert screen.turn.id == 2
        await pilot.press("slash")
        await write(pilot, " has-rewrite")
        assert screen.query_one(FilterLine).value == "verdict:rewritten has-rewrite"
        await pilot.press("enter")
        await filtered(app, pilot, "tag:友情", 1)
        assert screen.turn.id == 3
        await filtered(app, pilot, "no-rewrite とは", 2)
        await filtered(app, pilot, "", 4)


async def test_a_filter_that_cannot_be_understood_says_why_and_nothing_can_be_judged_by_it(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        screen.query_one(FilterLine).value = "verdict:good"
        await until(pilot, lambda: "verdict: 'good' is not one of" in shown(app))
        assert heading(app) == "Corpus  4 turns"
        await pilot.press("asterisk", "d", "space")
        assert app.screen is screen
        assert "marked" not in heading(app)
        assert "Approve" not in shown(app).splitlines()[-1]
        await filtered(app, pilot, "verdict:rewritten", 1)
        assert "is not one of" not in shown(app)


async def test_keys_in_the_filter_are_letters(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await pilot.press("slash")
        await write(pilot, "ade *u")
        assert screen.query_one(FilterLine).value == "ade *u"
        await pilot.press("escape")
        assert app.screen is screen
        assert verdicts(said) == ["unreviewed", "rewritten", "unreviewed", "unreviewed"]


async def test_without_marks_an_act_is_about_the_turn_under_the_cursor_and_asks_nothing(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("j", "a")
        await settled(app, pilot)
        assert notices(app) == ["Approved turn 3."]
        await pilot.press("d")
        await settled(app, pilot)
        assert notices(app)[-1] == "Dropped turn 3."
        await until(pilot, lambda: "✗ dropped" in shown(app))


async def test_marked_turns_are_judged_at_once_after_a_question_and_taken_back_in_one_step(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("space", "space", "up", "up", "j", "j", "space", "space")
        assert heading(app) == "Corpus  4 turns · 4 marked"
        await pilot.press("space", "home", "space")
        assert heading(app) == "Corpus  4 turns · 2 marked"
        await answered(app, pilot, "d", "Drop 2 turns? u takes it back in one step.")
        assert notices(app) == ["Dropped turns 2, 3."]
        assert verdicts(said) == ["unreviewed", "dropped", "dropped", "unreviewed"]
        await until(pilot, lambda: heading(app) == "Corpus  4 turns")
        await pilot.press("u")
        await settled(app, pilot)
        assert notices(app)[-1] == "Took back: Dropped turns 2, 3."
        assert verdicts(said) == ["unreviewed", "rewritten", "unreviewed", "unreviewed"]
        await pilot.press("U")
        await settled(app, pilot)
        assert notices(app)[-1] == "Did again: Dropped turns 2, 3."
        await pilot.press("U")
        await settled(app, pilot)
        assert notices(app)[-1] == "There is nothing to do again."


async def test_a_question_that_is_refused_changes_nothing(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("asterisk", "d")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("escape")
        await settled(app, pilot)
        assert heading(app) == "Corpus  4 turns · 4 marked"
        assert verdicts(said) == ["unreviewed", "rewritten", "unreviewed", "unreviewed"]
        await pilot.press("asterisk")
        assert heading(app) == "Corpus  4 turns"


async def test_approving_all_that_a_filter_chooses_leaves_what_is_judged_already(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await filtered(app, pilot, "conversation:1", 3)
        await pilot.press("asterisk")
        await answered(app, pilot, "a", "Approve 2 turns that nobody judged yet? u takes it back in one step.")
        assert notices(app) == ["Approved turns 1, 3."]
        assert verdicts(said) == ["approved", "rewritten", "approved", "unreviewed"]
        await pilot.press("asterisk", "a")
        assert notices(app)[-1] == (
            "None of these turns waits for a verdict: mark those that you want to approve all the same."
        )


async def test_a_turn_that_is_marked_by_itself_is_approved_though_it_is_rewritten(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("j", "j", "space")
        await answered(app, pilot, "a", "Approve 1 turn?")
        assert verdicts(said)[1] == "approved"


async def test_an_act_that_takes_turns_out_of_the_filter_leaves_the_others(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await filtered(app, pilot, "verdict:unreviewed", 3)
        await pilot.press("j", "d")
        await until(pilot, lambda: heading(app) == "Corpus  2 turns")
        assert screen.turn is not None
        assert screen.turn.id == 1


async def test_a_tag_is_given_to_what_is_marked_and_taken_away_again(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("asterisk", "t")
        await until(pilot, lambda: isinstance(app.screen, TitleScreen))
        assert "Tag for 4 turns" in shown(app)
        await write(pilot, "virtue")
        await pilot.press("enter")
        await settled(app, pilot)
        assert notices(app) == ["Tagged turns 1, 2, 3, 4."]
        assert tags(said) == {"virtue": 4, "友情": 1}
        await filtered(app, pilot, "tag:virtue 友情", 1)
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, TitleScreen))
        await pilot.press("enter")
        await settled(app, pilot)
        assert notices(app)[-1] == "Untagged turn 3."
        assert tags(said) == {"virtue": 3, "友情": 1}


async def test_a_tag_that_cannot_be_one_is_refused_with_a_sentence(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("t", *"x" * 101, "enter")
        await settled(app, pilot)
        assert notices(app) == ["A tag has 1 to 100 characters: give it a short name."]


async def test_enter_opens_the_conversation_at_the_turn(said: Stage) -> None:
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("end", "enter")
        await until(pilot, lambda: app.screen is app.chat and app.focused is app.chat.transcript.view_of(1))
        assert [turn.id for turn in app.chat.turns] == [1, 2, 3]


async def test_a_reply_beside_the_one_that_is_shown_is_shown_when_it_is_opened(said: Stage) -> None:
    with said.corpus() as corpus:
        corpus.add_turn(2, parent=None, prompt="What is virtue?", reply="What do you call virtue?", version="v0001")
    async with said.play() as (app, pilot):
        await curating(app, pilot)
        await pilot.press("j", "enter")
        await until(pilot, lambda: app.screen is app.chat and app.focused is app.chat.transcript.view_of(4))
        assert "‹ 1 of 2 ›" in shown(app)


async def test_a_reply_can_be_rewritten_here_too(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, RewriteScreen))
        app.screen.query_one(PlainArea).text = "What do you call virtue?"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: app.screen is screen and "instead of: Virtue is knowledge." in shown(app))
        assert verdicts(said)[3] == "rewritten"


async def test_what_another_program_writes_comes_into_the_table_and_the_cursor_stays_on_its_turn(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await pilot.press("j", "space", "k")
        with said.corpus() as other:
            talk(other, ("More", "Why?"))
        await until(pilot, lambda: heading(app) == "Corpus  5 turns · 1 marked")
        assert screen.turn is not None
        assert screen.turn.id == 3


async def test_nothing_is_asked_anew_while_nothing_is_written(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await pilot.press("a")
        await settled(app, pilot)
        await until(pilot, lambda: screen._seen == screen.corpus.state())
        await settled(app, pilot)
        assert screen._seen == screen.corpus.state()


async def test_while_another_program_writes_an_act_waits_and_the_keys_say_so(said: Stage) -> None:
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        with another_program_writing(said.home.database):
            await pilot.press("a")
            await until(pilot, lambda: heading(app) == "Corpus  4 turns · changing them …")
            await pilot.press("d", "escape")
            assert app.screen is screen
            assert "Approve" not in shown(app).splitlines()[-1]
        await settled(app, pilot)
        assert notices(app) == ["Approved turn 4."]
        assert verdicts(said)[3] == "approved"


async def test_an_empty_corpus_has_nothing_to_mark(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await pilot.press("f7")
        await until(pilot, lambda: isinstance(app.screen, CorpusScreen))
        await settled(app, pilot)
        await pilot.press("space", "asterisk", "a", "enter", "t", "e", "u")
        await settled(app, pilot)
        assert isinstance(app.screen, CorpusScreen)
        assert notices(app) == ["There is nothing to take back."]
        assert heading(app) == "Corpus  0 turns"


async def test_the_palette_and_the_help_offer_the_acts_of_the_corpus(said: Stage) -> None:
    async with said.play((120, 40)) as (app, pilot):
        await curating(app, pilot)
        offered = {command.title for command in app.get_system_commands(app.screen)}
        wanted = {"Filter", "Mark", "Mark all", "Approve", "Drop", "Tag", "Untag", "Rewrite", "Undo", "Redo", "Open"}
        assert wanted <= offered
        await pilot.press("ctrl+p", *"mark all")
        await until(pilot, lambda: "Mark all turns, or none" in shown(app))
        await pilot.press("down", "enter")
        await until(pilot, lambda: heading(app) == "Corpus  4 turns · 4 marked")
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        assert shown(app).index("In the corpus") < shown(app).index("Mark all turns, or none")


async def test_the_card_says_where_the_turn_stands(said: Stage) -> None:
    with said.corpus() as corpus:
        conversation = corpus.create_conversation(source="lessons.jsonl", title="Lesson", key="held-out-2").id
        turn = corpus.add_turn(conversation, parent=None, prompt="Why?", reply="Why not?").id
        corpus.tag("gentle", turn)
        corpus.note(turn, "ask about courage")
        split = corpus.conversation(conversation).split
    async with said.play() as (app, pilot):
        screen = await curating(app, pilot)
        await until(pilot, lambda: "Lesson" in shown(app))
        where = text_of(screen.query_one("#card-where"))
        assert where.startswith("Lesson · ")
        held_out = " · held out" if split == "held-out" else ""
        assert where.endswith(f" · lessons.jsonl{held_out} · #gentle · ask about courage")
