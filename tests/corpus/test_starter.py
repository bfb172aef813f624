"""Tests of the variety and the style of the starter corpus."""

import json
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz, process

from corpus.importing import import_file
from corpus.store import Corpus

STARTER = Path(__file__).parents[2] / "corpus" / "starter"
FILES = sorted(STARTER.glob("*.jsonl"))
LINES: list[dict[str, Any]] = [json.loads(line) for file in FILES for line in file.read_text("utf-8").splitlines()]
PROMPTS = [line["messages"][0]["content"] for line in LINES]
TARGETS = [line["messages"][1]["content"] for line in LINES]
JAPANESE = re.compile(r"[ぁ-んァ-ン一-龥]")


def test_it_is_large_enough_and_three_quarters_japanese() -> None:
    turns = Counter(line["conversation"] for line in LINES)
    assert len(LINES) >= 400
    assert len(turns) >= 100
    assert set(turns.values()) <= set(range(2, 7))
    japanese = sum(bool(JAPANESE.search(target)) for target in TARGETS)
    assert 0.7 < japanese / len(TARGETS) < 0.8


def test_no_two_targets_are_alike_and_no_two_prompts_the_same() -> None:
    similar = process.cdist(TARGETS, TARGETS, scorer=fuzz.ratio, score_cutoff=70)
    pairs = [(TARGETS[a], TARGETS[b]) for a, b in zip(*similar.nonzero(), strict=True) if a < b]
    assert pairs == []
    assert [prompt for prompt, count in Counter(PROMPTS).items() if count > 1] == []


def test_openings_and_endings_are_spread() -> None:
    for texts in ([t for t in TARGETS if JAPANESE.search(t)], [t for t in TARGETS if not JAPANESE.search(t)]):
        english = not JAPANESE.search(texts[0])
        words = [text.split() if english else text for text in texts]
        openings = Counter(tuple(each[:2] if english else each[:4]) for each in words)
        endings = Counter(tuple(each[-2:] if english else each[-6:]) for each in words)
        assert max(chain(openings.values(), endings.values())) < 0.06 * len(texts)


def test_socrates_asks_one_question_at_the_end_in_the_plain_form() -> None:
    assert [target for target in TARGETS if not is_plain_question(target)] == []


def is_plain_question(target: str) -> bool:
    """Say whether one question stands at the end, in the plain form, without brackets and not too long."""
    return (
        target == target.strip()
        and len(re.findall("[?？]", target)) == 1
        and target[-1] in "?？"
        and not re.search(r"(です|ます|ません|でしょう|ください)(か)?[。？！]", target)
        and not re.search(r"[（(【\[*#]|あなた", target)
        and len(target) <= (220 if JAPANESE.search(target) else 520)
    )


def test_every_file_can_be_imported_as_it_is(tmp_path: Path) -> None:
    with Corpus(tmp_path / "corpus.db") as corpus:
        for file in FILES:
            import_file(corpus, file)
        assert corpus.count_examples(None) == len(LINES)
