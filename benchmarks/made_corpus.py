"""A corpus of a year's work, and files to import, made from a seed. Measuring them is for others."""

import csv
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain, product
from pathlib import Path
from typing import Any

from corpus.database import rows, writing
from corpus.openings import note_anew
from corpus.search import indexed_at_end
from corpus.split import side
from corpus.store import Corpus

EXCHANGES = 5
"""Turns of a conversation."""
SPOKEN_LAST = 100
"""One turn in so many, the newest, is spoken and judged one by one, as in the app; the others are inserted at once."""
OTHER_SEED = 21
"""Of what is not in the corpus that is made."""
FORMS = ("conversations", "lines", "alone", "csv", "parquet")
"""Of files to import; in ``alone`` each exchange is a conversation."""
_SEED = 20
_USUAL = 0.05
"""The share of conversations that begin with one of twenty usual questions."""
_REPEATED = 0.02
"""The share of exchanges that were there before, half of them with a few words more."""
_VERDICTS = {"rewritten": 34, "approved": 33, "unreviewed": 25, "dropped": 8}
_KINDS = {"rewritten": "rewrite", "approved": "approve", "dropped": "drop"}
_BEGAN = datetime(2025, 11, 3, 8, tzinfo=UTC)
_YEAR = timedelta(days=364)
_VERSIONS = 12
_SOURCES = ("chat", "chat", "chat", "dialogues.jsonl", "lessons.jsonl")
_TAGS = ("良い問い", "too long", "justice", "やり直し", "gentle", "elenchus", *(f"lesson {n}" for n in range(1, 40)))

_JAPANESE = """
は の を が に と で も か て だ ね とは 何 では それ 君 なら ですか かね のか ない こと もの 思う 人 善い 徳 正義
勇気 知識 魂 幸福 美しい 真理 教える 学ぶ 問い 答え 考える つまり しかし もし なぜ 本当に 我々 友よ 知っている
例えば 医者 船乗り 靴屋 ソクラテス アテナイ 節制 敬虔 対話 無知 吟味
"""
_KANJI = """
愛 意 栄 永 英 円 遠 応 温 化 科 会 海 学 楽 感 願 気 記 義 議 久 強 教 近 苦 君 計 決 見 言 古 語 行 高 国 志 思
史 紙 時 自 質 実 社 者 勝 心 信 真 人 親 水 生 声 正 性 成 静 石 説 善 戦 想 族 多 体
"""
_KATAKANA = "アイウエオカキクケコサシスセソタチツテトナニネノハヒフヘホマミムメモラリルレロン"
_ENGLISH = """
the of a is to and you that what in it not be do we then so if but for think good virtue justice courage wise
soul know say man teach learn why how true just friend city beauty knowledge question answer believe example
Socrates Athens temperance piety ignorance examined life
"""
_ONSETS = "b br c cl d dr f g gr h l m n p pl r s st t tr v w"
_ENDINGS = "ade al ance ane ant ard ation ence ent er est ic ing ion ish ity ive ous ude ure"


@dataclass(frozen=True)
class Language:
    """Words in the order of their frequency, and how they are put together."""

    name: str
    words: list[str]
    weights: list[float]
    """Running sums: the n-th word is drawn in proportion to 1/n (Zipf's law)."""
    space: str
    stops: tuple[str, ...]
    word_length: float
    """Mean characters of a drawn word, the space after it included."""

    def text(self, draw: random.Random, characters: int) -> str:
        """Return sentences of about so many characters."""
        words = draw.choices(self.words, cum_weights=self.weights, k=max(2, round(characters / self.word_length)))
        sentences = []
        while words:
            length = draw.randint(5, 14)
            sentences.append(self.space.join(words[:length]) + draw.choice(self.stops))
            words = words[length:]
        return self.space.join(sentences)


def _language(name: str, words: Iterable[str], space: str, stops: tuple[str, ...]) -> Language:
    ranked = list(dict.fromkeys(words))
    weights = [1 / rank for rank in range(1, len(ranked) + 1)]
    length = sum(weight * len(word) for weight, word in zip(weights, ranked, strict=True)) / sum(weights)
    return Language(name, ranked, list(accumulate(weights)), space, stops, length + len(space))


def languages() -> tuple[Language, Language]:
    """Return Japanese and English of about 4,000 words each."""
    draw = random.Random(_SEED)
    compounds = ["".join(pair) for pair in product(_KANJI.split(), repeat=2)]
    names = ["".join(draw.choices(_KATAKANA, k=draw.randint(3, 6))) for _ in range(800)]
    japanese = draw.sample(compounds, 3200) + names
    onsets = _ONSETS.split()
    english = ["".join(parts) for parts in product(onsets, "aeiou", ("", *onsets), _ENDINGS.split())]
    draw.shuffle(japanese)
    return (
        _language("japanese", _JAPANESE.split() + japanese, "", ("。", "。", "？")),
        _language("english", _ENGLISH.split() + draw.sample(english, 4000), " ", (".", ".", "?")),
    )


@dataclass(frozen=True)
class Said:
    """A conversation as it was said: its key, where it came from, when, and in which language, with its exchanges."""

    key: str
    source: str
    moment: datetime
    language: Language
    exchanges: list[tuple[str, str]]


def said(turns: int, *, seed: int = _SEED) -> Iterator[Said]:
    """Yield conversations of ``turns`` turns in all, over a year: prompts of about 40 characters, replies of 120."""
    draw = random.Random(seed)
    both = languages()
    usual = [language.text(random.Random(_SEED + n), 20) for n in range(10) for language in both]
    earlier: list[tuple[str, str]] = []
    count = turns // EXCHANGES
    for number in range(count):
        (language,) = draw.choices(both, weights=(3, 1))
        exchanges = []
        for position in range(EXCHANGES):
            prompt, reply = language.text(draw, draw.randint(15, 65)), language.text(draw, draw.randint(40, 200))
            if position == 0 and draw.random() < _USUAL:
                prompt = draw.choice(usual)
            elif earlier and draw.random() < _REPEATED:
                prompt, reply = draw.choice(earlier)
                reply += draw.choice(("", language.text(draw, 5)))
            exchanges.append((prompt, reply))
        earlier.append(exchanges[-1])
        yield Said(
            key=f"{draw.getrandbits(128):032x}",
            source=draw.choice(_SOURCES),
            moment=_BEGAN + _YEAR * number / count,
            language=language,
            exchanges=exchanges,
        )


def write_file(path: Path, turns: int, form: str) -> None:
    """Write exchanges that are not in the made corpus: a conversation a record, or an exchange a record."""
    records = _records(turns, whole=form == "conversations")
    if form == "parquet":
        import pyarrow  # type: ignore[import-untyped]
        import pyarrow.parquet  # type: ignore[import-untyped]

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(records)), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if form == "csv":
            table = csv.DictWriter(file, ["conversation", "turn", "prompt", "reply"])
            table.writeheader()
            for record in records:
                prompt, reply = (message["content"] for message in record.pop("messages"))
                table.writerow(record | {"prompt": prompt, "reply": reply})
            return
        for record in records:
            if form == "alone":
                del record["conversation"], record["turn"]
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _records(turns: int, *, whole: bool) -> Iterator[dict[str, Any]]:
    for conversation in said(turns, seed=OTHER_SEED):
        messages = [
            [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
            for prompt, reply in conversation.exchanges
        ]
        if whole:
            messages = [list(chain.from_iterable(messages))]
        for turn, said_now in enumerate(messages, start=1):
            yield {"conversation": conversation.key, "turn": turn, "messages": said_now}


def make(path: Path, turns: int) -> None:
    """Make a corpus of ``turns`` turns at ``path``: verdicts, versions, tags, notes and acts."""
    one_by_one = turns // SPOKEN_LAST // EXCHANGES
    conversations = list(said(turns))
    draw = random.Random(_SEED)
    with Corpus(path) as corpus:
        corpus.db.execute("PRAGMA synchronous = OFF")
        corpus.db.execute("PRAGMA foreign_keys = OFF")  # turns and rewrites name each other
        with writing(corpus.db), indexed_at_end(corpus.db):
            _insert(corpus, conversations[: len(conversations) - one_by_one], draw)
            for (conversation,) in rows(corpus.db, "SELECT id FROM conversations"):
                note_anew(corpus.db, conversation)
        corpus.db.execute("PRAGMA foreign_keys = ON")
        assert not rows(corpus.db, "PRAGMA foreign_key_check")
        for conversation in conversations[len(conversations) - one_by_one :]:
            _speak(corpus, conversation, draw)


def _insert(corpus: Corpus, conversations: list[Said], draw: random.Random) -> None:
    tables: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("conversations", "turns", "rewrites", "acts", "changes")
    }
    for number, conversation in enumerate(conversations, start=1):
        created = conversation.moment
        parent = None
        for prompt, reply in conversation.exchanges:
            created += timedelta(seconds=90)
            parent = _insert_turn(
                tables, conversation, draw, number=number, parent=parent, prompt=prompt, reply=reply, created=created
            )
        tables["conversations"].append(
            {
                "id": number,
                "key": conversation.key,
                "title": conversation.exchanges[0][0][:60],
                "system": "",
                "source": conversation.source,
                "split": side(conversation.key),
                "head": parent,
                "created": _stamp(conversation.moment),
                "updated": _stamp(created),
            }
        )
    for name, found in tables.items():
        marks = ", ".join(f":{column}" for column in found[0])
        corpus.db.conn.executemany(f"INSERT INTO {name} ({', '.join(found[0])}) VALUES ({marks})", found)


def _insert_turn(
    tables: dict[str, list[dict[str, Any]]],
    conversation: Said,
    draw: random.Random,
    *,
    number: int,
    parent: int | None,
    prompt: str,
    reply: str,
    created: datetime,
) -> int:
    turn_id = len(tables["turns"]) + 1
    (verdict,) = draw.choices(list(_VERDICTS), weights=list(_VERDICTS.values()))
    judged = None if verdict == "unreviewed" else _stamp(created + timedelta(minutes=20))
    spoken = conversation.source == "chat"
    text, rewrite = reply, None
    if verdict == "rewritten":
        text = _rewrite(conversation.language, draw, reply)
        rewrite = len(tables["rewrites"]) + 1
        tables["rewrites"].append({"id": rewrite, "turn": turn_id, "text": text, "created": judged})
    tables["turns"].append(
        {
            "id": turn_id,
            "conversation": number,
            "parent": parent,
            "depth": (turn_id - 1) % EXCHANGES + 1,
            "prompt": prompt,
            "reply": reply,
            "rewrite": rewrite,
            "verdict": verdict,
            "version": _version(conversation) if spoken else None,
            "base": "embedded" if spoken else None,
            "seed": turn_id if spoken else None,
            "sampling": '{"temperature": 1.0, "top_k": 64}' if spoken else "{}",
            "prompt_tokens": len(prompt) if spoken else None,
            "reply_tokens": len(reply) if spoken else None,
            "created": _stamp(created),
            "judged": judged,
            "characters": len(text),
            "tags": json.dumps(_tags(draw), ensure_ascii=False),
            "note": conversation.language.text(draw, 30) if draw.random() < 0.03 else "",
        }
    )
    if judged:
        act_id = len(tables["acts"]) + 1
        kind = _KINDS[verdict]
        tables["acts"].append({"id": act_id, "kind": kind, "created": judged, "moved": judged, "state": "done"})
        before = {"verdict": "unreviewed", "rewrite": None, "judged": None}
        after = {"verdict": verdict, "rewrite": rewrite, "judged": judged}
        change = {"act": act_id, "subject": "turns", "id": turn_id}
        tables["changes"].append(change | {"before": json.dumps(before), "after": json.dumps(after)})
    return turn_id


def _speak(corpus: Corpus, conversation: Said, draw: random.Random) -> None:
    begun = corpus.create_conversation(source=conversation.source, key=conversation.key)
    parent = None
    for prompt, reply in conversation.exchanges:
        turn = corpus.add_turn(begun.id, parent=parent, prompt=prompt, reply=reply, version=_version(conversation))
        parent = turn.id
        (verdict,) = draw.choices(list(_VERDICTS), weights=list(_VERDICTS.values()))
        if verdict == "rewritten":
            corpus.rewrite(turn.id, _rewrite(conversation.language, draw, reply))
        elif verdict == "approved":
            corpus.approve(turn.id)
        elif verdict == "dropped":
            corpus.drop(turn.id)


def _rewrite(language: Language, draw: random.Random, reply: str) -> str:
    """Return the beginning of the reply, which goes on in another way."""
    kept = draw.randint(0, len(reply))
    return (reply[:kept] + language.text(draw, draw.randint(20, 120))).strip()


def _tags(draw: random.Random) -> list[str]:
    if draw.random() > 0.2:
        return []
    weights = [1 / rank for rank in range(1, len(_TAGS) + 1)]
    return sorted(set(draw.choices(_TAGS, weights, k=draw.randint(1, 3))))


def _version(conversation: Said) -> str:
    return f"v{1 + int((conversation.moment - _BEGAN) / _YEAR * _VERSIONS):04}"


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")
