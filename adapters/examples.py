"""Reading a file of examples, one a line. Making one is the corpus's work, encoding it adapters.encoding's."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from socrates_errors import TrainingError
from socrates_language import tr

T = TypeVar("T")


def read_examples(path: Path) -> list[dict[str, Any]]:
    """Return the lines of an examples file; raises TrainingError naming the first line that is no example."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")  # and at nothing else that is a line end elsewhere
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(
            tr("{path} cannot be read ({error}): give a file of examples, in UTF-8.").format(path=path, error=error)
        ) from error
    examples = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            example = _example(line)
            if example is None:
                raise TrainingError(
                    tr(
                        "{path}, line {number}, is no example: write {example} with user and assistant in turn, none "
                        "of them empty, the assistant last."
                    ).format(path=path, number=number, example="{'messages': [...]}")
                )
            examples.append(example)
    return examples


def _example(line: str) -> dict[str, Any] | None:
    """Return the example that ``line`` is, if it is one."""
    try:
        example: dict[str, Any] = json.loads(line)
        turns = [(message["role"], message["content"].strip()) for message in example["messages"]]
        hash((example.get("id"), example.get("conversation")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if turns and turns[0][0] == "system":
        turns = turns[1:]
    roles = ["user", "assistant"] * (len(turns) // 2)
    return example if turns and [role for role, _ in turns] == roles and all(text for _, text in turns) else None


def spread(things: Sequence[T], count: int) -> list[T]:
    """Return at most ``count`` of ``things``, evenly spread over them."""
    count = min(count, len(things))
    return [things[index * len(things) // count] for index in range(count)]


def digest(document: object) -> str:
    """Return ``sha256:...`` of what JSON can say."""
    text = json.dumps(document, ensure_ascii=False, sort_keys=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
