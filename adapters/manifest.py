"""What version.json says. Which versions there are, and what becomes of them, is adapters.registry's."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.api import BASE
from socrates_language import tr

MANIFEST = "version.json"


def json_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; ValueError says what is wrong."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(tr("{file} is missing").format(file=path.name)) from error
    except OSError as error:
        raise ValueError(tr("{file} cannot be read ({error})").format(file=path.name, error=error.strerror)) from error
    except ValueError as error:
        raise ValueError(tr("{file} is not JSON").format(file=path.name)) from error
    if not isinstance(fields, dict):
        raise ValueError(tr("{file} holds no object").format(file=path.name))  # noqa: TRY004
    return fields


def as_json(manifest: dict[str, Any]) -> str:
    """Return the text of version.json."""
    return json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


def plain_manifest(config: dict[str, Any]) -> dict[str, Any]:
    """Return what can be said of an adapter that came without version.json."""
    return {
        "title": "",
        "note": "",
        "base": {"id": config.get("base_model_name_or_path") or "", "weights_hash": ""},
        "corpus": {"examples": 0},
        "held_out": {"examples": 0, "tokens": 0, "base": None, "parent": None, "candidate": None},
        "created": now(),
    }


def from_elsewhere(told: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest of a version that was trained on another home's corpus and judged against its versions."""
    corpus = told.get("corpus")
    return told | {"parent": BASE, "corpus": (corpus if isinstance(corpus, dict) else {}) | {"as_of": ""}}


def now() -> str:
    """Return the moment: ISO 8601, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
