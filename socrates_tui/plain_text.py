"""Text from models and files made safe for the terminal; it changes what is shown, never what is stored."""

_LINE = 400
"""Characters of a text that a line of any terminal can show."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_STAND_INS: dict[int, str] = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\N{SYMBOL FOR DELETE}",
    **dict.fromkeys(range(0x80, 0xA0), _REPLACEMENT),
    **dict.fromkeys(range(0x202A, 0x202F), _REPLACEMENT),
    **dict.fromkeys(range(0x2066, 0x206A), _REPLACEMENT),
    **dict.fromkeys((0x2028, 0x2029), "\N{SYMBOL FOR NEWLINE}"),
    **dict.fromkeys(range(0xD800, 0xE000), _REPLACEMENT),
}


def plain(text: str) -> str:
    """Return ``text`` with each character that could command a terminal replaced by one that can be seen.

    Replaced are C0 controls except line feed and tab, DEL, C1 controls, bidirectional embeddings, overrides and
    isolates (CVE-2021-42574), line and paragraph separators, and lone surrogates, which no terminal encoding can
    carry. The length stays the same.
    """
    return text.translate(_STAND_INS)


def plain_line(text: str) -> str:
    """Return the beginning of ``text`` as one line, each run of white space one space."""
    return plain(" ".join(text[:_LINE].split()))


def plain_start(text: str, most: int) -> str:
    """Return all of ``text`` as one such line; of a longer one its beginning, ``most`` characters with an ellipsis."""
    line = plain(" ".join(text.split()))
    return line if len(line) <= most else line[: most - 1] + "…"
