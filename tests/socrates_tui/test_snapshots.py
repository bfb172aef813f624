"""Snapshots of every screen, at the smallest usual terminal and at a large one."""

from collections.abc import Awaitable, Callable

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from corpus.records import Conversation
from socrates_tui.app import SocratesApp
from socrates_tui.screens.conversations import ConversationsScreen
from tests.socrates_tui.scripted import EVALUATED, HOLD, STARTED, ScriptedTraining, published, step
from tests.socrates_tui.stage import Stage, settled, shown, until
from tests.socrates_tui.test_rewriting import Style

Compare = Callable[..., bool]
Play = Callable[[SocratesApp, Pilot[None]], Awaitable[None]]

SIZES = [(80, 24), (160, 50)]
REPLY = """\
君にとって正義とは**何か**ね？

1. 友人を助けることか。
2. 敵を害することか。

`例`を一つ挙げてみたまえ。"""


@pytest.fixture(params=SIZES, ids=["small", "large"])
def size(request: pytest.FixtureRequest) -> tuple[int, int]:
    found: tuple[int, int] = request.param
    return found


@pytest.fixture
def told(stage: Stage) -> Stage:
    """Give a stage with a conversation in which every verdict occurs."""
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation(title="正義について").id
        turns: list[int] = []
        for prompt, reply in (
            ("Hello", "Hello! How can I help you?"),
            ("正義とは何ですか", "正義とは、各人に各人のものを与えることです。"),
            ("例を挙げます", REPLY),
            ("もう一つ", "それは正義の例かね、それとも正義そのものかね？"),
        ):
            parent = turns[-1] if turns else None
            turn = corpus.add_turn(conversation, parent=parent, prompt=prompt, reply=reply, version="v0001")
            turns.append(turn.id)
        corpus.drop(turns[0])
        corpus.rewrite(turns[1], "君にとって正義とは何かね？")
        corpus.approve(turns[2])
        corpus.add_turn(
            conversation,
            parent=turns[2],
            prompt="もう一つ",
            reply="では、誰にとって",
            version="v0001",
            stopped_by="user",
            prompt_tokens=310,
            reply_tokens=14,
        )
        with corpus.db.atomic():
            corpus.db.execute("UPDATE conversations SET updated = '2026-01-05T09:30:00.000000+00:00'")
    stage.registry.activate(stage.version(title="First lessons"))
    return stage


def matches(compare: Compare, stage: Stage, size: tuple[int, int], play: Play) -> bool:
    """Compare the screen after ``play`` with its snapshot."""

    async def run_before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, SocratesApp)
        await settled(app, pilot)
        await play(app, pilot)
        app.clear_notifications()
        for area in app.screen.query(TextArea):
            area.cursor_blink = False
        for line in app.screen.query(Input):
            line.cursor_blink = False
        await pilot.pause()

    return compare(stage.app(), terminal_size=size, run_before=run_before)


def keys(*pressed: str) -> Play:
    """Return what presses ``pressed``, and lets the app come to rest after each."""

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        for key in pressed:
            await pilot.press(key)
            await settled(app, pilot)

    return play


def test_welcome(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, stage, size, keys())


def test_conversation(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, told, size, keys())


def test_reply_in_focus(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, told, size, keys("up"))


def test_rewrite(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await keys("up", "up", "e", "!")(app, pilot)
        await until(pilot, lambda: shown(app).count("たまえ。!") == 2)

    assert matches(snap_compare, told, size, play)


def test_proposals(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    with stage.corpus() as corpus:
        reply = "正義とは善いことです。君はどう思いますか？ 例はありますか？"
        conversation = corpus.create_conversation(title="正義について").id
        corpus.add_turn(conversation, parent=None, prompt="正義とは", reply=reply)
        with corpus.db.atomic():
            corpus.db.execute("UPDATE conversations SET updated = '2026-01-05T09:30:00.000000+00:00'")
    assert matches(snap_compare, stage, size, keys("ctrl+e", "f2"))


def test_rewrite_with_a_meter(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        app.chat.measure = lambda prompt, reply: Style(72.4, "Ask one question, and nothing else.")
        await keys("up", "up", "up", "e")(app, pilot)

    assert matches(snap_compare, told, size, play)


def test_asking_otherwise(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, told, size, keys("up", "up", "p", "up"))


def test_terms(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    stage.terms_accepted = False
    assert matches(snap_compare, stage, size, keys())


def test_no_engine(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.terms_accepted = False
    assert matches(snap_compare, told, size, keys("escape"))


def test_preflight(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, told, size, keys("f5"))


def test_training(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.training = ScriptedTraining([STARTED, step(1, 3.0), step(2, 2.25), EVALUATED, step(3, 1.75), HOLD])

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await keys("f5")(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "step 3 of 4" in shown(app))

    assert matches(snap_compare, told, size, play)


def test_version_that_is_only_kept(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.training = ScriptedTraining([STARTED, published("v0002", activate=False)])
    assert matches(snap_compare, told, size, keys("f5", "enter"))


def test_versions(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.version(parent="v0001", title="Fewer answers, more questions")
    assert matches(snap_compare, told, size, keys("f3"))


def test_conversations(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    def conversation(number: int, title: str) -> Conversation:
        moment = f"2026-01-0{number}T09:30:00.000000+00:00"
        return Conversation(number, f"key{number}", title, "", "chat", "train", moment, moment, 12 * number)

    listed = [conversation(3, "正義について"), conversation(2, "What is courage?"), conversation(1, "Virtue " * 20)]

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await app.push_screen(ConversationsScreen(lambda **_: listed, 2))

    assert matches(snap_compare, stage, size, play)


def test_settings(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, stage, size, keys("f4"))


def test_help(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, stage, size, keys("f1"))


def test_palette(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, told, size, keys("ctrl+p"))


def test_terms_at_the_smallest_terminal(snap_compare: Compare, stage: Stage) -> None:
    stage.terms_accepted = False
    assert matches(snap_compare, stage, (60, 18), keys("down", "down", "down", "down", "down"))


def test_smallest_terminal(snap_compare: Compare, told: Stage) -> None:
    assert matches(snap_compare, told, (60, 18), keys("up"))
