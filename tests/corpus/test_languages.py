import pytest

from corpus.languages import language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("では、君にとって正義とは何かね？", "Japanese"),
        ("Socrates と Plato の philosophy について、君はどう考えるかね？", "Japanese"),
        ("ｿｸﾗﾃｽﾊﾄｳ。ｷﾐﾊﾄﾞｳｶ", "Japanese"),
        ("善是一种道德品质，意味着对他人有益的行为", "Chinese"),
        ("그렇다면 자네에게 정의란 무엇인가?", "Korean"),
        ("What is justice to you?", "Latin-script"),
        ("Qu’est-ce que la vertu ?", "Latin-script"),
        ("Что такое добродетель?", "Cyrillic-script"),
        ("```python\nprint('what is justice')\n```\nこれを見てみたまえ。", "Japanese"),
        ("`what is justice`", None),
        ("https://example.org/what-is-justice 42", None),
        ("……？", None),
        ("", None),
    ],
)
def test_the_script_tells_the_language(text: str, expected: str | None) -> None:
    assert language(text) == expected
