from pathlib import Path

import pytest

from adapters import terms


def test_acceptance_is_kept_in_the_home(tmp_path: Path) -> None:
    assert not terms.accepted(tmp_path)
    terms.accept(tmp_path)
    assert terms.accepted(tmp_path)


@pytest.mark.parametrize(
    ("base", "needed"),
    [("embedded", True), ("google/gemma-2-2b-jpn-it", True), ("someone/gemma", False), ("/models/mine", False)],
)
def test_terms_are_needed_for_googles_own_weights(base: str, needed: bool) -> None:
    assert terms.needed(base) is needed


def test_the_text_names_both_documents() -> None:
    assert "ai.google.dev/gemma/terms" in terms.TEXT
    assert "ai.google.dev/gemma/prohibited_use_policy" in terms.TEXT
