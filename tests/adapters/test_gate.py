from gettext import NullTranslations

import pytest

import socrates_language
from adapters.figures import HeldOut, Neutral, Record, Replies
from adapters.gate import DRIFT, judge, reason_told

SOUND = Replies(of="r", replies=8, empty=0, repeating=1, questions=6, chrf=20.0)


def record(*losses: float, version: str = "", neutral: float = 3.0, replies: Replies = SOUND) -> Record:
    """Return a record whose examples have ``losses`` per token, of ten tokens each."""
    held_out = HeldOut(
        of="h",
        losses=[(unit, 10 * loss, 10) for unit, loss in enumerate(losses)],
        loss_per_token=sum(losses) / max(1, len(losses)),
        interval=None,
        pairs=0,
        pair_accuracy=None,
    )
    return Record(
        role="candidate",
        version=version,
        weights=version,
        held_out=held_out if losses else None,
        neutral=Neutral(of="n", loss_per_token=neutral),
        replies=replies,
    )


PARENT = record(2.5, 2.0, 3.0, 2.5, 2.2, 2.8, version="v0001")
BASE = record(4.0, 4.0, 4.0, 4.0, 4.0, 4.0, version="base")


def judged(candidate: Record, parent: Record = PARENT) -> tuple[bool, str]:
    judgement = judge(candidate, parent, BASE)
    return judgement.better, judgement.reason


def test_a_loss_that_is_lower_beyond_chance_is_better() -> None:
    assert judged(record(2.4, 1.9, 2.8, 2.4, 2.1, 2.6)) == (
        True,
        "It is better: held-out loss 2.367 against 2.500 of v0001.",
    )


def test_a_loss_that_is_higher_beyond_chance_is_worse() -> None:
    assert judged(record(2.6, 2.2, 3.1, 2.6, 2.3, 2.9)) == (
        False,
        "It is worse: held-out loss 2.617 against 2.500 of v0001.",
    )


def test_a_difference_within_chance_keeps_nothing_aside() -> None:
    assert judged(record(2.9, 1.8, 3.3, 2.2, 2.4, 2.6)) == (
        True,
        "It is neither clearly better nor clearly worse: held-out loss 2.533 against 2.500 of v0001.",
    )


@pytest.mark.parametrize(("count", "named"), [(1, "1 held-out example"), (4, "4 held-out examples")])
def test_of_a_few_examples_it_is_said_that_they_cannot_tell(count: int, named: str) -> None:
    better, reason = judged(record(*[2.6] * count), record(*[2.5] * count, version="v0001"))
    assert better
    assert reason == f"With {named} it cannot be told whether it is better: held-out loss 2.600 against 2.500 of v0001."


def test_a_few_examples_can_tell_what_is_far_worse() -> None:
    better, reason = judged(record(3.2, 3.2), record(2.5, 2.5, version="v0001"))
    assert not better
    assert reason.startswith("It is far worse")


def test_a_loss_that_is_not_a_number_is_worse() -> None:
    assert not judged(record(*[float("nan")] * 6))[0]


def test_without_held_out_examples_nothing_is_compared() -> None:
    assert judged(record(), record(version="base")) == (
        True,
        "There are no held-out examples yet, so it was not compared.",
    )


def test_examples_that_have_changed_are_not_compared() -> None:
    other = record(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, version="v0001")
    assert other.held_out is not None
    other.held_out.of = "other"
    assert judged(record(2.0, 2.0, 2.0, 2.0, 2.0, 2.0), other)[0]


@pytest.mark.parametrize(
    ("empty", "repeating", "expected"),
    [
        (4, 0, ""),
        (5, 0, "Of 8 test replies 5 were empty."),
        (2, 3, "Of 8 test replies 2 were empty and 3 went round in circles."),
    ],
)
def test_more_than_half_of_the_replies_at_fault_outweigh_a_better_loss(
    empty: int, repeating: int, expected: str
) -> None:
    replies = SOUND.model_copy(update={"empty": empty, "repeating": repeating})
    better, reason = judged(record(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, replies=replies))
    assert (better, reason if expected else "") == (not expected, expected)


def test_having_forgotten_what_the_base_knows_outweighs_a_better_loss() -> None:
    better, reason = judged(record(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, neutral=3.0 + DRIFT + 0.01))
    assert not better
    assert (
        reason == f"It has forgotten too much: its loss on neutral texts is {DRIFT + 0.01:.2f} above the base's, and "
        f"{DRIFT} is allowed."
    )


def test_every_reason_is_told() -> None:
    worse = record(*[9.0] * 6, neutral=9.0, replies=SOUND.model_copy(update={"empty": 8}))
    _, reason = judged(worse)
    assert [part in reason for part in ("were empty", "forgotten", "worse")] == [True] * 3


class Bracketed(NullTranslations):
    """A language in which every sentence stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"<{message}>"


FAULTY = [SOUND.model_copy(update=update) for update in ({"empty": 8}, {"repeating": 8}, {"empty": 3, "repeating": 4})]


@pytest.mark.parametrize(
    ("candidate", "parent"),
    [
        (record(), record(version="base")),
        (record(3.2, 3.2), record(2.5, 2.5, version="v0001")),
        (record(3.2), record(2.5, version="v0001")),
        (record(2.5, 2.5), record(2.5, 2.5, version="base")),
        (record(2.5), record(2.5, version="v0001")),
        (record(2.9, 1.8, 3.3, 2.2, 2.4, 2.6), PARENT),
        (record(*[1.0] * 6), PARENT),
        *((record(*[9.0] * 6, neutral=9.0, replies=replies), PARENT) for replies in FAULTY),
    ],
)
def test_a_reason_is_told_sentence_by_sentence_in_the_language_that_is_spoken(
    candidate: Record, parent: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reason = judged(candidate, parent)
    assert reason_told(reason) == reason
    monkeypatch.setattr(socrates_language, "_catalog", Bracketed())
    assert reason_told(reason) == f"<{reason.replace('. It', '.> <It')}>"


def test_a_reason_that_is_written_otherwise_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socrates_language, "_catalog", Bracketed())
    assert reason_told("It is worse. It lost 3.") == "It is worse. It lost 3."
