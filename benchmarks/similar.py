"""Finding near-duplicates: what is found, what is compared in vain, and the time it takes. Prints one JSON line.

    python -m benchmarks.similar --data FILE [--conversations 20000]

FILE holds messages lines, whose texts are edited at random until at least nine tenths of their letters still agree.
The peer is datasketch, where it is installed. Settling is measured on openings that ``made_corpus`` draws.
"""

import argparse
import json
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.made_corpus import EXCHANGES, languages, said
from corpus.database import writing
from corpus.openings import settle
from corpus.similar import bands, letters, likeness, sketch
from corpus.store import Corpus

PAIRS = 5_000
OTHERS = 2_000


def edited(draw: random.Random, text: str, alphabet: Sequence[str]) -> str:
    """Return a near-duplicate of ``text`` with letters replaced, inserted and taken out."""
    while True:
        other = list(text)
        for _ in range(draw.randint(1, max(1, len(text) // 9))):
            place = draw.randrange(len(other))
            edit = draw.randrange(3)
            other[place : place + (edit != 1)] = draw.choice(alphabet) if edit < 2 else ""
        if other != list(text) and likeness(text, "".join(other)):
            return "".join(other)


def recall(draw: random.Random, texts: Sequence[str]) -> float:
    """Return the share of near-duplicates that share a band with what they were made of."""
    alphabet = "".join(texts)
    found = 0
    for _ in range(PAIRS):
        text = draw.choice(texts)
        found += not set(bands(sketch(text))).isdisjoint(bands(sketch(edited(draw, text, alphabet))))
    return round(found / PAIRS, 4)


def in_vain(draw: random.Random, texts: Sequence[str]) -> float:
    """Return the share of pairs of different texts that share a band and are not near."""
    chosen = draw.sample(texts, min(OTHERS, len(texts)))
    found = [frozenset(bands(sketch(text))) for text in chosen]
    pairs = [pair for pair in combinations(range(len(chosen)), 2) if not found[pair[0]].isdisjoint(found[pair[1]])]
    vain = sum(not likeness(chosen[one], chosen[other]) for one, other in pairs)
    return round(vain / (len(chosen) * (len(chosen) - 1) / 2), 6)


def microseconds(work: Callable[[str], object], texts: Sequence[str]) -> float:
    """Return the mean CPU time for one text."""
    started = time.process_time()
    for text in texts:
        work(text)
    return round((time.process_time() - started) / len(texts) * 1e6, 1)


def import_s(module: str) -> float:
    """Return how long a fresh interpreter takes to import ``module``."""
    code = f"import time; started = time.perf_counter(); import {module}; print(time.perf_counter() - started)"
    return round(float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout), 4)


def peer(texts: Sequence[str]) -> dict[str, Any]:
    """Measure datasketch's MinHash of the same grams."""
    if find_spec("datasketch") is None:
        return {}
    from datasketch import MinHash

    def minhash(text: str) -> object:
        found = MinHash(num_perm=40)
        found.update_batch([text[place : place + 2].encode() for place in range(len(text) - 1)])
        return found.digest()

    return {"peer_sketch_us": microseconds(minhash, texts[:1000]), "peer_import_s": import_s("datasketch")}


def settling_us(conversations: int) -> float:
    """Return the mean CPU time of settling one conversation of an import of so many."""
    openings = [conversation.exchanges[0][0] for conversation in said(conversations * EXCHANGES)]
    took = 0.0
    with (
        tempfile.TemporaryDirectory() as directory,
        Corpus(Path(directory) / "corpus.db") as corpus,
        writing(corpus.db),
    ):
        for number, opening in enumerate(openings, start=1):
            corpus.db.conn.execute(
                """
                INSERT INTO conversations (id, key, title, system, source, split, created, updated)
                VALUES (?1, ?1, '', '', '', 'train', '', '')
                """,
                [number],
            )
            corpus.db.conn.execute(
                """
                INSERT INTO turns (conversation, depth, prompt, reply, verdict, sampling, created)
                VALUES (?, 1, ?, 'r', 'unreviewed', '{}', '')
                """,
                [number, opening],
            )
            started = time.process_time()
            settle(corpus.db, number, opening)
            took += time.process_time() - started
    return round(took / conversations * 1e6, 1)


def main() -> None:
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--conversations", type=int, default=20_000)
    arguments = parser.parse_args()
    draw = random.Random(0)
    records = [json.loads(line) for line in arguments.data.read_text(encoding="utf-8").splitlines()]
    written = sorted({record["messages"][0]["content"] for record in records})
    prompts = [prompt for prompt in map(letters, written) if len(prompt) >= 10]
    short = [prompt[: draw.randint(10, 40)] for prompt in prompts]
    english = [letters(languages()[1].text(draw, draw.randint(40, 300))) for _ in range(OTHERS)]
    print(
        json.dumps(
            {
                "recall": {name: recall(draw, texts) for name, texts in _named(prompts, short, english)},
                "in_vain": {name: in_vain(draw, texts) for name, texts in _named(prompts, short, english)},
                "letters_us": microseconds(letters, written),
                "sketch_us": microseconds(sketch, prompts),
                "import_s": import_s("rensa"),
                **peer(prompts),
                "settling_us": settling_us(arguments.conversations),
                "python": platform.python_version(),
                "machine": platform.machine(),
            }
        )
    )


def _named(prompts: list[str], short: list[str], english: list[str]) -> list[tuple[str, list[str]]]:
    return [("prompts", prompts), ("10 to 40 letters", short), ("English", english)]


if __name__ == "__main__":
    main()
