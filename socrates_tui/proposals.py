"""Small changes by which a reply may become Socratic: they are proposed, and never made by themselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from socrates_language import tr

_SENTENCE = re.compile(r"\s*(?:[^。！？!?.\n]|\.(?!\s|$))*(?:[。！？!?.]+[」』）)\"”]*|\n|$)")
_QUESTION = re.compile(r"[？?][」』）)\"”]*\s*$")
_KANJI = r"[\u3400-\u9fff々]"
_END = r"(?:[？?。]|(?=\s|$))"
_GODAN = dict(zip("いきぎしちにびみり", "うくぐすつぬぶむる", strict=True))
_POLITE: list[tuple[str, str | Callable[[re.Match[str]], str]]] = [
    (rf"(?:では|じゃ)ありませんか{_END}", "ではないかね？"),
    (rf"ありませんか{_END}", "ないかね？"),
    (rf"でしょうか{_END}", "だろうか？"),
    (rf"ですか{_END}", "かね？"),
    (rf"((?:{_KANJI}|[ァ-ヴー]){{2}})しますか{_END}", r"\1するかね？"),
    (rf"([てで])いますか{_END}", r"\1いるかね？"),
    (rf"できますか{_END}", "できるかね？"),
    (rf"([いきぎしちにびみり])ますか{_END}", lambda found: f"{_GODAN[found[1]]}かね？"),
    (rf"([えけげせてねべめれ]|{_KANJI})ますか{_END}", r"\1るかね？"),
]
"""Endings of polite questions and what Socrates would say; the first that fits counts."""


@dataclass(frozen=True)
class Proposal:
    """What could be made of a reply."""

    name: str
    text: str


def proposals(text: str) -> list[Proposal]:
    """Return what could be made of ``text``, without what would change nothing or leave nothing."""
    made = [
        Proposal(tr("Ask 〜かね？ where it says 〜ですか？"), _as_he_asks(text)),
        Proposal(tr("Keep the last question alone"), _last_question(text)),
        Proposal(tr("Leave out the first sentence that answers"), _without_answer(text)),
    ]
    return [proposal for proposal in made if proposal.text.strip() and proposal.text != text]


def _as_he_asks(text: str) -> str:
    for polite, plain in _POLITE:
        text = re.sub(polite, plain, text, flags=re.MULTILINE)
    return text


def _last_question(text: str) -> str:
    """Leave out every question but the last."""
    sentences = _sentences(text)
    questions = [number for number, sentence in enumerate(sentences) if _QUESTION.search(sentence)]
    return "".join(sentence for number, sentence in enumerate(sentences) if number not in questions[:-1]).strip()


def _without_answer(text: str) -> str:
    """Leave out the first sentence that asks nothing, where something is asked."""
    sentences = _sentences(text)
    telling = [
        number for number, sentence in enumerate(sentences) if sentence.strip() and not _QUESTION.search(sentence)
    ]
    if not telling or not any(_QUESTION.search(sentence) for sentence in sentences):
        return text
    return "".join(sentence for number, sentence in enumerate(sentences) if number != telling[0]).strip()


def _sentences(text: str) -> list[str]:
    return [found[0] for found in _SENTENCE.finditer(text) if found[0]]
