"""Snapshots of every screen: small and large terminals, dark and light, in English and in Japanese."""

import random
from collections.abc import Awaitable, Callable, Iterator
from itertools import product

import pytest
from textual.pilot import Pilot

from adapters.figures import fingerprint
from corpus.filters import Filter
from corpus.losses import Loss, Scales
from corpus.quality import Finding
from corpus.records import Conversation
from socrates_language import VARIABLE, tr, use
from socrates_tui.app import SocratesApp
from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.screens.review import ReviewScreen
from socrates_tui.weighing import Weighed
from tests.adapters.manifests import record, write_evaluation
from tests.socrates_tui.making_runs import trained
from tests.socrates_tui.scripted import EVALUATED, HOLD, STARTED, UNTRAINED, ScriptedTraining, published, step
from tests.socrates_tui.stage import Stage, retrain, settled, shown, still, until
from tests.socrates_tui.test_rewriting import Style

Compare = Callable[..., bool]
Play = Callable[[SocratesApp, Pilot[None]], Awaitable[None]]

SIZES = {"small": (80, 24), "large": (160, 50)}
THEMES = {"": "textual-dark", "-light": "textual-light"}
SPOKEN = {"": "en", "-ja": "ja"}
LOOKS = {
    f"{size}{theme}{language}": (SIZES[size], THEMES[theme], SPOKEN[language])
    for size, theme, language in product(SIZES, THEMES, SPOKEN)
}
"""Size, theme and language."""
REPLY = """\
君にとって正義とは**何か**ね？

1. 友人を助けることか。
2. 敵を害することか。

`例`を一つ挙げてみたまえ。"""


@pytest.fixture(params=LOOKS)
def size(request: pytest.FixtureRequest, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Give the size of the terminal; the theme and the language are set."""
    size, theme, language = LOOKS[request.param]
    stage.settings = stage.settings.with_changes(theme=theme)
    monkeypatch.setenv(VARIABLE, language)
    use(language)
    yield size
    use("en")


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
        await still(app, pilot)

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


def test_tour(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.settings = told.settings.with_changes(tour=True)
    assert matches(snap_compare, told, size, keys())


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
    assert matches(snap_compare, told, size, keys("up", "up", "o", "up"))


def test_terms(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    stage.terms_accepted = False
    assert matches(snap_compare, stage, size, keys())


def test_no_engine(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.terms_accepted = False
    assert matches(snap_compare, told, size, keys("escape"))


def test_preflight(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.training.figures = {"tokens": 1204, "too_long": [2], "since": "2026-01-01T00:00:00.000000+00:00"}
    told.training.findings = [
        Finding("contradiction", (2, 3), "Examples 2, 3 answer the same prompt differently.", "Keep one."),
        Finding("style", (3,), "Only 1 of 2 Japanese targets (50.0%) comes with a list: 3.", "Look at it."),
    ]
    assert matches(snap_compare, told, size, keys("f5"))


def test_turns_of_a_figure(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    what = "Examples 2, 3 answer the same prompt differently: “正義とは何ですか”."
    told.training.findings = [Finding("contradiction", (2, 3), what, "Keep the one that you mean.")]
    assert matches(snap_compare, told, size, keys("f5", "up", "ctrl+end", "enter"))


def test_training(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.training = ScriptedTraining([STARTED, UNTRAINED, step(1, 3.0), step(2, 2.25), EVALUATED, step(3, 1.75), HOLD])

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await retrain(app, pilot)
        place = tr("step {step} of {steps} · epoch {epoch} of {epochs}").format(step=3, steps=4, epoch=1, epochs=2)
        await until(pilot, lambda: place[:10] in shown(app))

    assert matches(snap_compare, told, size, play)


def test_version_that_is_only_kept(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    told.training = ScriptedTraining([STARTED, published("v0002", activate=False)])
    assert matches(snap_compare, told, size, keys("f5", "enter"))


def test_runs(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    stage.registry.activate(trained(stage.registry, title="はじめての授業"))
    trained(
        stage.registry, parent="v0001", better=False, reason="It is worse: held-out loss 1.250 against 1.200 of v0001."
    )
    assert matches(snap_compare, stage, size, keys("f12"))


def test_run(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    trained(stage.registry)
    stage.registry.activate(trained(stage.registry, parent="v0001", title="問いを増やす"))
    assert matches(snap_compare, stage, size, keys("f12", "enter"))


@pytest.fixture
def tree(told: Stage) -> Stage:
    """Give a stage with versions that came of each other, of which two were measured."""
    told.version(parent="v0001", title="Fewer answers, more questions")
    told.version(parent="v0001", title="問いかけを短く、例を一つだけ求める")
    told.version(parent="v0003", base="google/gemma-3-1b-it")
    first, third = told.registry.get("v0001"), told.registry.note("v0003", "例を求める問いが増えた。\nまだ長い。")
    losses = [2.0, 2.1, 2.2, 2.3, 2.4]
    write_evaluation(
        third,
        record("base", "base", "", [3.0, 3.1, 3.2, 3.3, 3.4]),
        record("parent", "v0001", fingerprint(first.directory, ""), losses),
        record("candidate", "", "sha256:c", [1.8, 2.0, 1.9, 2.4, 2.1]),
    )
    return told


def test_versions(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, tree, size, keys("f3", "down", "down"))


def test_comparing_versions(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, tree, size, keys("f3", "c", "enter"))


def test_choosing_the_other_version(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, tree, size, keys("f3", "c"))


@pytest.fixture
def pair(tree: Stage, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Give a stage on which two versions reply to the last prompt, in alphabetical order."""
    monkeypatch.setattr(random, "sample", lambda names, count: sorted(names))
    tree.settings = tree.settings.with_changes(sampling={"seed": 7})
    tree.says(REPLY, "正義とは、各人に各人のものを与えることです。\n\n" * 4)
    return tree


def test_two_versions_blind(snap_compare: Compare, pair: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, pair, size, keys("f3", "b", "enter", "ctrl+l"))


def test_picked_of_two_versions(snap_compare: Compare, pair: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, pair, size, keys("f3", "b", "enter", "ctrl+l", "1"))


def test_asking_two_versions(snap_compare: Compare, pair: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, pair, size, keys("f3", "b", "enter"))


def pin(stage: Stage) -> None:
    """Pin two prompts, of which one was answered again."""
    with stage.corpus() as corpus:
        corpus.pin(2, 3)
        corpus.answer_pin(2, version="v0003", base="embedded", reply="正義とは、君の考えでは何かね？")


def test_pinned_prompts(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    pin(tree)
    assert matches(snap_compare, tree, size, keys("f3", "p"))


def test_pinned_reply(snap_compare: Compare, tree: Stage) -> None:
    pin(tree)
    assert matches(snap_compare, tree, (80, 24), keys("up", "up"))


def test_note_on_a_version(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, tree, size, keys("f3", "down", "down", "n"))


def test_directory_of_a_version(snap_compare: Compare, tree: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, tree, size, keys("f3", "x"))


def test_conversations(snap_compare: Compare, stage: Stage, size: tuple[int, int]) -> None:
    def conversation(number: int, title: str) -> Conversation:
        moment = f"2026-01-0{number}T09:30:00.000000+00:00"
        return Conversation(number, f"key{number}", title, "", "chat", "train", moment, moment, 12 * number)

    listed = [conversation(3, "正義について"), conversation(2, "What is courage?"), conversation(1, "Virtue " * 20)]

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await app.push_screen(ConversationsScreen(lambda **_: listed, 2))

    assert matches(snap_compare, stage, size, play)


@pytest.fixture
def dated(told: Stage) -> Stage:
    """Give the stage ``told`` with moments that do not move."""
    with told.corpus() as corpus:
        corpus.tag("友情", 2, 3)
        corpus.db.execute("UPDATE turns SET created = '2026-01-05T09:30:00.000000+00:00'")
        corpus.db.commit()
    return told


def test_review(snap_compare: Compare, dated: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, dated, size, keys("f6"))


def test_review_by_loss_while_it_is_weighed(snap_compare: Compare, dated: Stage, size: tuple[int, int]) -> None:
    with dated.corpus() as corpus:
        waiting = corpus.turns(Filter(verdict="unreviewed"))
        corpus.keep_losses([Loss(waiting[0].id, Scales("embedded", "v0000", "base"), 12.5, 4.25)])
        corpus.keep_losses([Loss(waiting[1].id, Scales("embedded", "v0001", "base"), 2.345, 3.5)])

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await keys("f6", "o", "end")(app, pilot)
        assert isinstance(app.screen, ReviewScreen)
        app.screen.weighing = Weighed(1, 2)

    assert matches(snap_compare, dated, size, play)


def test_review_with_nothing_left(snap_compare: Compare, dated: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, dated, size, keys("f6", "a", "d"))


def test_corpus(snap_compare: Compare, dated: Stage, size: tuple[int, int]) -> None:
    assert matches(snap_compare, dated, size, keys("f7", "space", "down", "space"))


def test_conversation_in_the_middle(snap_compare: Compare, told: Stage, size: tuple[int, int]) -> None:
    with told.corpus() as corpus:
        (conversation,) = corpus.conversations()
        parent = corpus.thread(conversation.id)[-1].id
        for number in range(40):
            prompt = f"例 {number}"
            parent = corpus.add_turn(
                conversation.id, parent=parent, prompt=prompt, reply="なぜかね？", version="v0001"
            ).id
        with corpus.db.atomic():
            corpus.db.execute("UPDATE conversations SET updated = '2026-01-05T09:30:00.000000+00:00'")

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        await app.chat.go_to(20)
        await settled(app, pilot)
        app.chat.transcript.views[-1].focus()
        await pilot.pause()

    assert matches(snap_compare, told, size, play)


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
