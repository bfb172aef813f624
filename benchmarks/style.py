"""The style meter: whether it tells Socrates from an assistant and agrees with a reader. Prints one JSON line.

    python -m benchmarks.style --data FILE [--data FILE ...]

FILE holds messages lines of Socratic dialogues, Japanese or English. Each reply is reworded by rules: into the polite
form with the same content; in the last sentence alone; with an answer in the question's place and an offer of help;
with an answer first. A pair counts where the dialogue's score is the higher; replies that no rule changes are left
out. How much of a prompt a reply takes up is also told of the replies to other prompts. The reader's grades are those
of tests/corpus/graded.jsonl; with each of its kinds goes the mean score.
"""

import argparse
import json
import os
import random
import re
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import mean, median, quantiles
from typing import Any

from corpus.style import measure
from tests.corpus.grades import graded, spearman

_JAPANESE = re.compile(r"[ぁ-んァ-ン]")
_ENDINGS: list[tuple[str, str]] = [
    (r"(?:だと)?(?:思う|考える)(?:の)?か[ねな]?[?？]", "とお考えでしょうか。"),
    (r"(?<!う)ではないか[ねな]?[?？。]", "ではないでしょうか。"),
    (r"(?:の)?だろう[かね]?[?？]", "のでしょうか。"),
    (r"(?<=[いおこそともよろ])う(?:ではないか|か[ねな]?)?[?？。]", "うと思います。"),
    (r"(?<=[うくぐすつぬぶむるいた])の?(?:か[ねない]?)?[?？]", "のでしょうか。"),
    (r"か[ねない]?[?？。]", "でしょうか。"),
    (r"たまえ。", "てください。"),
    (r"てほしい(?:もの)?(?:だ)?[ねよ]?。", "ていただきたいです。"),
    (r"ている(よ|ね|)。", r"ています\1。"),
    (r"だろう(?:ね)?。", "でしょう。"),
    (r"だ(よ|ね|な|)。", r"です\1。"),
    (r"(?<=[うくぐすつぬぶむるいた])(ね|よ|)。", r"のです\1。"),
]
"""How a plain sentence ends, and how the same sentence ends politely; the first that fits is taken."""
_OPENINGS: list[tuple[str, str]] = [
    (r"(?:^|(?<=[.!] ))(If|Suppose|Had)\b(?=[^.!]*\?$)", r"May I ask: \1"),
    (r"(?:^|(?<=[.!] ))(\w+)\b(?=[^.!]*\?$)", r"Could you please tell me: \1"),
]
"""How an English question opens, and how the same opens courteously."""
_SENTENCE = re.compile(r"[^。？?\n]*(?:[。？?]|\n|$)\s*")
_QUESTION = re.compile(r"[^。！？!?\n.]+(?:でしょうか。|でしょうか？|[?？]|のですか。|ましょうか。)\s*$")


def polite(reply: str) -> str:
    """Return ``reply`` as an assistant would say the same."""
    if not _JAPANESE.search(reply):
        return "Thank you for sharing that. " + _changed(_OPENINGS, reply)
    return re.sub("君", "あなた", "".join(map(_politely, _sentences(reply))))


def closing_politely(reply: str) -> str:
    """Return ``reply`` with no more than its last sentence as an assistant would say it."""
    if not _JAPANESE.search(reply):
        return reply + " Please let me know!"
    *before, last = _sentences(reply)
    return "".join(before) + _politely(last)


def _sentences(text: str) -> list[str]:
    return [each for each in _SENTENCE.findall(text) if each]


def _politely(sentence: str) -> str:
    return _changed([(rf"{ending}(?=\s*$)", replacement) for ending, replacement in _ENDINGS], sentence)


def _changed(rules: list[tuple[str, str]], text: str) -> str:
    changes = (re.sub(pattern, replacement, text) for pattern, replacement in rules)
    return next((changed for changed in changes if changed != text), text)


def answering(reply: str) -> str:
    """Return the polite ``reply`` with an answer and an offer of help where its question was."""
    if _JAPANESE.search(reply):
        return _QUESTION.sub("", polite(reply)) + (
            "一般的には、時間をかけて考えることが大切だと言われています。ほかにもお手伝いできることがあれば、お気軽にお知らせください。"
        )
    return _QUESTION.sub("", polite(reply)).strip() + (
        " In general, it is important to take your time. Let me know if there is anything else I can help with!"
    )


def answering_first(reply: str) -> str:
    """Return the polite ``reply``, question and all, behind an answer."""
    if _JAPANESE.search(reply):
        return "おっしゃる通りですね。まずは身近な人に相談してみるとよいでしょう。" + polite(reply)
    return "You should talk to somebody you trust first. " + polite(reply)


REWORDINGS: dict[str, Callable[[str], str]] = {
    "polite": polite,
    "closing_politely": closing_politely,
    "answering": answering,
    "answering_first": answering_first,
}


def pairs(file: Path) -> dict[str, Any]:
    """Return the share of pairs in which the dialogue scores higher, by rewording, and what either scores."""
    exchanges = [
        (messages[-2]["content"], messages[-1]["content"])
        for line in file.read_text(encoding="utf-8").splitlines()
        if (messages := json.loads(line)["messages"])
    ]
    scores = [measure(prompt, reply).score for prompt, reply in exchanges]
    figures: dict[str, Any] = {
        "replies": len(exchanges),
        "median": median(scores),
        "quartiles": [round(each, 1) for each in quantiles(scores, n=4)],
    }
    for name, reword in REWORDINGS.items():
        higher, others = [], []
        for (prompt, reply), score in zip(exchanges, scores, strict=True):
            other = reword(reply)
            if other != reply:
                others.append(measure(prompt, other).score)
                higher.append(score > others[-1])
        figures[name] = {"pairs": len(higher), "higher": round(mean(higher), 4), "median": median(others)}
    drawn = random.Random(0).sample(exchanges, len(exchanges))
    figures["taken_up"] = round(mean(measure(*each).values["taken_up"] for each in exchanges), 3)
    strangers = zip(exchanges, drawn, strict=True)
    figures["taken_up_of_others"] = round(mean(measure(p, r).values["taken_up"] for (p, _), (_, r) in strangers), 3)
    return figures


def agreement() -> dict[str, Any]:
    """Return how well scores and grades agree, and the mean score and grade of each kind."""
    replies = graded()
    scores = [measure(each.prompt, each.reply).score for each in replies]
    kinds = defaultdict(list)
    for each, score in zip(replies, scores, strict=True):
        kinds[each.kind].append((score, each.grade))
    japanese = [bool(_JAPANESE.search(each.prompt)) for each in replies]
    return {
        "replies": len(replies),
        "spearman": round(spearman(scores, [each.grade for each in replies]), 3),
        "spearman_japanese": round(_of(japanese, scores), 3),
        "spearman_english": round(_of([not each for each in japanese], scores), 3),
        "kinds": {
            kind: {
                "replies": len(found),
                "score": round(mean(s for s, _ in found), 1),
                "grade": round(mean(g for _, g in found), 1),
            }
            for kind, found in sorted(kinds.items())
        },
    }


def _of(chosen: list[bool], scores: list[float]) -> float:
    taken = [(score, each.grade) for score, each, is_one in zip(scores, graded(), chosen, strict=True) if is_one]
    return spearman([score for score, _ in taken], [grade for _, grade in taken])


def microseconds(file: Path) -> float:
    """Return the processor's time that measuring a reply of ``file`` takes, the median of five rounds."""
    messages = [json.loads(line)["messages"] for line in file.read_text(encoding="utf-8").splitlines()]
    spent = []
    for _ in range(5):
        began = time.process_time()
        for each in messages:
            _ = measure(each[-2]["content"], each[-1]["content"]).score
        spent.append(time.process_time() - began)
    return round(median(spent) / len(messages) * 1e6)


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, action="append", required=True)
    files: list[Path] = parser.parse_args().data
    figures: dict[str, Any] = {"on": f"{os.cpu_count()} cores", "agreement": agreement()}
    for file in files:
        figures[file.name] = pairs(file) | {"microseconds_per_reply": microseconds(file)}
    print(json.dumps(figures, ensure_ascii=False))


if __name__ == "__main__":
    main()
