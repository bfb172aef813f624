"""Whether a new version may become active by itself, and the sentence that says why. Measuring it is judging's work."""

import math
from dataclasses import dataclass

from adapters.figures import Record, Replies, difference, drift

DRIFT = 2.0
"""Most by which the loss per token on neutral texts may exceed the base's; three rewrites learnt by heart cost 1.0."""
FAR_WORSE = 1.25
"""How many times the parent's loss is clearly worse where examples are too few for an interval."""


@dataclass(frozen=True)
class Judgement:
    """Whether a new version may become active by itself, and why, in a sentence for each reason."""

    better: bool
    reason: str


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


def _degenerate(replies: Replies | None) -> str:
    """Say what is wrong with the replies, if anything; half of them may be, as small models ramble."""
    if replies is None or (replies.empty + replies.repeating) * 2 <= replies.replies:
        return ""
    named = ((replies.empty, "were empty"), (replies.repeating, "went round in circles"))
    what = " and ".join(f"{count} {what}" for count, what in named if count)
    return f"Of {replies.replies} test replies {what}."


def _forgetful(candidate: Record, base: Record) -> str:
    """Say how much of what the base knows is lost, if it is too much."""
    lost = drift(candidate, base)
    if lost is None or lost <= DRIFT:
        return ""
    return (
        f"It has forgotten too much: its loss on neutral texts is {lost:.2f} above the base's, and {DRIFT} is allowed."
    )


def _compared(candidate: Record, parent: Record) -> tuple[str, bool]:
    """Return what the held-out losses tell, and whether the candidate's is clearly worse."""
    apart = difference(candidate, parent)
    if apart is None or candidate.held_out is None or parent.held_out is None:
        return "There are no held-out examples yet, so it was not compared.", False
    loss, before = candidate.held_out.loss_per_token, parent.held_out.loss_per_token
    figures = f"held-out loss {loss:.3f} against {before:.3f} of {parent.version}"
    if not math.isfinite(loss):
        return f"It is worse: {figures}.", True
    if apart.interval is None:
        few = f"{apart.examples} held-out example{'' if apart.examples == 1 else 's'}"
        if loss > FAR_WORSE * before:
            return f"It is far worse, even if there are only {few}: {figures}.", True
        return f"With {few} it cannot be told whether it is better: {figures}.", False
    low, high = apart.interval
    if low > 0:
        return f"It is worse: {figures}.", True
    if high < 0:
        return f"It is better: {figures}.", False
    return f"It is neither clearly better nor clearly worse: {figures}.", False
