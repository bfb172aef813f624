"""Whether a new version may become active by itself, and the sentence that says why. Measuring it is judging's work."""

import math
import re
from dataclasses import dataclass

from adapters.figures import Record, Replies, difference, drift
from socrates_language import marked
from socrates_language.retold import retold

DRIFT = 2.0
"""Most by which the loss per token on neutral texts may exceed the base's; three rewrites learnt by heart cost 1.0."""
FAR_WORSE = 1.25
"""How many times the parent's loss is clearly worse where examples are too few for an interval."""

_EMPTY_AND_REPEATING = marked("Of {replies} test replies {empty} were empty and {repeating} went round in circles.")
_EMPTY = marked("Of {replies} test replies {empty} were empty.")
_REPEATING = marked("Of {replies} test replies {repeating} went round in circles.")
_FORGETFUL = marked(
    "It has forgotten too much: its loss on neutral texts is {lost} above the base's, and {allowed} is allowed."
)
_NOT_COMPARED = marked("There are no held-out examples yet, so it was not compared.")
_WORSE = marked("It is worse: held-out loss {loss} against {before} of {parent}.")
_BETTER = marked("It is better: held-out loss {loss} against {before} of {parent}.")
_NEITHER = marked("It is neither clearly better nor clearly worse: held-out loss {loss} against {before} of {parent}.")
_FAR_WORSE_OF_ONE = marked(
    "It is far worse, even if there are only {few} held-out example: held-out loss {loss} against {before} of {parent}."
)
_FAR_WORSE_OF_FEW = marked(
    "It is far worse, even if there are only {few} held-out examples: "
    "held-out loss {loss} against {before} of {parent}."
)
_ONE_CANNOT_TELL = marked(
    "With {few} held-out example it cannot be told whether it is better: "
    "held-out loss {loss} against {before} of {parent}."
)
_FEW_CANNOT_TELL = marked(
    "With {few} held-out examples it cannot be told whether it is better: "
    "held-out loss {loss} against {before} of {parent}."
)
_SENTENCES = (
    _EMPTY_AND_REPEATING,
    _EMPTY,
    _REPEATING,
    _FORGETFUL,
    _NOT_COMPARED,
    _WORSE,
    _BETTER,
    _NEITHER,
    _FAR_WORSE_OF_ONE,
    _FAR_WORSE_OF_FEW,
    _ONE_CANNOT_TELL,
    _FEW_CANNOT_TELL,
)


@dataclass(frozen=True)
class Judgement:
    """Whether a new version may become active by itself, and why, in a sentence for each reason."""

    better: bool
    reason: str
    """In English, as eval.json keeps it; ``reason_told`` tells it to a reader."""


def judge(candidate: Record, parent: Record, base: Record) -> Judgement:
    """Judge a candidate by what was measured of it, of its parent and of the base.

    It is kept aside for replies that are no replies, for having forgotten what the base knows, and for a held-out loss
    that is clearly worse than the parent's. Nothing to compare with is no fault: a first corpus has no held-out
    examples yet.
    """
    faults = [sentence for sentence in (_degenerate(candidate.replies), _forgetful(candidate, base)) if sentence]
    compared, worse = _compared(candidate, parent)
    if worse or not faults:
        faults.append(compared)
    return Judgement(not worse and faults == [compared], " ".join(faults))


def reason_told(reason: str) -> str:
    """Return the reason of a judgement in the language that is spoken; what is no sentence of these stays as it is."""
    return " ".join(retold(sentence, _SENTENCES) for sentence in re.split(r"(?<=\.) (?=[A-Z])", reason))


def _degenerate(replies: Replies | None) -> str:
    """Say what is wrong with the replies, if anything; half of them may be, as small models ramble."""
    if replies is None or (replies.empty + replies.repeating) * 2 <= replies.replies:
        return ""
    sentence = _EMPTY_AND_REPEATING if replies.empty and replies.repeating else _EMPTY if replies.empty else _REPEATING
    return sentence.format(replies=replies.replies, empty=replies.empty, repeating=replies.repeating)


def _forgetful(candidate: Record, base: Record) -> str:
    """Say how much of what the base knows is lost, if it is too much."""
    lost = drift(candidate, base)
    if lost is None or lost <= DRIFT:
        return ""
    return _FORGETFUL.format(lost=f"{lost:.2f}", allowed=DRIFT)


def _compared(candidate: Record, parent: Record) -> tuple[str, bool]:
    """Return what the held-out losses tell, and whether the candidate's is clearly worse."""
    apart = difference(candidate, parent)
    if apart is None or candidate.held_out is None or parent.held_out is None:
        return _NOT_COMPARED, False
    loss, before = candidate.held_out.loss_per_token, parent.held_out.loss_per_token
    few = apart.examples
    if not math.isfinite(loss):
        sentence, worse = _WORSE, True
    elif apart.interval is None and loss > FAR_WORSE * before:
        sentence, worse = _FAR_WORSE_OF_ONE if few == 1 else _FAR_WORSE_OF_FEW, True
    elif apart.interval is None:
        sentence, worse = _ONE_CANNOT_TELL if few == 1 else _FEW_CANNOT_TELL, False
    elif apart.interval[0] > 0:
        sentence, worse = _WORSE, True
    elif apart.interval[1] < 0:
        sentence, worse = _BETTER, False
    else:
        sentence, worse = _NEITHER, False
    return sentence.format(few=few, loss=f"{loss:.3f}", before=f"{before:.3f}", parent=parent.version), worse
