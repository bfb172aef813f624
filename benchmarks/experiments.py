"""What experiments with recipes share: their options, their examples, and a model that is ready to be trained."""

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.api import EMBEDDED
from adapters.recipe import Recipe

if TYPE_CHECKING:
    from adapters.encoding import Row
    from adapters.memory import Memory


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options for the base and the two files of examples."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--models", type=Path, required=True, help="directory of converted bases")
    made.add_argument("--base", default=EMBEDDED)
    made.add_argument("--train", type=Path, required=True)
    made.add_argument("--eval", type=Path, required=True)
    made.add_argument("--eval-limit", type=int, default=120)
    return made


def read(path: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """Return the first ``limit`` lines of an examples file, without what would join them to conversations."""
    with path.open(encoding="utf-8") as lines:
        return [{"messages": json.loads(line)["messages"]} for line in itertools.islice(lines, limit)]


def write(path: Path, examples: list[dict[str, Any]]) -> Path:
    """Write ``examples`` to ``path``, one a line."""
    path.write_text("".join(json.dumps(example, ensure_ascii=False) + "\n" for example in examples), encoding="utf-8")
    return path


def prepared(directory: Path, rows: "Sequence[Row]", recipe: Recipe) -> "tuple[Any, Memory]":
    """Return the base in ``directory`` under a fresh adapter, seeded, and what of a step over ``rows`` fits."""
    import torch

    from adapters.base import load_model
    from adapters.fused import fuse
    from adapters.memory import Memory
    from adapters.training import _with_adapter

    torch.manual_seed(recipe.seed)
    base = load_model(directory, trainable=True)
    memory = Memory(base, rows, recipe)
    model = _with_adapter(base, recipe, None)
    if recipe.dropout == 0:
        fuse(model, keep_weights=memory.keeps_weights)
    return model, memory
