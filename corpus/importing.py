"""Files in: exchanges of a file become conversations. What the records mean is corpus.formats'."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Any

from corpus.database import rows, writing
from corpus.formats import Exchange, ImportFormat, ImportVerdict, Record, parse
from corpus.placing import Thread
from corpus.reading import records
from corpus.search import indexed_at_end
from corpus.sqlite import Database
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_language import tr

_ENCODE = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True)
class Refusal:
    """A record that was not imported."""

    line: int
    """Its line, or its place in an array or a parquet file; from 1."""
    reason: str


@dataclass
class ImportReport:
    """What an import did."""

    conversations: int = 0
    """Conversations that are new."""
    turns: int = 0
    """Turns that are new."""
    known: int = 0
    """Exchanges of the file that were in the corpus already."""
    refused: list[Refusal] = field(default_factory=list)


def import_file(
    corpus: Corpus,
    path_or_stream: Path | IO[bytes],
    *,
    format: ImportFormat = "auto",
    verdict: ImportVerdict = "approved",
) -> ImportReport:
    """Add the exchanges of a file that are not in the corpus yet; all of it happens, or nothing.

    Records that share a `conversation` become one conversation in the order of `turn`. Replies marked `"weight": 0`
    are context for what follows and stay unreviewed. Raises CorpusError where no record of the file can be used.
    """
    if isinstance(path_or_stream, Path):
        try:
            with path_or_stream.open("rb") as stream:
                return _import(corpus.db, stream, path_or_stream.name, format, verdict)
        except OSError as error:
            raise CorpusError(
                tr("{path} cannot be read ({error}): name a file that can.").format(
                    path=path_or_stream, error=error.strerror
                )
            ) from error
    return _import(corpus.db, path_or_stream, "standard input", format, verdict)


def _import(db: Database, stream: IO[bytes], source: str, format: ImportFormat, verdict: ImportVerdict) -> ImportReport:
    report = ImportReport()
    # Records of one conversation may lie anywhere in the file; SQLite sorts them on disk. The file is read, which may
    # take as long as whoever writes it, before the corpus is locked.
    db.conn.execute("CREATE TEMP TABLE incoming (line INTEGER PRIMARY KEY, key TEXT, turn INTEGER, record TEXT)")
    try:
        _stage(db, stream, format, verdict, report)
        db.conn.commit()
        _place(db, source, verdict, report)
    finally:
        db.conn.rollback()
        db.conn.execute("DROP TABLE incoming")
        db.conn.commit()
    report.refused.sort(key=lambda refusal: refusal.line)
    return report


def _stage(db: Database, stream: IO[bytes], format: ImportFormat, verdict: ImportVerdict, report: ImportReport) -> None:
    for line, found in records(stream, as_csv=format == "csv"):
        try:
            record = _checked(found, format, verdict)
        except CorpusError as refusal:
            report.refused.append(Refusal(line, str(refusal)))
            continue
        said = _ENCODE([record.whole, record.split, record.system, record.exchanges])
        db.conn.execute("INSERT INTO incoming VALUES (?, ?, ?, ?)", [line, record.conversation, record.turn, said])


def _place(db: Database, source: str, verdict: ImportVerdict, report: ImportReport) -> None:
    with writing(db), indexed_at_end(db):
        ((turn, newest),) = rows(
            db, "SELECT (SELECT coalesce(max(id), 0) FROM turns), (SELECT coalesce(max(id), 0) FROM conversations)"
        )
        ids = count(turn + 1)
        for key, group in groupby(_staged(db), key=itemgetter(0)):
            thread = Thread(db, key, source, verdict, ids, newest=newest)
            for _, line, record in group:
                try:
                    report.known += thread.place(record)
                except CorpusError as refusal:
                    report.refused.append(Refusal(line, str(refusal)))
            thread.close()
            report.conversations += thread.is_new
            report.turns += thread.added
        if report.refused and not report.turns and not report.known:
            first = min(report.refused, key=lambda refusal: refusal.line)
            raise CorpusError(
                tr(
                    "Nothing of {source} could be imported; record {line}: {reason} Mend the file, or name its format "
                    "with --format."
                ).format(source=source, line=first.line, reason=first.reason)
            )


def _checked(found: Any, format: ImportFormat, verdict: ImportVerdict) -> Record:
    record = parse(found, format)
    if verdict == "unreviewed" and record.exchanges[-1].rewrite is not None:
        raise CorpusError(tr("A pair is a rewrite, which is a verdict: import pairs as approved."))
    return record


def _staged(db: Database) -> Iterator[tuple[str, int, Record]]:
    # Sorted without the texts, which are several times as long as the rest; LIMIT keeps the join out of the sorting.
    staged = db.conn.execute(
        """
        SELECT incoming.key, incoming.line, incoming.turn, incoming.record
        FROM (
            SELECT line FROM (SELECT line, turn, min(line) OVER (PARTITION BY key) AS first FROM incoming)
            ORDER BY first, turn, line LIMIT -1
        ) AS sorted CROSS JOIN incoming ON incoming.line = sorted.line
        """
    )
    for key, line, turn, stored in staged:
        whole, split, system, exchanges = json.loads(stored)
        yield key, line, Record(key, whole, turn, split, system, [Exchange(*exchange) for exchange in exchanges])
