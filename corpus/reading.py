"""Reading JSON records from a file one at a time: JSON lines or one array. What is in them is corpus.formats'."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, RawIOBase, TextIOWrapper
from typing import IO, Any, cast

_CHUNK = 1 << 16
"""Characters of an array read at a time."""
_LARGEST = 1 << 26
"""Characters after which an element of an array that does not end is given up."""
_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True)
class Unreadable:
    """A record that is no JSON, and why."""

    reason: str


def records(stream: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield each record, or an Unreadable, with its number from 1: of the line, or of the element of an array.

    A byte order mark, carriage returns and empty lines are passed over.
    """
    buffered = BufferedReader(cast(RawIOBase, stream))
    try:
        if buffered.peek().removeprefix(BOM_UTF8).lstrip().startswith(b"["):
            yield from enumerate(_elements(buffered), start=1)
        else:
            for number, line in enumerate(buffered, start=1):
                content = line.removeprefix(BOM_UTF8) if number == 1 else line
                if content.strip():
                    yield number, _decoded(content)
    finally:
        buffered.detach()


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError:
        return Unreadable("It is not UTF-8: save the file as UTF-8.")
    except (ValueError, RecursionError) as error:
        return Unreadable(f"It is not JSON: {error}.")


def _elements(buffered: IO[bytes]) -> Iterator[Any]:
    text = TextIOWrapper(buffered, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        yield from _decoded_elements(text)
    except (ValueError, RecursionError) as error:
        yield Unreadable(f"From here on the array is not JSON: {error}.")
    finally:
        text.detach()


def _decoded_elements(text: IO[str]) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    rest = text.read(_CHUNK).lstrip()[1:]
    expected = "]"
    while True:
        rest = _from_next(text, rest)
        if rest.startswith("]"):
            return
        if expected == ",":
            if not rest.startswith(","):
                raise ValueError("a comma or the closing bracket is missing")
            rest = _from_next(text, rest[1:])
        expected = ","
        position = 0
        while True:
            try:
                element, position = decoder.raw_decode(rest)
                break
            except ValueError:
                more = text.read(max(_CHUNK, len(rest)))
                if not more or len(rest) > _LARGEST:
                    raise
                rest += more
        rest = rest[position:]
        yield element


def _from_next(text: IO[str], rest: str) -> str:
    """Return what is left from the next character that is no space on."""
    while True:
        found = _SPACE.match(rest)
        assert found is not None
        if found.end() < len(rest):
            return rest[found.end() :]
        rest = text.read(_CHUNK)
        if not rest:
            raise ValueError("the closing bracket is missing")
