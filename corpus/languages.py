"""The language of a text, as far as its script tells it."""

import re
from collections import Counter
from functools import cache
from unicodedata import name

from socrates_language import marked

_FEWEST = 8
"""Letters below which a text is of no language."""
_KANA = frozenset({"HIRAGANA", "KATAKANA"})
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_NAMES = {
    "JAPANESE": marked("Japanese"),
    "CJK": marked("Chinese"),
    "HANGUL": marked("Korean"),
    "LATIN": marked("Latin-script"),
    "CYRILLIC": marked("Cyrillic-script"),
    "GREEK": marked("Greek-script"),
    "ARABIC": marked("Arabic-script"),
    "HEBREW": marked("Hebrew-script"),
    "THAI": marked("Thai-script"),
    "DEVANAGARI": marked("Devanagari-script"),
}


def language(text: str) -> str | None:
    """Return the language of ``text``, code and addresses left out; None where too little is left.

    Kana makes a text Japanese, and ideographs without kana Chinese; what is written in another script is
    told by that. What is returned is English, to be translated where it is shown.
    """
    scripts: Counter[str] = Counter()
    for character, count in Counter(_CODE.sub("", text)).items():
        script = _script(character)
        if script is not None:
            scripts[script] += count
    kana = sum(scripts.pop(script, 0) for script in _KANA)
    if kana:
        # A kanji says as much as two or three letters, and a borrowed word is spelt in many.
        scripts["JAPANESE"] = 2 * (kana + scripts.pop("CJK", 0))
    if sum(scripts.values()) < _FEWEST:
        return None
    ((most, _),) = scripts.most_common(1)
    return _NAMES.get(most, f"{most.title()}-script")


@cache
def _script(character: str) -> str | None:
    if not character.isalpha():
        return None
    first = name(character, "").replace("FULLWIDTH ", "").replace("HALFWIDTH ", "").partition(" ")[0]
    return first or None
