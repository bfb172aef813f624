"""Placing the records of a file in one conversation: what is there already is found, what is not is added."""

from collections import defaultdict
from dataclasses import dataclass

from corpus import journal, openings, turns
from corpus.database import now, one_line, rows
from corpus.formats import Exchange, ImportVerdict, Record
from corpus.split import side
from corpus.sqlite import Database
from socrates_errors import CorpusError


@dataclass(frozen=True)
class _Placed:
    """A turn of the conversation, as exchanges are compared with it."""

    id: int
    parent: int | None
    prompt: str
    text: str
    ever: frozenset[str]
    """Its reply and every rewrite it had."""

    def is_now(self, exchange: Exchange) -> bool:
        return self.prompt == exchange.prompt and self.text == (exchange.rewrite or exchange.reply)

    def once_was(self, exchange: Exchange) -> bool:
        texts = {exchange.reply} if exchange.rewrite is None else {exchange.reply, exchange.rewrite}
        return self.prompt == exchange.prompt and texts <= self.ever


class Thread:
    """A conversation while the records of one file are placed in it, in the order of their `turn`.

    A record goes on from the one before it; one with the same `turn` as that is an alternative to it. A record that
    begins with context, or again with the first exchange of the conversation, tells its path from the root.
    """

    def __init__(self, db: Database, key: str, source: str, verdict: ImportVerdict) -> None:
        self._db = db
        self._verdict = verdict
        self._after: dict[int | None, list[_Placed]] = defaultdict(list)
        """The turns that follow on each; a dropped or empty turn is passed over, as it is in the context."""
        self._passed: dict[int, int | None] = {}
        """The turns that are passed over, with the parent of each."""
        self._shown: list[int] = []
        """The path that the conversation shows."""
        self._before: Record | None = None
        """The record placed last."""
        self._start: int | None = None
        """The turn that the record placed last followed on."""
        self._end: int | None = None
        """The turn in which it ended."""
        self._title = ""
        """For a conversation that has none."""
        self._system: str | None = None
        self.added = 0
        """Number of new turns."""
        found = rows(db, "SELECT id FROM conversations WHERE key = ?", [key])
        self.is_new = not found
        self._conversation = found[0][0] if found else self._begin(key, source)
        if found:
            self._load()

    def _begin(self, key: str, source: str) -> int:
        moment = now()
        cursor = self._db.conn.execute(
            """
            INSERT INTO conversations (key, title, system, source, split, created, updated)
            VALUES (?, '', '', ?, ?, ?, ?)
            """,
            [key, source, side(key), moment, moment],
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _load(self) -> None:
        ever = defaultdict(set)
        for turn_id, text in rows(
            self._db,
            "SELECT turn, text FROM rewrites WHERE turn IN (SELECT id FROM turns WHERE conversation = ?)",
            [self._conversation],
        ):
            ever[turn_id].add(text)
        for turn in turns.select(self._db, "WHERE turns.conversation = ? ORDER BY turns.id", [self._conversation]):
            if turn.verdict == "dropped" or not turn.text:
                self._passed[turn.id] = turn.parent
            texts = frozenset({turn.reply, *ever[turn.id]})
            self._note(_Placed(turn.id, turn.parent, turn.prompt, turn.text, texts))
        ((head,),) = rows(self._db, "SELECT head FROM conversations WHERE id = ?", [self._conversation])
        self._shown = [turn.id for turn in turns.path(self._db, head) if turn.id not in self._passed]

    def place(self, record: Record) -> int:
        """Add the exchanges of ``record`` that are new, and return how many are not."""
        self._keep_system(record.system)
        self._title = self._title or one_line(record.exchanges[0].prompt)
        at = self._start_of(record)
        start = at
        known = 0
        for exchange in record.exchanges:
            found = self._find(at, exchange)
            known += found is not None
            at = found.id if found else self._add(at, exchange)
        self._before, self._start, self._end = record, start, at
        return known

    def close(self) -> None:
        """Show the path that was placed last, where anything was added."""
        if self._end is not None and self.added:
            turns.show_new(self._db, self._conversation, self._end, self._title)

    def _keep_system(self, system: str) -> None:
        if system and self.is_new:
            if self._system is None:
                self._db.execute("UPDATE conversations SET system = ? WHERE id = ?", [system, self._conversation])
                self._system = system
            elif system != self._system:
                raise CorpusError("Its system text is not that of the records before it in the same conversation.")

    def _start_of(self, record: Record) -> int | None:
        first = record.exchanges[0]
        if first.context:
            return None
        if self._before is None:
            return self._entry(record.turn, first)
        if len(record.exchanges) > 1 and self._find(None, first):
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
        if self._find(likely, first):
            return likely
        for after in self._after.values():
            for placed in after:
                if placed.is_now(first) or placed.once_was(first):
                    return placed.parent
        return place

    def _find(self, at: int | None, exchange: Exchange) -> _Placed | None:
        after = self._after.get(self._standing(at), [])
        return next(
            (placed for placed in after if placed.is_now(exchange)),
            next((placed for placed in after if placed.once_was(exchange)), None),
        )

    def _add(self, at: int | None, exchange: Exchange) -> int:
        turn_id = turns.insert(
            self._db,
            self._conversation,
            parent=at,
            prompt=exchange.prompt,
            reply=exchange.reply,
            verdict="unreviewed" if exchange.context or exchange.rewrite is not None else self._verdict,
        )
        if exchange.rewrite is not None:
            journal.store_rewritten(self._db, turn_id, exchange.rewrite)
        if at is None:
            openings.settle(self._db, self._conversation, exchange.prompt)
        text = exchange.rewrite or exchange.reply
        self._note(_Placed(turn_id, at, exchange.prompt, text, frozenset({exchange.reply, text})))
        self.added += 1
        return turn_id

    def _note(self, placed: _Placed) -> None:
        self._after[self._standing(placed.parent)].append(placed)

    def _standing(self, turn_id: int | None) -> int | None:
        while turn_id in self._passed:
            turn_id = self._passed[turn_id]
        return turn_id
