"""A notification on the desktop, through the terminal."""

from collections.abc import Mapping

from socrates_tui.plain_text import plain

KNOWING = {"iTerm.app", "WezTerm", "ghostty"}
"""Programs (TERM_PROGRAM) that show what OSC 9 tells; others may show it as garbage."""
TERMINALS = {"xterm-kitty", "foot"}
"""The same by TERM."""


def notification(sentence: str, environment: Mapping[str, str]) -> str:
    """Return what makes the terminal show ``sentence`` on the desktop; nothing for one that may not know how."""
    if environment.get("TERM_PROGRAM") in KNOWING or environment.get("TERM") in TERMINALS:
        return f"\x1b]9;{plain(' '.join(sentence.split()))}\x1b\\"
    return ""
