"""Reading rows of CSV and parquet files as records. What is in them is corpus.formats'."""

import csv
from collections.abc import Iterator, Sequence
from io import TextIOWrapper
from itertools import zip_longest
from typing import IO, Any

from corpus.formats import PROMPTS, REPLIES, Unreadable, named, one_of
from corpus.json_records import LARGEST
from socrates_errors import CorpusError
from socrates_language import tr

_DELIMITERS = ",;\t"
_ROWS = 256
"""Rows of a parquet file that are in memory at a time."""
_BUFFER_BYTES = 1 << 20
"""Bytes of each of its columns."""


def delimiter_of(header: str) -> str | None:
    """Return what separates the columns of a CSV file, told by its first line; None where that names no exchange."""
    return next((mark for mark in _DELIMITERS if named(_names(next(csv.reader([header], delimiter=mark), [])))), None)


def csv_rows(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield each row of a CSV file as a record, or an Unreadable, with the line that it begins in.

    The first line names the columns, in any case. An empty field is as one that is not there; `turn` is a number, and
    `tags` are separated by commas.
    """
    csv.field_size_limit(LARGEST)
    text = TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    try:
        header = text.readline(LARGEST)
        delimiter = delimiter_of(header)
        if delimiter is None:
            raise CorpusError(
                tr(
                    "The file is neither JSON nor parquet, and as CSV its first line must name {prompts}, and "
                    "{replies}, or chosen and rejected: give its columns such names."
                ).format(prompts=one_of(PROMPTS), replies=one_of(REPLIES))
            )
        names = _names(next(csv.reader([header], delimiter=delimiter)))
        rows = csv.reader(_lines(text), delimiter=delimiter)
        while True:
            line = rows.line_num + 2
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, Unreadable(tr("It is not CSV: {error}.").format(error=error))
                continue
            if len(row) > len(names):
                reason = tr("It has more than {number} fields: put texts with commas in quotes.")
                yield line, Unreadable(reason.format(number=len(names)))
            elif any(row):
                yield line, _record(names, row)
    finally:
        text.detach()


def _lines(text: IO[str]) -> Iterator[str]:
    """Yield each line; one that is too long as a single field that is, which is refused."""
    while line := text.readline(LARGEST + 1):
        if len(line) <= LARGEST:
            yield line
            continue
        while line and not line.endswith(("\r", "\n")):
            line = text.readline(LARGEST)
        yield "x" * (LARGEST + 1)


def _names(header: Sequence[str]) -> list[str]:
    return [name.strip().casefold() for name in header]


def _record(names: Sequence[str], row: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {
        name: field if field.strip() else None for name, field in zip_longest(names, row, fillvalue="")
    }
    turn = (record.get("turn") or "").strip()
    if turn.isdecimal() and len(turn) <= len(str(2**63)):
        record["turn"] = int(turn)
    if record.get("tags"):
        record["tags"] = [tag for tag in record["tags"].split(",") if tag.strip()]
    return record


def parquet_rows(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Yield each row of a parquet file as a record, or an Unreadable where the rest cannot be read, from 1."""
    import pyarrow  # type: ignore[import-untyped]
    import pyarrow.parquet  # type: ignore[import-untyped]

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False) as opened:
            for batch in opened.iter_batches(batch_size=_ROWS, use_threads=False):
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name.casefold(): value for name, value in row.items()}
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        yield number + 1, Unreadable(tr("From here on the parquet file cannot be read: {error}.").format(error=error))
