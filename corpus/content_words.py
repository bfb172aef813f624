"""What of a text says something, as far as its script shows it: there is no dictionary.

Texts are in Unicode's NFKC form and in lower case.
"""

import re
from collections.abc import Iterator

_IDEOGRAPH = re.compile(r"[一-鿿㐀-䶿々]")
_KANJI_RUN = re.compile(r"[一-鿿々]+")
_WORD = re.compile(r"[ァ-ヺー]{2,}|[a-zà-ɏ]+(?:'[a-z]+)?|\d+|[가-힣]{2,}|[а-яё]{3,}")
_JAPANESE_RUN = re.compile(r"[ぁ-ゖ一-鿿々]{4,}")
_HIRAGANA_RUN = re.compile(r"[ぁ-ゖー]{3,}")
_COMMON_KANJI = frozenset("人私思何君今言事物時方自分的一二三日本当前後中上下者見出来行気")
_COMMON_KANA = re.compile(
    "です|ます|まし|ませ|って|とい|いう|こと|もの|ない|なか|いる|いた|して|した|ので|から|けど|だろ|よう|そう|たい|ちゃ|"
    "んだ|のだ|のか|かな|でし|てい|では|には|とは|ても|され|れる|られ|ある|あっ|まで|だけ|ほど|なら|たら|くれ|しま|なる|なっ|かも|しれ|ただ|だっ|たの|その|それ|この|わけ|とし|にし|でも|かを|すか|のは|んな|うか|うと"
)
_COMMON_ENGLISH = """
the a an and or but if so of to in on at for with from by as is are was were be been am do does did have has had not
no it its it's this that these those there here i i'm i've i'd i'll me my we us our you your he him his she her they
them their what who whom whose which when where why how all any some just very really too then than can could would
should will shall may might must don't doesn't didn't can't won't isn't about into out up down because get got one
"""
_COMMON_WORDS = frozenset(_COMMON_ENGLISH.split())
_COMMON_COMPOUNDS = frozenset({"自分", "本当", "今日"})


def content_words(text: str) -> tuple[set[str], set[str]]:
    """Return the words of ``text`` that say something, as far as its script shows them; and its single ideographs."""
    words = {_stem(word) for word in _WORD.findall(text) if word not in _COMMON_WORDS}
    for run in _KANJI_RUN.findall(text):
        words.update(run[i : i + 2] for i in range(len(run) - 1))
    for run in _HIRAGANA_RUN.findall(text):
        for piece in _COMMON_KANA.split(run):
            words.update(piece[i : i + 3] for i in range(len(piece) - 2))
    return words - _COMMON_COMPOUNDS, set(_IDEOGRAPH.findall(text)) - _COMMON_KANJI


def runs(text: str) -> Iterator[str]:
    """Yield each four letters of Japanese in a row that say more than how a sentence is built."""
    for run in _JAPANESE_RUN.findall(text):
        for place in range(len(run) - 3):
            four = run[place : place + 4]
            if _IDEOGRAPH.search(four) or len(_COMMON_KANA.sub("", four)) > 1:
                yield four


def _stem(word: str) -> str:
    """Return an English word without its most common endings."""
    for ending in ("'s", "ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            return word.removesuffix(ending)
    return word
