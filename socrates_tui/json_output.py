"""JSON on standard output that no terminal obeys and no line splitter breaks."""

import json
import re
import sys
from typing import Any

_COMMANDING = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON lets stand although a terminal, or a reader of lines, may take it for a command."""


def json_text(document: Any) -> str:
    """Return ``document`` in one line of JSON: other scripts stand as they are, controls are escaped."""
    text = json.dumps(document, ensure_ascii=False)
    return _COMMANDING.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def print_json(document: Any) -> None:
    """Print ``document`` in one line, at once."""
    sys.stdout.write(json_text(document) + "\n")
    sys.stdout.flush()
