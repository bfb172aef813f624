"""Tests that all that a person reads can be read in Japanese."""

import ast
import gettext
import re
from collections.abc import Iterable, Iterator

import pytest

import socrates_language
from socrates_language import CATALOGS, ngettext, of_locale, use
from tests.language import JAPANESE, KEYWORDS, ROOT, read, template

CATALOG = read(JAPANESE)
MESSAGES = [message for message in CATALOG if message.id]


@pytest.fixture(autouse=True)
def english_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(socrates_language.VARIABLE, "en")
    yield
    use("en")


def test_every_sentence_of_the_code_is_in_the_catalog_and_no_other() -> None:
    assert {message.id for message in MESSAGES} == {message.id for message in template() if message.id}


def test_no_sentence_stands_where_it_is_not_found() -> None:
    found = {form for message in template() if message.id for form in forms(message.id)}
    files = [file for package in ("adapters", "corpus", "socrates_tui") for file in (ROOT / package).rglob("*.py")]
    calls = [node for file in files for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    said = [arg for call in calls if isinstance(call.func, ast.Name) and call.func.id in KEYWORDS for arg in call.args]
    assert [arg.value for arg in said if isinstance(arg, ast.Constant) and arg.value and arg.value not in found] == []


def test_every_sentence_is_translated() -> None:
    assert [message.id for message in MESSAGES if not all(forms(message.string))] == []


def test_every_translation_has_the_fields_of_the_original() -> None:
    assert [message.id for message in MESSAGES if fields(message.id) != fields(message.string)] == []


def forms(text: str | Iterable[str]) -> list[str]:
    """Return the singular and the plural, or the one form."""
    return [text] if isinstance(text, str) else list(text)


def fields(text: str | Iterable[str]) -> set[str]:
    return {name for form in forms(text) for name in re.findall(r"\{[^}]*\}", form)}


def test_the_compiled_catalog_is_that_of_the_source() -> None:
    compiled = gettext.translation("socrates", CATALOGS, ["ja"])
    for message in MESSAGES:
        if isinstance(message.id, str):
            assert compiled.gettext(message.id) == message.string
        else:
            one, many = message.id
            assert compiled.ngettext(one, many, 1) == message.string[0]


def test_without_a_choice_the_code_speaks_and_after_one_the_catalog() -> None:
    assert ngettext("{number} turn", "{number} turns", 2) == "{number} turns"
    use("ja")
    assert ngettext("{number} turn", "{number} turns", 2) == "{number} ターン"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "ja_JP.UTF-8"}, "ja"),
        ({"LANG": "ja_JP.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "C.UTF-8", "LC_MESSAGES": "ja_JP"}, "ja"),
        ({"LANG": "C.UTF-8", "SOCRATES_LANGUAGE": "ja"}, "ja"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": ""}, "en"),
    ],
)
def test_the_locale_chooses_as_posix_says(environment: dict[str, str], language: str) -> None:
    assert of_locale(environment) == language
