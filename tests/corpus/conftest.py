"""An empty corpus in a temporary directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.store import Corpus
from tests.corpus.talk import quick


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "corpus.db"


@pytest.fixture
def corpus(path: Path) -> Iterator[Corpus]:
    with quick(path) as opened:
        yield opened
