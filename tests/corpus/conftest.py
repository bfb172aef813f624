"""An empty corpus in a temporary directory."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.store import Corpus


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "corpus.db"


@pytest.fixture
def corpus(path: Path) -> Iterator[Corpus]:
    with Corpus(path) as opened:
        yield opened
