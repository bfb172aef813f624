"""Tests of the one key that retrains: the panel, publishing, keeping, failing, cancelling."""

from socrates_tui.messages import TrainingEnded, VersionSwapped
from tests.socrates_tui.scripted import EVALUATED, HOLD, STARTED, ScriptedTraining, published, step
from tests.socrates_tui.stage import Stage, notices, retrain, say, settled, shown, text_of, until


async def test_the_panel_shows_losses_speed_and_time_left_while_one_can_go_on_talking(stage: Stage) -> None:
    stage.training.script = [STARTED, step(1, 2.5), EVALUATED, step(2, 2.125), HOLD]
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "step 2 of 4" in shown(app))
        for figure in ("loss 2.125", "held-out 1.750", "epoch 1 of 2", "215 tok/s", "1 min 15 s left", "50%"):
            assert figure in shown(app)
        await pilot.press("H", "i", "enter")
        await until(pilot, lambda: len(app.chat.turns) == 1)
        assert set(stage.engine.beside) == {True}, "the engine knows that a training runs"
        stage.training.cancel()
        await settled(app, pilot)
        await say(app, pilot, "Again")
        assert stage.engine.beside[-1] is False


async def test_the_panel_counts_the_examples_that_are_too_long(stage: Stage) -> None:
    stage.training.script = [STARTED | {"skipped": [3, 7]}, HOLD]
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "12 examples, 2 too long, 2 held out" in shown(app))
        stage.training.cancel()
        await settled(app, pilot)


async def test_a_better_version_is_swapped_in_activated_and_named(stage: Stage) -> None:
    version = stage.version()
    stage.training.script = [STARTED, step(4, 1.5), published(version, activate=True)]
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: stage.told(VersionSwapped))
        await settled(app, pilot)
        assert len(stage.told(TrainingEnded)) == 1
        assert notices(app) == ["v0001 speaks now."]
        assert " v0001 " in text_of(app.chat.status)
        await say(app, pilot, "Hi")
        assert "v0001  not reviewed" in shown(app)
    assert stage.registry.active == "v0001"
    assert stage.engine.swaps == ["v0001"]


async def test_a_worse_version_is_kept_with_the_reason_and_f8_activates_it_all_the_same(stage: Stage) -> None:
    version = stage.version()
    stage.training.script = [STARTED, published(version, activate=False)]
    async with stage.play((160, 50)) as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "v0001 is kept, but not activated" in shown(app))
        await settled(app, pilot)
        assert stage.registry.active == "base"
        await pilot.press("f8")
        await until(pilot, lambda: stage.told(VersionSwapped))
        assert "is kept, but" not in shown(app)
    assert stage.registry.active == "v0001"


async def test_new_examples_are_counted_from_the_newest_training_on(stage: Stage) -> None:
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        await pilot.press("up", "a")
        await settled(app, pilot)
        assert "1 new example" in text_of(app.chat.status)
        stage.training.script = [published(stage.version(as_of="2999-01-01T00:00:00.000000+00:00"), activate=True)]
        await retrain(app, pilot)
        await until(pilot, lambda: stage.told(VersionSwapped))
        assert "0 new examples" in text_of(app.chat.status)


async def test_a_training_can_be_cancelled_with_the_same_key(stage: Stage) -> None:
    stage.training.script = [STARTED, step(1, 2.5), HOLD]
    async with stage.play() as (app, pilot):
        await retrain(app, pilot)
        await until(pilot, lambda: "step 1 of 4" in shown(app))
        await pilot.press("ctrl+t")
        assert "Cancel the training?" in shown(app)
        await pilot.press("escape")
        assert app.chat.panel.running
        await pilot.press("ctrl+t", "enter")
        await until(pilot, lambda: not app.chat.panel.running)
        assert notices(app) == ["The training is cancelled; nothing of it is kept."]
        assert "step 1 of 4" not in shown(app)


async def test_why_a_training_failed_or_was_refused_stays_until_escape(stage: Stage) -> None:
    for event in ("failed", "refused"):
        stage.training = ScriptedTraining([{"event": event, "reason": "The loss is not finite.", "cancelled": False}])
        async with stage.play() as (app, pilot):
            await retrain(app, pilot)
            await settled(app, pilot)
            assert "The loss is not finite." in shown(app)
            await pilot.press("escape")
            await pilot.pause()
            assert "The loss is not finite." not in shown(app)
