"""Reading JSON records one at a time: JSON lines or one array. What is in them is corpus.formats'."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from io import TextIOWrapper
from typing import IO, Any

from corpus.formats import Unreadable
from socrates_language import marked, tr

LARGEST = 1 << 24
"""Bytes of a record, or characters of one in an array, beyond which it is refused."""

_CHUNK = 1 << 16
"""Characters of an array read at a time."""
_SPACE = re.compile(r"[ \t\r\n]*")
_TOO_LONG = marked("It is longer than {size} MiB: split it into several records.")


def lines(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield each record, or an Unreadable, with its line from 1; empty lines are passed over."""
    number = 0
    while line := file.readline(LARGEST + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(BOM_UTF8)
        if len(line) > LARGEST:
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)
            yield number, Unreadable(tr(_TOO_LONG).format(size=LARGEST >> 20))
        elif line.strip():
            yield number, _decoded(line)


def elements(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield each element of an array, or an Unreadable where the rest of it cannot be read, with its place from 1."""
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    number = 0
    try:
        for number, element in enumerate(_elements(text), start=1):
            yield number, element
    except (ValueError, RecursionError) as error:
        yield number + 1, Unreadable(tr("From here on the array is not JSON: {error}.").format(error=error))
    finally:
        text.detach()


def _decoded(line: bytes) -> Any:
    try:
        return json.loads(line.decode())
    except UnicodeDecodeError:
        return Unreadable(tr("It is not UTF-8: save the file as UTF-8."))
    except (ValueError, RecursionError) as error:
        return Unreadable(tr("It is not JSON: {error}.").format(error=error))


def _elements(text: IO[str]) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    rest = text.read(_CHUNK).lstrip()[1:]
    expected = "]"
    while True:
        rest = _from_next(text, rest)
        if rest.startswith("]"):
            return
        if expected == ",":
            if not rest.startswith(","):
                raise ValueError(tr("a comma or the closing bracket is missing"))
            rest = _from_next(text, rest[1:])
        expected = ","
        position = 0
        while True:
            try:
                element, position = decoder.raw_decode(rest)
                break
            except ValueError as error:
                if len(rest) > LARGEST:
                    raise ValueError(
                        tr("{error}, or an element is longer than {size} MiB").format(error=error, size=LARGEST >> 20)
                    ) from error
                more = text.read(min(max(_CHUNK, len(rest)), LARGEST + 1 - len(rest)))
                if not more:
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
            raise ValueError(tr("the closing bracket is missing"))
