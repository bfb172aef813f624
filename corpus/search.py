"""Finding turns by what is said in them and what is known of them."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

from corpus.database import rows
from corpus.filters import Filter
from corpus.records import Hit, Turn
from corpus.sqlite import Database
from corpus.turns import select

_TRIGRAM = 3
"""Characters that a word must have for the index to be asked for it as it is."""
_MOST_TRIGRAMS = 400
"""A word that begins more of them is in every other turn: reading turns from the newest on finds it sooner."""
_RANKED = 1_000
"""Matches that are ranked together."""
_FEW = {"automerge": 4, "hashsize": 1 << 20}
"""FTS5's own settings, for turns that come one by one."""
_MANY = {"automerge": 6, "hashsize": 2 << 20}
"""Its settings for many turns at once: it merges less, but not so little that a turn that comes later has to wait."""
_NOWHERE = '"' + 3 * chr(sys.maxunicode) + '"'
"""A trigram that no text has: the code point is no character."""
_TEXTS = "prompt || reply || coalesce(rewrite, '')"
"""Each ends in line feeds, so that nothing is found across two."""


def newest(db: Database, wanted: Filter, *, limit: int | None, offset: int = 0) -> list[Turn]:
    """Return the turns that ``wanted`` leaves, newest first."""
    return these(db, ids(db, wanted, limit=limit, offset=offset))


def ids(db: Database, wanted: Filter, *, limit: int | None = None, offset: int = 0) -> list[int]:
    """Return the ids of the turns that ``wanted`` leaves, newest first."""
    conditions, parameters = wanted.conditions()
    # The index holds every column that a filter asks for, by id: many times narrower than the table.
    found = rows(
        db,
        f"""
        SELECT id FROM turns INDEXED BY turns_filter WHERE {" AND ".join(["1", *conditions])}
        ORDER BY id DESC LIMIT ? OFFSET ?
        """,
        [*parameters, -1 if limit is None else limit, offset],
    )
    return [turn_id for (turn_id,) in found]


def count(db: Database, wanted: Filter) -> int:
    """Return the number of turns that ``wanted`` leaves."""
    conditions, parameters = wanted.conditions()
    where = " AND ".join(["1", *conditions])
    ((counted,),) = rows(db, f"SELECT count(*) FROM turns INDEXED BY turns_filter WHERE {where}", parameters)
    return int(counted)


def these(db: Database, turn_ids: Sequence[int]) -> list[Turn]:
    """Return the turns of those ids that are there, in that order."""
    found = select(db, "WHERE turns.id IN (SELECT value FROM json_each(?))", [json.dumps(turn_ids)])
    by_id = {turn.id: turn for turn in found}
    return [by_id[turn_id] for turn_id in turn_ids if turn_id in by_id]


def find(db: Database, text: str, wanted: Filter, *, limit: int, offset: int = 0) -> list[Hit]:
    """Return the turns that contain every word of ``text`` in prompt, reply or rewrite, and that ``wanted`` leaves.

    The newest thousand of them come best first (BM25), then the thousand before those, and so on. Words of one and two
    characters are found but do not count in the order.
    """
    words = _words(text)
    first = offset // _RANKED * _RANKED
    last = -(-(offset + limit) // _RANKED) * _RANKED
    found = matches(db, text, wanted, limit=last)
    ranked: list[int] = []
    for start in range(first, len(found), _RANKED):
        ranked.extend(_ranked(db, words, found[start : start + _RANKED]))
    pattern = re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))), re.IGNORECASE)
    return [_hit(turn, pattern) for turn in these(db, ranked[offset - first :][:limit])]


def matches(db: Database, text: str, wanted: Filter, *, limit: int | None = None) -> list[int]:
    """Return the ids of the turns that contain every word of ``text`` and that ``wanted`` leaves, newest first."""
    phrases, scanned = _asked(db, _words(text))
    if not (phrases or scanned):
        return ids(db, wanted, limit=limit)
    key = "turns_fts.rowid" if phrases else "turns.id"
    conditions = ["turns_fts MATCH ?"] if phrases else []
    parameters: list[Any] = [" AND ".join(phrases)] if phrases else []
    narrow, of_filter = wanted.conditions()
    if narrow:
        # The plus sign keeps the index from being asked once for each id.
        conditions.append(f"+{key} IN (SELECT id FROM turns INDEXED BY turns_filter WHERE {' AND '.join(narrow)})")
        parameters += of_filter
    for word in scanned:
        conditions.append(f"(SELECT {_TEXTS} FROM turn_texts WHERE id = {key}) LIKE ? ESCAPE '!'")
        parameters.append("%" + re.sub("[!%_]", r"!\g<0>", word) + "%")
    found = rows(
        db,
        f"""
        SELECT {key} FROM {"turns_fts" if phrases else "turns"} WHERE {" AND ".join(conditions)}
        ORDER BY {key} DESC LIMIT ?
        """,
        [*parameters, -1 if limit is None else limit],
    )
    return [turn_id for (turn_id,) in found]


def _words(text: str) -> list[str]:
    return text.replace("\0", " ").split()


def _asked(db: Database, words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what to ask the index for, all of it to be there, and the words to look for in the texts themselves."""
    phrases, scanned = [], []
    for word in words:
        if len(word) >= _TRIGRAM:
            phrases.append(_quoted(word))
        elif len(trigrams := _trigrams(db, word)) <= _MOST_TRIGRAMS:
            phrases.append(f"({' OR '.join(map(_quoted, trigrams)) or _NOWHERE})")
        else:
            scanned.append(word)
    return phrases, scanned


def _trigrams(db: Database, word: str) -> list[str]:
    """Return the trigrams in the index that begin with ``word``, whatever its case."""
    found: set[str] = set()
    for form in {"".join(letters) for letters in product(*map(_forms, word))}:
        query = "SELECT term FROM turns_trigrams WHERE term >= ? AND term < ? LIMIT ?"
        found.update(term for (term,) in rows(db, query, [form, form + chr(sys.maxunicode), _MOST_TRIGRAMS + 1]))
    return sorted(found)


def _forms(letter: str) -> set[str]:
    """Return what the index may have made of a letter: it folds each on its own, to one letter or not at all."""
    return {form for form in (letter, letter.lower(), letter.casefold()) if len(form) == 1}


def _quoted(phrase: str) -> str:
    return '"' + phrase.replace('"', '""') + '"'


def _ranked(db: Database, words: Sequence[str], found: Sequence[int]) -> Sequence[int]:
    """Return the ids ``found``, newest first, in the order of their rank."""
    phrases = [_quoted(word) for word in words if len(word) >= _TRIGRAM]
    if not phrases or not found:
        return found
    ranked = rows(
        db,
        """
        SELECT rowid FROM turns_fts WHERE turns_fts MATCH ? AND rowid BETWEEN ? AND ?
            AND +rowid IN (SELECT value FROM json_each(?))
        ORDER BY bm25(turns_fts), rowid DESC
        """,
        [" AND ".join(phrases), found[-1], found[0], json.dumps(found)],
    )
    return [turn_id for (turn_id,) in ranked]


def _hit(turn: Turn, pattern: re.Pattern[str]) -> Hit:
    def spans(text: str | None) -> tuple[tuple[int, int], ...]:
        return tuple(match.span() for match in pattern.finditer(text or "") if match.group())

    return Hit(turn, spans(turn.prompt), spans(turn.reply), spans(turn.rewrite))


@contextmanager
def indexed_at_end(db: Database) -> Iterator[None]:
    """Index the turns that are added inside, in one transaction, all at once.

    Inside a trigger FTS5 writes out its index after every row, which takes more than half the time of an import.
    Turns that were there before must not be changed inside.
    """
    triggers = rows(db, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'turns_fts_%'")
    ((last,),) = rows(db, "SELECT coalesce(max(id), 0) FROM turns")
    for name, _ in triggers:
        db.execute(f"DROP TRIGGER {name}")
    _configure(db, _MANY)
    yield
    db.execute(
        """
        INSERT INTO turns_fts (rowid, prompt, reply, rewrite)
            SELECT id, prompt, reply, rewrite FROM turn_texts WHERE id > ? ORDER BY id
        """,
        [last],
    )
    for _, sql in triggers:
        db.execute(sql)
    _configure(db, _FEW)


def _configure(db: Database, options: Mapping[str, int]) -> None:
    for option in options.items():
        db.execute("INSERT INTO turns_fts (turns_fts, rank) VALUES (?, ?)", option)
