"""What the user has written and not yet said: kept in a file, so that closing the window loses no word."""

import json
import logging
from pathlib import Path

from adapters.files import replace_text

PROMPT = "prompt"
"""The key of the text in the prompt."""

log = logging.getLogger(__name__)


class Drafts:
    """Texts by key, on disk after every change."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._texts: dict[str, str] = {}
        try:
            self._texts = {str(key): str(text) for key, text in json.loads(path.read_text(encoding="utf-8")).items()}
        except FileNotFoundError:
            pass
        except (ValueError, AttributeError):
            log.warning("%s cannot be read; drafts begin anew", path)

    def get(self, key: str) -> str | None:
        """Return the draft under ``key``, if there is one."""
        return self._texts.get(key)

    def keep(self, key: str, text: str) -> None:
        """Keep ``text`` under ``key``; an empty text removes it."""
        if self._texts.get(key, "") == text:
            return
        if text:
            self._texts[key] = text
        else:
            del self._texts[key]
        replace_text(self._path, json.dumps(self._texts, ensure_ascii=False, indent=1) + "\n")


def rewrite_of(turn: int) -> str:
    """Return the key of the unfinished rewrite of a turn."""
    return f"rewrite-{turn}"
