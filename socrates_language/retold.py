"""A sentence that was written down in English, in the language that is spoken."""

import re
from collections.abc import Iterable
from functools import cache

from socrates_language import tr


def retold(sentence: str, templates: Iterable[str]) -> str:
    """Return ``sentence``, which the first fitting one of ``templates`` made, in the language; else as it is."""
    for template in templates:
        if found := _pattern(template).fullmatch(sentence):
            return tr(template).format(**found.groupdict())
    return sentence


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Return what finds the sentences that ``template`` makes, and what stands in its fields."""
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+?)", re.escape(template)), re.DOTALL)
