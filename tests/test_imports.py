"""What may import what, where import-linter does not look."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import adapters
import corpus
import socrates_errors

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("package", [corpus, adapters])
def test_the_packages_are_this_projects_own(package: object) -> None:
    """PyPI has others of the same names, one of which patches transformers."""
    assert Path(str(package.__file__)).parent.parent == ROOT  # type: ignore[attr-defined]


def test_the_errors_import_nothing() -> None:
    tree = ast.parse(Path(socrates_errors.__file__).read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]


def test_nothing_heavy_is_imported_before_the_engine_is_needed() -> None:
    libraries = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "pandas", "tokenizers")
    heavy = (*libraries, "rapidfuzz", "corpus.style", "socrates_tui.filter_words")
    program = f"import sys, socrates_tui.cli, socrates_tui.compose; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_module_is_read_in_one_sitting() -> None:
    modules = [p for package in ("corpus", "adapters", "socrates_tui") for p in (ROOT / package).rglob("*.py")]
    assert [m.name for m in modules if len(m.read_text(encoding="utf-8").splitlines()) > 430] == []
