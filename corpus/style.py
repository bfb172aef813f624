"""Measuring how much a reply is what Socrates would have said. No model is asked: it reads words and marks alone.

Socrates takes up the person's own words, asks one question at a time, gives no answer away, and keeps the plain form
of an older man. Each of these is a part, 0 to 1; a part that is missing takes its share of what the others leave.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from unicodedata import normalize

from corpus.content_words import content_words, runs
from corpus.languages import language
from corpus.wordings import ENGLISH, JAPANESE, Wording
from socrates_language import marked

_READ = 3000
"""Characters of a text that are looked at; a reply that is longer is none of his."""

_KANA = re.compile(r"[ぁ-ゖァ-ヺー]")
_HAN = re.compile(r"[一-鿿㐀-䶿々]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_OTHER = re.compile(r"[^\W\d_A-Za-zÀ-ɏぁ-ゖァ-ヺー一-鿿㐀-䶿々〆ヶͰ-Ͽ]")
_SIMPLIFIED = re.compile(r"[们这时么你她给对说还过东车马见问门开关吗样让从认识爱长书样怎为产]")
"""Ideographs that Chinese has and Japanese has not."""
_LATIN_WORD = re.compile(r"[a-zà-ɏ]{2,}")
_NOT_LATIN = re.compile(r"[^\W\d_A-Za-zÀ-ɏͰ-Ͽ]")

_QUOTED = re.compile(r"「[^「」]*」|『[^『』]*』|“[^“”]*”|\"[^\"\n]*\"")
_SENTENCE = re.compile(r"[^。.!?\n]+(?:\.\w[^。.!?\n]*)*[。.!?…」』)\"”]*")
_LETTER = re.compile(r"[^\W\d_]")
_SPACE = re.compile(r"\s+")

_BRACKET = re.compile(r"[(\[{【<〈《][^)\]}】>〉》\n]*[)\]}】>〉》]?|\*[^*\n]+\*|\([^)]*$")
_MARKUP = re.compile(r"^\s*#|\*\*|`|https?:|</?\w+>|\$|\|", re.MULTILINE)
_ITEM = re.compile(r"^\s*(?:[-*•・]|\(?\d+[.)、]|[①-⑳])\s*\S", re.MULTILINE)
_SPEAKER = re.compile(r"^\s*(?:ソクラテス|socrates|user|model|assistant)\s*[::]", re.IGNORECASE | re.MULTILINE)
_PICTURE = re.compile(r"[☀-➿\U0001f000-\U0001faff]")
_OPENS_WITH_VERDICT = re.compile(r"^\s*(?:はい|いいえ|yes\b|no\b)[、,.。]", re.IGNORECASE)

_FEW = 3
"""Words of a prompt that leave little to take up."""
_MANY = 15
"""Words of a prompt beyond which any reply would share some of them."""


@dataclass(frozen=True)
class Part:
    """One thing that makes a reply his."""

    name: str
    share: float
    """What is taken of the score where the value is 0."""
    value: float
    """0 to 1."""
    advice: str
    """What would raise the value."""

    @property
    def left(self) -> float:
        """What this part leaves of the score, 0 to 1."""
        return 1 - self.share * (1 - self.value)


@dataclass(frozen=True)
class Style:
    """How much a reply is what Socrates would have said."""

    parts: tuple[Part, ...]

    @cached_property
    def score(self) -> float:
        """0 to 100."""
        return round(100 * prod(part.left for part in self.parts), 1)

    @property
    def weakest(self) -> Part:
        """The part that costs most."""
        return min(self.parts, key=lambda part: part.left)

    @property
    def advice(self) -> str:
        """What would raise the score most, in a few words; empty where nothing would."""
        return self.weakest.advice if self.weakest.left < 1 else ""

    @property
    def values(self) -> dict[str, float]:
        """The value of each part by its name."""
        return {part.name: round(part.value, 3) for part in self.parts}


def measure(prompt: str, reply: str) -> Style:
    """Return the style of ``reply`` to ``prompt``; any text can be measured."""
    asked, said = _Text(prompt), _Text(reply)
    return Style(tuple(Part(name, share, *part(asked, said)) for name, (share, part) in _PARTS.items()))


class _Text:
    """A text, normalised and taken apart once for all parts."""

    def __init__(self, text: str):
        self.whole = normalize("NFKC", text[:_READ])[:_READ].lower().strip()
        self.script = _script(self.whole)
        self.wording: Wording = JAPANESE if self.script in ("kana", "han") else ENGLISH
        quotes = _QUOTED.findall(self.whole)
        if len(quotes) == 1 and len(quotes[0]) > 0.9 * len(self.whole):
            self.whole = self.whole.strip('「」『』“”"')  # nothing but what is said
            quotes = []
        self.quotes = [quote[1:-1] for quote in quotes]
        self.unquoted = _QUOTED.sub("〃", self.whole)
        self.sentences = [
            each.strip() for each in _SENTENCE.findall(self.unquoted) if _LETTER.search(each) or "〃" in each
        ]
        self.questions = [each for each in self.sentences if "?" in each[-4:]]
        if not self.questions and self.sentences and self.wording.asks.search(self.sentences[-1]):
            self.questions = self.sentences[-1:]
        self.wants_answer = bool(self.questions or self.wording.request.search(self.whole))
        self.statements = [each for each in self.sentences if each not in self.questions]
        self.length = len(_SPACE.sub("", self.whole))


def _question(asked: _Text, said: _Text) -> tuple[float, str]:
    """One question, at the end, that a person can answer."""
    wording = said.wording
    if not said.questions:
        if asked.wording.farewell.search(asked.whole):
            return 0.6, marked("Send them on their way with one question.")
        return 0.0, marked("End with one question.")
    count, last = len(said.questions), said.questions[-1]
    value, advice = _OF_COUNT.get(count, 0.15), marked("Ask one question, and leave out the others.")
    if count == 2 and wording.alternative.search(last):
        value = 0.88
    if said.sentences[-1] != last:
        value, advice = value * 0.45, marked("Let the question be the last thing said.")
    kind, its_advice = _kind(said, last)
    return value * kind, its_advice if kind < 1 and kind <= value else advice


_OF_COUNT = {1: 1.0, 2: 0.72, 3: 0.4}
"""What so many questions are worth."""


def _kind(said: _Text, question: str) -> tuple[float, str]:
    wording = said.wording
    if wording.offer.search(question):
        return 0.1, marked("Ask about what the person thinks, not whether they want help.")
    if wording.nobodys.search(question):
        return 0.15, marked("Ask something that this person can answer.")
    if wording.assent.search(question):
        return 0.4, marked("Ask something to which yes is not the only answer.")
    if wording.leading.search(question):
        return 0.8, marked("Ask without leaning to an answer.")
    if wording.musing.search(question) and not wording.addressed.search(question):
        return 0.5, marked("Put the question to the person.")
    return 1.0, ""


def _form(_asked: _Text, said: _Text) -> tuple[float, str]:
    """The plain form of an older man, who speaks to somebody."""
    wording, sentences = said.wording, said.sentences
    if not sentences:
        return 0.0, marked("Say it in plain words.")
    polite = [bool(wording.polite.search(each)) for each in sentences]
    if any(polite):
        share = (sum(polite) + polite[-1]) / (len(polite) + 1)  # the end is what stays in the ear
        return 0.45 * (1 - share), _PLAIN[wording.name]
    value, advice = 0.7, _VOICE[wording.name]
    if any(wording.voice.search(each) for each in sentences) or (said.questions and wording is ENGLISH):
        value = 1.0
    if any(wording.casual.search(each) for each in sentences):
        value, advice = min(value, 0.5), marked("Speak like an older man, not like a pal.")
    if wording.address.search(said.unquoted):
        value, advice = value * 0.65, _ADDRESS[wording.name]
    loud = said.unquoted.count("!")
    if loud:
        value, advice = value * max(0.5, 1 - 0.15 * loud), marked("Say it without exclamation marks.")
    return value, advice


_PLAIN = {
    "ja": marked("Use the plain form (〜かね, 〜だろうか), not です and ます."),
    "en": marked("Speak plainly, without the courtesies of an assistant."),
}
_VOICE = {
    "ja": marked("Speak as an older man does: 〜かね, 〜だろうか, 〜だね."),
    "en": marked("Speak to the person: you, your."),
}
_ADDRESS = {"ja": marked("Say 君 to the person."), "en": marked("Say you to the person, and no title.")}


def _civil(asked: _Text, said: _Text) -> tuple[float, str]:
    """No insult that the person did not bring up."""
    rude = [word for word in said.wording.rude.findall(said.unquoted) if word not in asked.whole]
    return max(0.0, 1 - 0.6 * len(rude)), marked("Question the thought, and spare the person.")


def _taken_up(asked: _Text, said: _Text) -> tuple[float, str]:
    """The person's own words."""
    shortened = asked.whole.rstrip("。.!?… ")
    if len(shortened) >= 8 and shortened in said.unquoted[: 2 * len(shortened)]:
        return 0.2, marked("Take up a word of the prompt, not all of it.")
    if any(len(quote) > 1 and quote.rstrip("。.!?、, ") in asked.whole for quote in said.quotes):
        return 1.0, ""
    words, signs = content_words(asked.whole)
    if not words and not signs:
        return 0.9, marked("Take up what the person said.")
    its_words, its_signs = content_words(said.whole)
    value = 0.6 * len(words & its_words) + 0.45 * len(signs & its_signs)
    if not words & its_words and any(run in said.whole for run in runs(asked.whole)):
        value += 0.4
    if said.wording.pointing.search(said.unquoted):
        value += 0.3
    said_much = len(words) + len(signs)
    if said_much <= _FEW:
        value += 0.5
    return min(1.0, value / max(1.0, said_much / _MANY)), marked("Take up a word of the prompt.")


def _nothing_given(asked: _Text, said: _Text) -> tuple[float, str]:
    """No answer, no advice, no lecture."""
    wording, value, advice = said.wording, 1.0, marked("Ask instead of explaining.")
    for each in said.statements:
        if wording.cited.search(each):
            continue
        about = wording.defines.search(each) if asked.wants_answer else None
        if wording.answer.search(each) or (about and about[1] in asked.whole):
            value, advice = value - 0.55, marked("Leave the answer to the person.")
        if wording.directive.search(each):
            value, advice = value - 0.5, marked("Give no advice: ask what the person would do.")
        if wording.reasoning.search(each):
            value -= 0.2
    if asked.wants_answer and _OPENS_WITH_VERDICT.match(said.whole):
        value, advice = value - 0.6, marked("Leave the answer to the person.")
    told = len(said.statements) - 3
    return max(0.0, value - 0.12 * max(0, told)), advice


def _unadorned(_asked: _Text, said: _Text) -> tuple[float, str]:
    """Speech, without brackets, lists, markup or pictures."""
    value, advice = 1.0, ""
    if _PICTURE.search(said.whole):
        value, advice = 0.5, marked("Leave out the pictures.")
    if said.whole.count("\n\n") > 1:
        value, advice = 0.6, marked("Say it in one breath, without paragraphs.")
    if _BRACKET.search(said.unquoted):
        value, advice = 0.25, marked("Leave out what stands in brackets or asterisks.")
    if _SPEAKER.search(said.whole):
        value, advice = 0.25, marked("Leave out who speaks.")
    if _MARKUP.search(said.whole) or len(_ITEM.findall(said.whole)) > 1:
        value, advice = 0.0, marked("Say it in sentences, without lists and markup.")
    return value, advice


def _length(_asked: _Text, said: _Text) -> tuple[float, str]:
    """Two or three sentences."""
    fewest, short, long, most = said.wording.lengths
    if said.length < short:
        return 0.9 * max(0, said.length - fewest) / (short - fewest) + 0.1 * bool(said.length), marked(
            "Say a little more."
        )
    over = min(1.0, max(0, said.length - long) / (most - long))
    return 1 - 0.8 * over, marked("Say it in two sentences.")


def _fresh(_asked: _Text, said: _Text) -> tuple[float, str]:
    """No loop."""
    text = _SPACE.sub("", said.whole)
    size = 5 if said.wording is JAPANESE else 9
    grams = [text[i : i + size] for i in range(len(text) - size + 1)]
    share = len(set(grams)) / len(grams) if grams else 1.0
    return min(1.0, max(0.0, (share - 0.5) / 0.35)), marked("Say each thing once.")


def _same_language(asked: _Text, said: _Text) -> tuple[float, str]:
    """The language of the prompt, and no other among it."""
    advice = marked("Reply in the language of the prompt.")
    if not _understood(asked, said):
        return 0.0, advice
    letters = len(_LETTER.findall(said.whole))
    if said.script in ("kana", "han"):
        borrowed = [word for word in _LATIN_WORD.findall(said.whole) if word not in asked.whole]
        stray = len(_OTHER.findall(said.whole)) + 2 * len(_SIMPLIFIED.findall(said.whole))
        stray += max(0, sum(map(len, borrowed)) - letters // 8)
    else:
        stray = sum(1 for each in _NOT_LATIN.findall(said.whole) if each not in asked.whole)
        stray *= said.script == "latin"
    return (max(0.0, 0.6 - 4 * stray / letters) if stray else 1.0), marked("Leave out the words of another language.")


def _understood(asked: _Text, said: _Text) -> bool:
    """Tell whether the reply is written in a script of the prompt."""
    match said.script:
        case None:
            return True
        case "kana":
            return asked.script in (None, "kana", "han") or bool(_KANA.search(asked.whole))
        case "han":
            return asked.script in (None, "han") or (asked.script == "kana" and said.length <= 8)
        case "latin":
            return asked.script in (None, "latin")
        case _:
            languages = {language(asked.whole), language(said.whole)} - {None}
            return asked.script in (None, "other") and len(languages) < 2


def _script(text: str) -> str | None:
    """Return what most of ``text`` is written in: kana, han (without kana), latin or other; None without letters."""
    kana, han, latin, other = (len(each.findall(text)) for each in (_KANA, _HAN, _LATIN, _OTHER))
    if not kana + han + latin + other:
        return None
    if other > 2 * (kana + han) and other > latin:
        return "other"
    if 2 * (kana + han) < latin:  # an ideograph says as much as two letters or three
        return "latin"
    return "kana" if kana else "han"


_PARTS: dict[str, tuple[float, Callable[[_Text, _Text], tuple[float, str]]]] = {
    "question": (0.65, _question),
    "form": (0.6, _form),
    "taken_up": (0.45, _taken_up),
    "nothing_given": (0.65, _nothing_given),
    "unadorned": (0.4, _unadorned),
    "length": (1.0, _length),
    "fresh": (1.0, _fresh),
    "language": (0.9, _same_language),
    "civil": (0.9, _civil),
}
"""The parts, and what share of the score each takes where it is missing altogether."""
