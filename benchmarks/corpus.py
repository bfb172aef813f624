"""The corpus at the size of years of work: opening, pages, search, files, acts. Prints one JSON line.

    python -m benchmarks.corpus [--turns 100000] [--part NAME] [--keep DIR]

Each part runs in a process of its own, on a corpus that ``made_corpus`` draws from a seed; DIR keeps that for another
time. Peak memory is that of the whole process (VmHWM, Linux). What a part changes, it changes in a copy.
"""

import argparse
import io
import json
import random
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, get_args

from benchmarks.made_corpus import EXCHANGES, FORMS, OTHER_SEED, languages, make
from corpus import quality
from corpus.backup import back_up, restore
from corpus.database import rows
from corpus.exporting import export_file
from corpus.filters import EVERYTHING, Filter
from corpus.formats import ExportFormat
from corpus.importing import import_file
from corpus.losses import Loss, Scales
from corpus.records import Hit
from corpus.search import indexed_at_end
from corpus.sqlite import Database
from corpus.store import Corpus

PAGE = 100
HITS = 50
REPEAT = 7
SINGLE = 50
MANY = 20_000
OPEN = """
import sys, time, pathlib
from corpus.store import Corpus
started = time.perf_counter()
corpus = Corpus(pathlib.Path(sys.argv[1]))
opened = time.perf_counter()
corpus.turns(limit=100)
print(opened - started, time.perf_counter() - started)
"""
OPEN_PEER = """
import sqlite3, sys, time
started = time.perf_counter()
sqlite3.connect(sys.argv[1]).execute("SELECT * FROM turns ORDER BY id DESC LIMIT 100").fetchall()
print(time.perf_counter() - started)
"""
APART = """
from pathlib import Path
from benchmarks.made_corpus import write_file
from corpus.importing import import_file
from corpus.store import Corpus
"""
FILTERS = {
    "none": EVERYTHING,
    "verdict, dense": Filter(verdict="rewritten"),
    "verdict, rarer": Filter(verdict="dropped"),
    "version": Filter(version="v0003"),
    "tag, dense": Filter(tags=("良い問い",)),
    "tag, rare": Filter(tags=("lesson 39",)),
    "conversation": Filter(conversation=7),
    "source": Filter(source="lessons.jsonl"),
    "split": Filter(split="held-out"),
    "dates": Filter(since="2026-01-01", until="2026-02-01"),
    "length": Filter(min_length=100, max_length=120),
    "ever rewritten": Filter(has_rewrite=True),
    "never rewritten": Filter(has_rewrite=False),
    "verdict and version": Filter(verdict="approved", version="v0002"),
    "two tags": Filter(tags=("良い問い", "too long")),
    "tag, version and split": Filter(tags=("lesson 2",), version="v0005", split="held-out"),
    "tag, verdict, version, split": Filter("approved", "v0004", ("too long",), split="train"),
    "ever rewritten, source, split": Filter(source="lessons.jsonl", split="held-out", has_rewrite=True),
    "everything": Filter("rewritten", "v0004", ("too long",), None, "chat", "train", "2026", "2027", 10, 500, True),
    "nothing is left": Filter(version="v9999"),
}
SEARCH_FILTERS = ("verdict, dense", "tag, rare", "dates", "tag, version and split")


@dataclass(frozen=True)
class Place:
    """Where the corpus lies, how large it is, and a directory to write in."""

    database: Path
    turns: int
    scratch: Path

    def copy(self) -> Path:
        """Return a copy of the corpus, to be changed."""
        return Path(shutil.copy(self.database, self.scratch / "copy.db"))


@dataclass(frozen=True)
class Query:
    """What is searched for; ``kind`` says how it is made."""

    kind: str
    text: str
    filter: str = "none"


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that ``work`` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def peak_mb() -> float:
    """Return the most memory that this process ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return round(int(found[1]) / 1024, 1)


def spread(times_s: Iterable[float]) -> dict[str, float]:
    """Return median, 95th percentile and worst, in milliseconds."""
    ordered = sorted(1000 * time_s for time_s in times_s)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
    return {
        name: round(ms, 2) for name, ms in (("p50", statistics.median(ordered)), ("p95", p95), ("worst", ordered[-1]))
    }


def opening(place: Place) -> dict[str, Any]:
    """Open in fresh processes: until it is open, and until the first page is read."""

    def fresh(program: str) -> list[float]:
        command = [sys.executable, "-c", program, str(place.database)]
        return [1000 * float(word) for word in subprocess.check_output(command, text=True).split()]

    ours = [fresh(OPEN) for _ in range(REPEAT)]
    peer = [fresh(OPEN_PEER)[0] for _ in range(REPEAT)]
    figures = {"open_ms": [found[0] for found in ours], "first_page_ms": [found[1] for found in ours]}
    return {
        name: {"median": round(statistics.median(found), 1), "worst": round(max(found), 1)}
        for name, found in (figures | {"peer_sqlite_page_ms": peer}).items()
    }


def page(place: Place) -> dict[str, Any]:
    """Read pages of a hundred filtered turns, the first and the last one."""
    figures: dict[str, dict[str, Any]] = {}
    with Corpus(place.database) as corpus:
        for name, wanted in FILTERS.items():
            matching = len(corpus.matching("", wanted))
            times = {}
            for where, offset in (("first", 0), ("last", max(0, matching - PAGE))):
                found = [seconds(lambda: corpus.turns(wanted, limit=PAGE, offset=offset)) for _ in range(REPEAT)]  # noqa: B023
                times[f"{where}_ms"] = {
                    "median": round(1000 * statistics.median(found), 2),
                    "worst": round(1000 * max(found), 2),
                }
            figures[name] = {"turns": matching, **times}
    pages = [found[where] for found in figures.values() for where in ("first_ms", "last_ms")]
    return {
        "median_ms": statistics.median(found["median"] for found in pages),
        "slowest_median_ms": max(found["median"] for found in pages),
        "worst_ms": max(found["worst"] for found in pages),
        "filters": figures,
    }


def queue(place: Place) -> dict[str, Any]:
    """Read the first 500 of a review in each order, nine tenths of all turns weighed, and count the rest.

    Of the turns that were weighed three quarters have been judged since. The peer of an order is the same without its
    index.
    """
    draw, scales = random.Random(OTHER_SEED), Scales("embedded", "v0002", "v0001")
    with Corpus(place.copy()) as corpus:
        weighed = [turn for turn in corpus.matching("") if draw.random() < 0.9]
        losses = [Loss(turn, scales, draw.uniform(1, 6), draw.uniform(1, 6)) for turn in weighed]
        figures = {"keep_8_ms": spread(seconds(lambda: corpus.keep_losses(losses[:8])) for _ in range(SINGLE))}
        corpus.keep_losses(losses)
        works: dict[str, Callable[[], object]] = {
            "loss": lambda: corpus.these(corpus.heaviest(scales, "loss", limit=500)),
            "disagreement": lambda: corpus.these(corpus.heaviest(scales, "disagreement", limit=500)),
            "page_of_figures": lambda: corpus.losses(weighed[:PAGE]),
            "not_weighed": lambda: corpus.unweighed(scales, limit=500),
            "count_not_weighed": lambda: corpus.count_unweighed(scales),
        }
        for name, work in works.items():
            figures[f"{name}_ms"] = spread(seconds(work) for _ in range(REPEAT))
        for index in ("losses_loss", "losses_disagreement"):
            corpus.db.execute(f"DROP INDEX {index}")
        for name in ("loss", "disagreement"):
            figures[f"peer_{name}_ms"] = spread(seconds(works[name]) for _ in range(REPEAT))
    return figures


def queries(database: Path) -> list[Query]:
    """Return a few hundred queries: of 1, 2, 3 and more characters and of several words, frequent, rare and missing."""
    draw = random.Random(OTHER_SEED)
    made = []
    for language in languages():
        words = language.words
        for how, ranked in (("frequent", words[:60]), ("middling", words[300:1500]), ("rare", words[-1000:])):
            made += [Query(f"{language.name} word, {how}", word) for word in draw.sample(ranked, 12)]
            made += [Query(f"{language.name} 2 words, {how}", " ".join(draw.sample(ranked, 2))) for _ in range(6)]
        made += [Query(f"{language.name} 4 words, frequent", " ".join(draw.sample(words[:60], 4))) for _ in range(6)]
    with Corpus(database) as corpus:
        texts = [text for turn in corpus.turns(limit=2000) for text in (turn.prompt, turn.reply)]
    for length in (1, 2, 3, 4, 8, 20):
        for text in draw.sample(texts, 20):
            start = draw.randrange(len(text) - min(length, len(text) - 1))
            if part := text[start : start + length].strip():
                made.append(Query(f"any {length} characters", part))
    made += [
        Query("missing", text)
        for text in ("鰻", "鰻丼", "鰻丼屋", "q", "xq", "zzz", "xylophone", "the xylophone", "徳 鰻")
    ]
    filtered = draw.sample(made, 60)
    made += [Query(f"{one.kind.split()[0]}, filtered", one.text, draw.choice(SEARCH_FILTERS)) for one in filtered]
    return made


def search(place: Place) -> dict[str, Any]:
    """Search once for each query; the peer reads all texts with LIKE."""
    timed: list[tuple[float, Query, list[Hit]]] = []
    asked = queries(place.database)
    with Corpus(place.database) as corpus:
        for query in asked:
            started = time.perf_counter()
            hits = corpus.search(query.text, FILTERS[query.filter], limit=HITS)
            timed.append((time.perf_counter() - started, query, hits))
        scan = """
            SELECT * FROM turn_texts WHERE prompt || reply || coalesce(rewrite, '') LIKE ? ORDER BY id DESC LIMIT ?
        """
        drawn = random.Random(OTHER_SEED).sample([query for query in asked if " " not in query.text], 20)
        peer = [seconds(lambda: rows(corpus.db, scan, [f"%{query.text}%", HITS])) for query in drawn]  # noqa: B023
    slowest = sorted(timed, key=lambda one: one[0], reverse=True)[:8]
    kinds = dict.fromkeys(query.kind for query in asked)
    return {
        "queries": len(timed),
        "ms": spread(time_s for time_s, _, _ in timed),
        "peer_like_scan_ms": spread(peer),
        "by_kind_ms": {kind: spread(time_s for time_s, query, _ in timed if query.kind == kind) for kind in kinds},
        "slowest": [
            {"ms": round(1000 * time_s, 1), "text": query.text, "filter": query.filter, "hits": len(hits)}
            for time_s, query, hits in slowest
        ],
    }


def _file(place: Place, form: str) -> Path:
    """Write the file in a process of its own, so that this one's memory is the import's alone."""
    path = place.scratch / f"exchanges.{form}"
    _apart(f"write_file(Path({str(path)!r}), {place.turns}, {form!r})")
    return path


def _apart(call: str) -> None:
    subprocess.run([sys.executable, "-c", APART + call], check=True)


def _import(database: Path, file: Path) -> dict[str, Any]:
    with Corpus(database) as corpus:
        started = time.perf_counter()
        report = import_file(corpus, file)
        took = time.perf_counter() - started
    known, exchanges = report.known, report.turns + report.known
    return {"exchanges_per_s": round(exchanges / took), "known": known, "peak_mb": peak_mb()}


def import_empty(place: Place, form: str) -> dict[str, Any]:
    """Import a file into an empty home."""
    database = place.scratch / "empty.db"
    figures = _import(database, _file(place, form))
    if form == "conversations":
        figures |= {f"peer_{name}_per_s": round(place.turns / took) for name, took in _import_peers(place).items()}
    return figures


def import_filled(place: Place) -> dict[str, Any]:
    """Import a file of whole conversations into the filled home."""
    return _import(place.copy(), _file(place, "conversations"))


def import_again(place: Place) -> dict[str, Any]:
    """Import a file of which everything is known."""
    file = _file(place, "conversations")
    database = place.scratch / "empty.db"
    _apart(f"import_file(Corpus(Path({str(database)!r})), Path({str(file)!r}))")
    return _import(database, file)


def _import_peers(place: Place) -> dict[str, float]:
    """Return the seconds that the same rows take without any check: into the same tables, and by sqlite-utils."""
    tables: dict[str, list[dict[str, Any]]] = {"conversations": [], "turns": []}
    with Corpus(place.scratch / "empty.db") as corpus:
        for name, found in tables.items():
            cursor = corpus.db.conn.execute(f"SELECT * FROM {name}")
            columns = [column[0] for column in cursor.description]
            found.extend(dict(zip(columns, row, strict=True)) for row in cursor)

    def insert(corpus: Corpus) -> None:
        for name, found in tables.items():
            marks = ", ".join("?" * len(found[0]))
            corpus.db.conn.executemany(f"INSERT INTO {name} VALUES ({marks})", (list(row.values()) for row in found))

    def through_triggers() -> None:
        with Corpus(place.scratch / "peer1.db") as corpus, corpus.db.conn:
            corpus.db.execute("PRAGMA foreign_keys = OFF")
            corpus.db.conn.execute("BEGIN")
            insert(corpus)

    def indexed_after() -> None:
        with Corpus(place.scratch / "peer2.db") as corpus, corpus.db.conn:
            corpus.db.execute("PRAGMA foreign_keys = OFF")
            corpus.db.conn.execute("BEGIN")
            with indexed_at_end(corpus.db):
                insert(corpus)

    def sqlite_utils() -> None:
        db = Database(place.scratch / "peer3.db")
        db.table("turns").insert_all(tables["turns"], pk="id")
        db.table("turns").enable_fts(["prompt", "reply"], tokenize="trigram")

    peers = (through_triggers, indexed_after, sqlite_utils)
    return {peer.__name__: seconds(peer) for peer in peers}


def export(place: Place, format: ExportFormat) -> dict[str, Any]:
    """Export everything; the peer writes the same records, which are all in memory already."""
    target = place.scratch / f"export.{format}"
    with Corpus(place.database) as corpus:
        started = time.perf_counter()
        written = export_file(corpus, target, format=format)
        took = time.perf_counter() - started
    figures = {"examples": written, "examples_per_s": round(written / took), "peak_mb": peak_mb()}
    for name, peer_s in _export_peers(target, format, place.scratch).items():
        figures[f"peer_{name}_per_s"] = round(written / peer_s)
    return figures


def _export_peers(target: Path, format: ExportFormat, scratch: Path) -> dict[str, float]:
    import datasets

    datasets.disable_progress_bars()
    if format == "parquet":
        table = datasets.Dataset.from_parquet(str(target), cache_dir=str(scratch))
        return {"datasets_to_parquet": seconds(lambda: table.to_parquet(scratch / "peer"))}
    records = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]

    def dumps() -> None:
        with (scratch / "peer").open("w", encoding="utf-8") as file:
            for record in records:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")

    table = datasets.Dataset.from_list(records)
    return {"json_dumps": seconds(dumps), "datasets_to_json": seconds(lambda: table.to_json(io.BytesIO()))}


def one_act(place: Place) -> dict[str, Any]:
    """Speak, judge and take back one turn at a time; the peer is one UPDATE and its commit."""
    figures = {}
    with Corpus(place.copy()) as corpus:
        chosen = random.Random(OTHER_SEED).sample(corpus.matching("", Filter(verdict="unreviewed")), SINGLE)
        conversation = corpus.turn(chosen[0]).conversation
        acts: dict[str, Callable[[int], object]] = {
            "speak": lambda _: corpus.add_turn(conversation, parent=chosen[0], prompt="徳とは何ですか", reply="何かね"),
            "rewrite": lambda turn: corpus.rewrite(turn, "では、君にとって徳とは何かね？"),
            "approve": corpus.approve,
            "tag": lambda turn: corpus.tag("benchmark", turn),
            "undo": lambda _: corpus.undo(),
            "redo": lambda _: corpus.redo(),
            "thread": lambda turn: corpus.thread(corpus.turn(turn).conversation),
            "count_new": lambda _: corpus.count_examples("train", since="2026-10-01"),
        }
        for name, do in acts.items():
            figures[f"{name}_ms"] = spread(seconds(lambda: do(turn)) for turn in chosen)  # noqa: B023
        update = "UPDATE turns SET judged = created WHERE verdict = 'approved' AND id = ?"

        def bare(turn: int) -> None:
            corpus.db.conn.execute(update, [turn])
            corpus.db.conn.commit()

        figures["peer_update_ms"] = spread(seconds(lambda: bare(turn)) for turn in chosen)  # noqa: B023
    return figures


def many(place: Place) -> dict[str, Any]:
    """Approve many turns in one act, take it back, do it again; the peer is one UPDATE that nothing could take back."""
    with Corpus(place.copy()) as corpus:
        chosen = corpus.matching("", Filter(verdict="unreviewed"))[:MANY]
        figures = {
            "turns": len(chosen),
            "approve_s": seconds(lambda: corpus.approve(*chosen)),
            "undo_s": seconds(corpus.undo),
            "redo_s": seconds(corpus.redo),
            "tag_s": seconds(lambda: corpus.tag("benchmark", *chosen)),
            "undo_tag_s": seconds(corpus.undo),
            "peak_mb": peak_mb(),
        }
        planned = corpus.plan_purge()
        figures["purge_turns"] = len(planned.turns)
        figures["purge_s"] = seconds(lambda: corpus.purge(planned))
    with sqlite3.connect(place.copy()) as peer:
        update = "UPDATE turns SET verdict = 'approved', judged = created WHERE id IN (SELECT value FROM json_each(?))"
        started = time.perf_counter()
        peer.execute(update, [json.dumps(chosen)])
        peer.commit()
        figures["peer_update_s"] = time.perf_counter() - started
    return {name: round(figure, 3) for name, figure in figures.items()}


def stats(place: Place) -> dict[str, Any]:
    """Count the corpus; the peer only reads every text."""
    with Corpus(place.database) as corpus:
        took = seconds(corpus.stats)
        peer = seconds(lambda: rows(corpus.db, "SELECT sum(length(prompt || reply || rewrite)) FROM turn_texts"))
    return {"stats_s": round(took, 3), "peak_mb": peak_mb(), "peer_reading_s": round(peer, 3)}


def backup(place: Place) -> dict[str, Any]:
    """Write a checked copy and put it back; the peer copies the file."""
    database = place.copy()
    target = place.scratch / "backup.db"
    figures = {
        "backup_s": seconds(lambda: back_up(database, target)),
        "restore_s": seconds(lambda: restore(database, target)),
        "peak_mb": peak_mb(),
        "peer_copyfile_s": seconds(lambda: shutil.copyfile(database, place.scratch / "peer.db")),
    }
    return {name: round(figure, 3) for name, figure in figures.items()}


def check(place: Place) -> dict[str, Any]:
    """Check the examples before a training, without counting tokens; the peer only reads them."""
    with Corpus(place.database) as corpus:
        started = time.perf_counter()
        report = quality.check(corpus)
        took = time.perf_counter() - started
        memory = peak_mb()
        peer = seconds(lambda: sum(len(example.messages) for example in corpus.examples(None)))
    kinds = Counter(finding.kind for finding in report.findings)
    return {"check_s": round(took, 2), "findings": kinds, "peak_mb": memory, "peer_reading_s": round(peer, 2)}


PARTS: dict[str, Callable[[Place], dict[str, Any]]] = {
    "opening": opening,
    "page": page,
    "queue": queue,
    "search": search,
    **{f"import_{form}": partial(import_empty, form=form) for form in FORMS},
    "import_filled": import_filled,
    "import_again": import_again,
    **{f"export_{name}": partial(export, format=name) for name in get_args(ExportFormat)},
    "one_act": one_act,
    "many": many,
    "stats": stats,
    "check": check,
    "backup": backup,
}


def main() -> None:
    """Make the corpus where it is not there yet, measure each part in a process of its own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--part", choices=list(PARTS))
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = arguments.keep or Path(scratch)
        home.mkdir(parents=True, exist_ok=True)
        database = home / f"corpus-{arguments.turns}.db"
        made_s = 0.0 if database.exists() else seconds(lambda: make(database, arguments.turns))
        if arguments.part:
            print(
                json.dumps(PARTS[arguments.part](Place(database, arguments.turns, Path(scratch))), ensure_ascii=False)
            )
            return
        conversations = arguments.turns // EXCHANGES
        figures: dict[str, Any] = {"turns": arguments.turns, "conversations": conversations, "made_s": round(made_s, 1)}
        figures["megabytes"] = round(database.stat().st_size / 1e6)
        for part in PARTS:
            options = ["--turns", str(arguments.turns), "--part", part, "--keep", str(home)]
            said_now = subprocess.check_output([sys.executable, "-m", "benchmarks.corpus", *options], text=True)
            figures[part] = json.loads(said_now)
        print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
