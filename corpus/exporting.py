"""Files out: judged turns with their targets, in the forms that other programs read."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain, groupby
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from corpus import picks
from corpus.examples import JudgedTurn, Said, judged_turns, telling
from corpus.filters import EVERYTHING, Filter
from corpus.formats import SHAREGPT_NAMES, ExportFormat
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_language import tr

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_MESSAGES = 3_000
"""Messages of a parquet file after which their rows become a row group; no more are in memory."""


def export_file(
    corpus: Corpus, path_or_stream: Path | IO[bytes], *, format: ExportFormat, wanted: Filter = EVERYTHING
) -> int:
    """Write the examples of the wanted turns, one record each, and return their number.

    All but preference tell `conversation`, `turn` and `split`, and `rejected`, `tags` and `note` where there are any,
    so that the same examples come of it when it is imported again. preference holds the rewritten turns only: prompt,
    rewrite as chosen, reply as rejected; and behind them, unless turns are chosen by more than their side, what was
    picked of two versions' replies. Whoever tells the columns by the first megabytes finds them all there.
    """
    judged = judged_turns(corpus.db, wanted, first=telling(corpus.db, wanted))
    with_picks = format == "preference" and wanted == Filter(split=wanted.split)
    picked = picks.pairs(corpus.db, wanted.split) if with_picks else iter(())
    if isinstance(path_or_stream, Path):
        with _replacing(path_or_stream) as stream:
            return _write(judged, picked, stream, format)
    return _write(judged, picked, path_or_stream, format)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` once it is whole."""
    unfinished: Path | None = None
    try:
        if path.exists() and not path.is_file():  # asked of the name as given: a pipe has no other
            raise CorpusError(tr("{path} is not a file: name a file, or - for standard output.").format(path=path))
        path = path.resolve()
        unfinished = path.with_name(f".{uuid4().hex}")
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise CorpusError(
            tr("{path} cannot be written ({error}): name a file that can.").format(path=path, error=error.strerror)
        ) from error
    finally:
        if unfinished is not None:
            with suppress(OSError):  # where it could not be made, it cannot be removed
                unfinished.unlink()


def _write(
    judged: Iterable[JudgedTurn], picked: Iterable[dict[str, Any]], stream: IO[bytes], format: ExportFormat
) -> int:
    ordered = _parents_first(judged)
    if format == "parquet":
        return _write_parquet(ordered, stream)
    written = 0
    for record in chain(_RECORDS[format](ordered), picked):
        stream.write(_ENCODE(record).encode() + b"\n")
        written += 1
    return written


def _parents_first(judged: Iterable[JudgedTurn]) -> Iterator[JudgedTurn]:
    """Yield the turns of each conversation as importing takes them in; ``corpus.placing`` numbers them anew so."""
    for _, group in groupby(judged, key=lambda found: found.key):
        yield from sorted(group, key=lambda found: (found.position, found.turn.id))


def _write_parquet(judged: Iterable[JudgedTurn], stream: IO[bytes]) -> int:
    import datasets  # a second
    import pyarrow  # type: ignore[import-untyped]
    from datasets.arrow_writer import ParquetWriter

    text, number = datasets.Value("string"), datasets.Value("int64")
    features = datasets.Features(
        {
            "conversation": text,
            "turn": number,
            "split": text,
            "messages": [{"role": text, "content": text, "weight": number}],
            "rejected": text,
            "tags": [text],
            "note": text,
        }
    )
    writer = ParquetWriter(features=features, stream=stream)
    rows = ({"tags": [], "note": ""} | _about(found) | {"messages": _whole(found)} for found in judged)
    for group in _row_groups(rows):
        writer.write_table(pyarrow.Table.from_pylist(group, schema=features.arrow_schema))
    written, _ = writer.finalize(close_stream=False)
    return int(written)


def _row_groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    messages = 0
    for row in rows:
        group.append(row)
        messages += len(row["messages"])
        if messages >= _MESSAGES:
            yield group
            group, messages = [], 0
    if group:
        yield group


def _about(found: JudgedTurn) -> dict[str, Any]:
    turn = found.turn
    about: dict[str, Any] = {"conversation": found.key, "turn": found.position, "split": found.split}
    if turn.rewrite is not None:
        about["rejected"] = turn.reply
    if turn.tags != "[]":
        about["tags"] = json.loads(turn.tags)
    if turn.note:
        about["note"] = turn.note
    return about


def _system(found: JudgedTurn) -> list[dict[str, Any]]:
    return [{"role": "system", "content": found.system}] if found.system else []


def _exchange(turn: Said, weight: int) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": turn.prompt},
        {"role": "assistant", "content": turn.text, "weight": weight},
    ]


def _context(found: JudgedTurn) -> list[dict[str, Any]]:
    return [message for turn in found.before for message in _exchange(turn, 0)]


def _whole(found: JudgedTurn) -> list[dict[str, Any]]:
    return _system(found) + _context(found) + _exchange(found.turn, 1)


def _messages(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    """Yield one record a turn: its own two messages where it follows on the record before, else all its context.

    Context that is repeated, or was never approved, has `"weight": 0`, which says that it is not to be learnt.
    ``corpus.placing.Thread`` reads records by the same rule of what follows on what.
    """
    for _, group in groupby(judged, key=lambda found: found.key):
        position = start = end = None
        for found in group:
            follows = found.after == (start if found.position == position else end)
            messages = _system(found) if position is None else []
            messages += ([] if follows else _context(found)) + _exchange(found.turn, 1)
            yield _about(found) | {"messages": messages}
            position, start, end = found.position, found.after if follows else None, found.turn.id


def _sharegpt(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        entries = [
            {"from": SHAREGPT_NAMES[message.pop("role")], "value": message.pop("content"), **message}
            for message in _whole(found)
        ]
        yield _about(found) | {"conversations": entries}


def _alpaca(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        yield _about(found) | {
            "instruction": found.turn.prompt,
            "input": "",
            "output": found.turn.text,
            "system": found.system,
            "history": [[turn.prompt, turn.text] for turn in found.before],
        }


def _preference(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        if found.turn.rewrite is not None:
            messages = found.example().messages
            yield {
                "prompt": messages[:-1],
                "chosen": messages[-1:],
                "rejected": [{"role": "assistant", "content": found.turn.reply}],
            }


_RECORDS: dict[ExportFormat, Callable[[Iterable[JudgedTurn]], Iterator[dict[str, Any]]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "preference": _preference,
}
