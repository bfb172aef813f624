"""Placing the records of a file in one conversation: what is there already is found, what is not is added."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from corpus import journal, openings, turns
from corpus.database import LARGEST, now, one_line, rows
from corpus.formats import Exchange, ImportVerdict, Record
from corpus.records import Split
from corpus.split import side
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr


class _Placed(NamedTuple):
    """A turn of the conversation, as exchanges are compared with it."""

    id: int
    parent: int | None
    prompt: str
    reply: str
    text: str
    """The rewrite that counts, else the reply."""
    rewrites: frozenset[str] = frozenset()
    """Every one it had."""

    def is_now(self, exchange: Exchange) -> bool:
        if exchange.rewrite is None:
            return self.text == exchange.reply
        return self.text == exchange.rewrite and self.reply in (exchange.reply, exchange.rewrite)

    def once_was(self, exchange: Exchange) -> bool:
        texts = {exchange.reply} if exchange.rewrite is None else {exchange.reply, exchange.rewrite}
        return texts <= {self.reply, *self.rewrites}


class Thread:
    """A conversation while the records of one file are placed in it, in the order of their `turn`.

    A record goes on from the one before it; one with the same `turn` as that is an alternative to it. A record that
    names no conversation, or begins with context, or again with the first exchange, tells its path from the root.
    """

    def __init__(
        self, db: Database, key: str, source: str, verdict: ImportVerdict, ids: Iterator[int], *, newest: int
    ) -> None:
        """``ids`` number the turns that are added; ``newest`` is the last conversation from before the import."""
        self._db = db
        self._key = key
        self._source = source
        self._verdict = verdict
        self._ids = ids
        self._newest = newest
        self._moment = now()
        self._placed: list[_Placed] = []
        self._after: dict[tuple[int | None, str, str], list[_Placed]] = defaultdict(list)
        """What follows on a turn, by its prompt and by each text that it had.

        A dropped or empty turn is passed over, as it is in the context.
        """
        self._passed: dict[int, int | None] = {}
        """The turns that are passed over, with the parent of each."""
        self._depths: dict[int | None, int] = {None: 0}
        self._shown: list[int] = []
        """The path that the conversation shows."""
        self._before: Record | None = None
        """The record placed last."""
        self._start: int | None = None
        """The turn that the record placed last followed on."""
        self._end: int | None = None
        """The turn in which it ended."""
        self._system = ""
        self._split: Split | None = None
        self._new: list[tuple[_Placed, Exchange]] = []
        found = rows(db, "SELECT id FROM conversations WHERE key = ?", [key])
        self.is_new = not found
        self._conversation: int = found[0][0] if found else 0
        if found:
            self._load()

    @property
    def added(self) -> int:
        """Number of new turns."""
        return len(self._new)

    def _load(self) -> None:
        rewrites = defaultdict(set)
        for turn_id, text in rows(
            self._db,
            "SELECT turn, text FROM rewrites WHERE turn IN (SELECT id FROM turns WHERE conversation = ?)",
            [self._conversation],
        ):
            rewrites[turn_id].add(text)
        for turn in turns.select(self._db, "WHERE turns.conversation = ? ORDER BY turns.id", [self._conversation]):
            if turn.verdict == "dropped" or not turn.text:
                self._passed[turn.id] = turn.parent
            self._note(_Placed(turn.id, turn.parent, turn.prompt, turn.reply, turn.text, frozenset(rewrites[turn.id])))
        ((head,),) = rows(self._db, "SELECT head FROM conversations WHERE id = ?", [self._conversation])
        self._shown = [turn.id for turn in turns.path(self._db, head) if turn.id not in self._passed]

    def place(self, record: Record) -> int:
        """Add the exchanges of ``record`` that are new, and return how many are not."""
        if self.is_new:
            self._begin(record)
        start = self._start_of(record)
        ends: list[int | None] = [start]
        """Where the exchanges so far may end: more than one turn where several say the same."""
        known = 0
        for exchange in record.exchanges:
            found: list[int | None] = [placed.id for at in ends for placed in self._found(at, exchange)]
            known += bool(found)
            ends = found or [self._add(ends[0], exchange)]
        self._before, self._start, self._end = record, start, ends[0]
        return known

    def _begin(self, record: Record) -> None:
        """Make the new conversation with its first record, and let no later one say otherwise."""
        if self._before is None:
            cursor = self._db.conn.execute(
                """
                INSERT INTO conversations (key, title, system, source, split, created, updated)
                VALUES (?, '', ?, ?, ?, ?, ?)
                """,
                [self._key, record.system, self._source, record.split or side(self._key), self._moment, self._moment],
            )
            assert cursor.lastrowid is not None
            self._conversation, self._system, self._split = cursor.lastrowid, record.system, record.split
        if record.split not in (None, self._split):
            raise CorpusError(tr("Its `split` is not that of the records before it in the same conversation."))
        if record.system and not self._system:
            self._db.execute("UPDATE conversations SET system = ? WHERE id = ?", [record.system, self._conversation])
            self._system = record.system
        if record.system and record.system != self._system:
            raise CorpusError(tr("Its system text is not that of the records before it in the same conversation."))

    def close(self) -> None:
        """Keep what is new, and show the path that was placed last."""
        if not self._new:
            return
        self._db.conn.executemany(
            """
            INSERT INTO turns (
                id, conversation, parent, depth, prompt, reply, verdict, created, judged, tags, note,
                sampling, characters
            )
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, '{}', length(?6))
            """,
            map(self._row, self._new),
        )
        for placed, exchange in self._new:
            if exchange.rewrite is not None:
                journal.store_rewritten(self._db, placed.id, exchange.rewrite)
            if placed.parent is None:
                # The file tells the sides of its own conversations; those that were here are told by nobody else.
                newest = self._newest if self._split else LARGEST
                openings.settle(self._db, self._conversation, placed.prompt, newest=newest)
        assert self._end is not None
        turns.show_new(self._db, self._conversation, self._end, one_line(self._placed[0].prompt))

    def _start_of(self, record: Record) -> int | None:
        first = record.exchanges[0]
        if record.whole or first.context:
            return None
        if self._before is None:
            return self._entry(record.turn, first)
        if len(record.exchanges) > 1 and self._found(None, first):
            return None
        if record.turn is not None and record.turn == self._before.turn:
            return self._start
        return self._end

    def _entry(self, turn: int | None, first: Exchange) -> int | None:
        """Return the turn that the file's first record follows on: where it was placed before, else by its `turn`."""
        if turn is None:
            likely = None
            place = self._shown[-1] if self._shown else None
        else:
            earlier = self._shown[: max(turn - 1, 0)]
            likely = place = earlier[-1] if earlier else None
        if self._found(likely, first):
            return likely
        for placed in self._placed:
            if placed.prompt == first.prompt and (placed.is_now(first) or placed.once_was(first)):
                return placed.parent
        return place

    def _found(self, at: int | None, exchange: Exchange) -> list[_Placed]:
        """Return the turns after ``at`` that say what the exchange says, else those that once did."""
        after = self._after.get((self._standing(at), exchange.prompt, exchange.rewrite or exchange.reply), ())
        return [placed for placed in after if placed.is_now(exchange)] or [
            placed for placed in after if placed.once_was(exchange)
        ]

    def _add(self, at: int | None, exchange: Exchange) -> int:
        text = exchange.rewrite or exchange.reply
        placed = _Placed(next(self._ids), at, exchange.prompt, exchange.reply, text)
        self._note(placed)
        self._new.append((placed, exchange))
        return placed.id

    def _note(self, placed: _Placed) -> None:
        self._placed.append(placed)
        self._depths[placed.id] = self._depths[placed.parent] + 1
        parent = self._standing(placed.parent)
        for text in {placed.text, placed.reply, *placed.rewrites}:
            self._after[parent, placed.prompt, text].append(placed)

    def _standing(self, turn_id: int | None) -> int | None:
        while turn_id in self._passed:
            turn_id = self._passed[turn_id]
        return turn_id

    def _row(self, new: tuple[_Placed, Exchange]) -> tuple[Any, ...]:
        placed, exchange = new
        verdict = "unreviewed" if exchange.context or exchange.rewrite is not None else self._verdict
        return (
            placed.id,
            self._conversation,
            placed.parent,
            self._depths[placed.id],
            placed.prompt,
            placed.reply,
            verdict,
            self._moment,
            None if verdict == "unreviewed" else self._moment,
            json.dumps(exchange.tags, ensure_ascii=False) if exchange.tags else "[]",
            exchange.note,
        )
