"""Files out: judged turns with their targets, in the forms that other programs read."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Literal
from uuid import uuid4

from corpus.examples import JudgedTurn, judged_turns
from corpus.formats import SHAREGPT_NAMES, ExportFormat
from corpus.store import Corpus
from socrates_errors import CorpusError


def export_file(
    corpus: Corpus,
    path_or_stream: Path | IO[bytes],
    *,
    format: ExportFormat,
    split: Literal["train", "held-out", "all"] = "all",
) -> int:
    """Write the examples of ``split``, one record each, and return their number.

    messages, with `conversation` and `turn`, gives the same examples when it is imported again. preference holds the
    rewritten turns only: prompt, rewrite as chosen, reply as rejected.
    """
    judged = judged_turns(corpus.db, None if split == "all" else split)
    if isinstance(path_or_stream, Path):
        with _replacing(path_or_stream) as stream:
            return _write(judged, stream, format)
    return _write(judged, path_or_stream, format)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` once it is whole."""
    unfinished: Path | None = None
    try:
        if path.exists() and not path.is_file():  # asked of the name as given: a pipe has no other
            raise CorpusError(f"{path} is not a file: name a file, or - for standard output.")
        path = path.resolve()
        unfinished = path.with_name(f".{uuid4().hex}")
        with unfinished.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise CorpusError(f"{path} cannot be written ({error.strerror}): name a file that can.") from error
    finally:
        if unfinished is not None:
            with suppress(OSError):  # where it could not be made, it cannot be removed
                unfinished.unlink()


def _write(judged: Iterable[JudgedTurn], stream: IO[bytes], format: ExportFormat) -> int:
    if format == "parquet":
        return _write_parquet(judged, stream)
    return _write_lines(_RECORDS[format](judged), stream)


def _write_lines(records: Iterable[dict[str, Any]], stream: IO[bytes]) -> int:
    written = 0
    for record in records:
        stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        written += 1
    return written


def _write_parquet(judged: Iterable[JudgedTurn], stream: IO[bytes]) -> int:
    import datasets  # several seconds

    datasets.disable_progress_bars()
    text = datasets.Value("string")
    features = datasets.Features(
        {
            "id": datasets.Value("int64"),
            "conversation": text,
            "messages": [{"role": text, "content": text}],
            "rejected": text,
        }
    )
    with TemporaryDirectory() as directory:
        lines = Path(directory) / "examples.jsonl"
        with lines.open("wb") as file:
            written = _write_lines(({"rejected": None} | turn.example().line() for turn in judged), file)
        if written:
            table = datasets.Dataset.from_json(str(lines), features=features, cache_dir=directory)
        else:
            table = datasets.Dataset.from_dict({name: [] for name in features}, features=features)
        table.to_parquet(stream)
    return written


def _messages(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    """Yield one record a turn: its own two messages where it follows on the record before, else all its context.

    Context that is repeated, or was never approved, has `"weight": 0`, which says that it is not to be learnt.
    ``corpus.placing.Thread`` reads records by the same rule of what follows on what.
    """
    for key, group in groupby(judged, key=lambda found: found.key):
        turn = start = end = None
        ordered = sorted(group, key=lambda found: (len(found.before), found.turn.id))
        for found in ordered:
            parent = found.before[-1].id if found.before else None
            position = len(found.before) + 1
            follows = parent == (start if position == turn else end)
            messages = _context(found, system=found is ordered[0], before=not follows) + found.example().messages[-2:]
            yield {"conversation": key, "turn": position, "messages": messages}
            turn, start, end = position, parent if follows else None, found.turn.id


def _context(found: JudgedTurn, *, system: bool, before: bool) -> list[dict[str, Any]]:
    return [
        {**message, "weight": 0} if message["role"] == "assistant" else dict(message)
        for message in found.example().messages[:-2]
        if (system if message["role"] == "system" else before)
    ]


def _sharegpt(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        messages = _context(found, system=True, before=True) + found.example().messages[-2:]
        yield {
            "conversations": [
                {"from": SHAREGPT_NAMES[message["role"]], "value": message["content"]}
                | {name: weight for name, weight in message.items() if name == "weight"}
                for message in messages
            ]
        }


def _alpaca(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        history = [[turn.prompt, turn.text] for turn in found.before]
        yield {
            "instruction": found.turn.prompt,
            "input": "",
            "output": found.turn.text,
            **({"system": found.system} if found.system else {}),
            **({"history": history} if history else {}),
        }


def _preference(judged: Iterable[JudgedTurn]) -> Iterator[dict[str, Any]]:
    for found in judged:
        example = found.example()
        if example.rejected is not None:
            yield {
                "prompt": example.messages[:-1],
                "chosen": example.messages[-1:],
                "rejected": [{"role": "assistant", "content": example.rejected}],
            }


_RECORDS: dict[ExportFormat, Callable[[Iterable[JudgedTurn]], Iterator[dict[str, Any]]]] = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _alpaca,
    "preference": _preference,
}
