"""Gemma's terms and their acceptance, kept as a small file in the home. Asking the user is the application's work."""

import json
from datetime import UTC, datetime
from pathlib import Path

from adapters.api import EMBEDDED
from adapters.files import replace_text
from socrates_language import marked

TEXT = marked("""\
Gemma is Google's model. Its weights are used under the Gemma Terms of Use (ai.google.dev/gemma/terms) and the \
Gemma Prohibited Use Policy (ai.google.dev/gemma/prohibited_use_policy).

Accepting means that you have read both and will keep to them, for the model itself, for what it writes and for \
every version you train from it: a version is a derivative of Gemma, and whoever you pass one to must receive the same \
terms. Socrates itself is free software and adds no terms of its own. You are asked once for this home.""")

FILE = "gemma-terms.json"


def needed(base: str) -> bool:
    """Say whether ``base`` brings weights under Gemma's terms: the embedded Gemma and Google's own on the hub.

    A local directory is the user's own affair: whoever put it there has had the terms with it.
    """
    return base == EMBEDDED or base.startswith("google/")


def accepted(home: Path) -> bool:
    """Say whether the terms were accepted in ``home``."""
    return (home / FILE).is_file()


def accept(home: Path) -> None:
    """Note in ``home`` that the terms were accepted, and when."""
    note = {"terms": "ai.google.dev/gemma/terms", "accepted": datetime.now(UTC).isoformat(timespec="seconds")}
    replace_text(home / FILE, json.dumps(note) + "\n")
