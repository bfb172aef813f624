"""What can be said of replies by looking at their characters. How they were made is not its concern."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ORDER = 6
BETA = 2.0
"""chrF's own settings: character n-grams of 1 to 6, recall counting twice as much as precision."""

QUESTION_ENDS = ("?", "？")
CLOSING = " \n\"')]*」』）”’"
"""What may stand behind the mark that ends a sentence."""


@dataclass(frozen=True)
class ReplyFigures:
    """Figures of a version's replies to a few prompts."""

    replies: int
    empty: int
    repeating: int
    questions: int
    """How many end in a question."""
    chrf: float | None
    """Mean chrF against the targets, 0 to 100; None where there is no target to compare with."""


def reply_figures(replies: Sequence[str], targets: Sequence[str] | None) -> ReplyFigures:
    """Return the figures of ``replies``, which were to be ``targets``."""
    scores = [] if targets is None else [chrf(reply, target) for reply, target in zip(replies, targets, strict=True)]
    return ReplyFigures(
        replies=len(replies),
        empty=sum(not reply.strip() for reply in replies),
        repeating=sum(is_repeating(reply) for reply in replies),
        questions=sum(ends_in_question(reply) for reply in replies),
        chrf=sum(scores) / len(scores) if scores else None,
    )


def is_repeating(reply: str) -> bool:
    """Tell whether fewer than half of the reply's sequences of four characters are different ones."""
    grams = [reply[i : i + 4] for i in range(len(reply) - 3)]
    return len(set(grams)) < len(grams) / 2


def ends_in_question(reply: str) -> bool:
    """Tell whether the reply's last sentence asks something, in Japanese or a language with question marks."""
    text = reply.rstrip(CLOSING)
    return text.endswith(QUESTION_ENDS) or text.rstrip("。").endswith(("か", "かね"))


def chrf(reply: str, target: str) -> float:
    """Return chrF, 0 to 100 (Popović 2015, W15-3049): the F-score of character n-grams, white space left out.

    Precision and recall are means over the orders of which both texts have an n-gram.
    """
    reply, target = "".join(reply.split()), "".join(target.split())
    precisions, recalls = [], []
    for order in range(1, ORDER + 1):
        said, wanted = _grams(reply, order), _grams(target, order)
        if not said or not wanted:
            break
        both = (said & wanted).total()
        precisions.append(both / said.total())
        recalls.append(both / wanted.total())
    if not any(precisions):
        return 0.0
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    return 100 * (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def _grams(text: str, order: int) -> Counter[str]:
    return Counter(text[i : i + order] for i in range(len(text) - order + 1))
