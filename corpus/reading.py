"""Reading records from a file one at a time, whatever kind of file it is; what is in them is corpus.formats'."""

import shutil
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from io import BufferedReader, RawIOBase
from tempfile import TemporaryFile
from typing import IO, Any, cast

from corpus.json_records import elements, lines
from corpus.tables import csv_rows, delimiter_of, parquet_rows
from socrates_errors import CorpusError
from socrates_language import marked, tr

_PARQUET = b"PAR1"
_PACKED = {
    b"\x1f\x8b": marked("The file is compressed with gzip: unpack it, then import that."),
    b"BZh": marked("The file is compressed with bzip2: unpack it, then import that."),
    b"\xfd7zXZ\x00": marked("The file is compressed with xz: unpack it, then import that."),
    b"\x28\xb5\x2f\xfd": marked("The file is compressed with zstd: unpack it, then import that."),
    b"PK\x03\x04": marked(
        "The file is a zip archive or a spreadsheet: unpack it, or save the sheet as CSV in UTF-8, then import that."
    ),
}
"""How files begin that hold records only for other programs."""


def records(stream: IO[bytes], *, as_csv: bool = False) -> Iterator[tuple[int, Any]]:
    """Yield each record, or an Unreadable, with its number from 1: of its line, else of its place among the records.

    A byte order mark, carriage returns and empty lines are passed over. CorpusError where the file as a whole is
    nothing that can be read.
    """
    file = BufferedReader(cast(RawIOBase, stream))
    try:
        start = file.peek()
        for mark, advice in _PACKED.items():
            if start.startswith(mark):
                raise CorpusError(tr(advice))
        if start.startswith(_PARQUET):
            yield from _parquet(file)
        elif start.startswith((BOM_UTF16_BE, BOM_UTF16_LE)) or b"\0" in start[:4]:
            raise CorpusError(tr("The file is not UTF-8 but UTF-16, or no text at all: save it as UTF-8."))
        elif as_csv or _is_csv(start.removeprefix(BOM_UTF8)):
            yield from csv_rows(file)
        else:
            yield from elements(file) if _is_array(start) else lines(file)
    finally:
        file.detach()


def _is_array(start: bytes) -> bool:
    return start.removeprefix(BOM_UTF8).lstrip().startswith(b"[")


def _is_csv(start: bytes) -> bool:
    """Tell whether a file that begins so is CSV, or at least no JSON."""
    told = start.lstrip()
    if not told or told.startswith((b"[", b"{")):
        return False
    header, *rest = told.splitlines()
    return delimiter_of(header.decode(errors="replace")) is not None or not any(line.startswith(b"{") for line in rest)


def _parquet(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    """Read a parquet file, which is told from its end, and so must be there as a whole."""
    if file.seekable():
        yield from parquet_rows(file)
        return
    with TemporaryFile() as whole:
        shutil.copyfileobj(file, whole)
        yield from parquet_rows(whole)
