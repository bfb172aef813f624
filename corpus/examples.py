"""What training sees: the context of a turn, and one example for each turn that was approved or rewritten."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from corpus.database import rows
from corpus.failures import advising
from corpus.filters import EVERYTHING, Filter
from corpus.records import Example, Split, Turn
from corpus.sqlite import Database

_CHOSEN = """
    WITH chosen (id, conversation) AS MATERIALIZED (
        SELECT id, conversation FROM turns INDEXED BY turns_filter
        WHERE verdict IN ('approved', 'rewritten') AND {conditions}
    )
"""
_JUDGED = """
    FROM turns JOIN conversations ON conversations.id = turns.conversation
    WHERE turns.verdict IN ('approved', 'rewritten') AND (:split IS NULL OR conversations.split = :split)
        AND (:since IS NULL OR turns.judged > :since OR turns.id IN (
            SELECT changes.id FROM acts JOIN changes ON changes.act = acts.id
            WHERE acts.moved > :since AND acts.moved > acts.created AND acts.kind IN ('approve', 'rewrite', 'drop')
        ))
"""


class Said(NamedTuple):
    """A turn, as far as examples are made of it; there are too many for a Turn each."""

    id: int
    conversation: int
    parent: int | None
    prompt: str
    reply: str
    rewrite: str | None
    verdict: str
    tags: str
    """A JSON array."""
    note: str
    chosen: bool
    """Whether it is one of the judged turns that were asked for."""

    @property
    def text(self) -> str:
        """The rewrite where there is one, else the reply."""
        return self.reply if self.rewrite is None else self.rewrite


@dataclass(frozen=True, slots=True)
class JudgedTurn:
    """A turn that makes an example, with what it stands in."""

    key: str
    """The conversation's key."""
    system: str
    split: Split
    turn: Said
    after: int | None
    """The turn that it goes on from: the nearest before it that is kept."""
    position: int
    """Number of kept turns before it, and one."""
    turns: Mapping[int, Said]
    """All of the conversation."""

    @property
    def before(self) -> list[Said]:
        """The turns of its context: those from the root that were not dropped and have a text."""
        path = []
        at = self.after
        while at is not None:
            turn = self.turns[at]
            if is_kept(turn):
                path.append(turn)
            at = turn.parent
        return path[::-1]

    def example(self) -> Example:
        """Return what training sees of it."""
        return Example(
            id=self.turn.id,
            conversation=self.key,
            messages=[
                *context(self.system, self.before),
                {"role": "user", "content": self.turn.prompt},
                {"role": "assistant", "content": self.turn.text},
            ],
            rejected=None if self.turn.rewrite is None else self.turn.reply,
        )


def context(system: str, path: Sequence[Turn | Said]) -> list[dict[str, str]]:
    """Return the messages before a prompt; chat and training both take them from here."""
    messages = [{"role": "system", "content": system}] if system else []
    for turn in filter(is_kept, path):
        messages.append({"role": "user", "content": turn.prompt})
        messages.append({"role": "assistant", "content": turn.text})
    return messages


def is_kept(turn: Turn | Said) -> bool:
    """Tell whether a conversation goes on from a turn: it was not dropped, and has a text."""
    return turn.verdict != "dropped" and turn.text != ""


def judged_turns(db: Database, wanted: Filter | None = None, *, first: Sequence[int] = ()) -> Iterator[JudgedTurn]:
    """Yield the wanted turns that make an example by conversation id, then turn id, holding one conversation at a time.

    The conversations ``first`` come before the others.
    """
    chosen, parameters = _chosen(wanted)
    with advising(db):
        found = db.conn.execute(
            f"""
            {chosen}
            SELECT told.key, told.system, told.split, turns.id, turns.conversation, turns.parent, turns.prompt,
                turns.reply, rewrites.text, turns.verdict, turns.tags, turns.note,
                turns.id IN (SELECT id FROM chosen)
            FROM (
                SELECT id, key, system, split FROM conversations WHERE id IN (SELECT conversation FROM chosen)
                ORDER BY id NOT IN (SELECT value FROM json_each(?)), id LIMIT -1
            ) AS told
            CROSS JOIN turns ON turns.conversation = told.id LEFT JOIN rewrites ON rewrites.id = turns.rewrite
            """,
            [*parameters, json.dumps(first)],
        )
        for (key, system, split), conversation in groupby(found, key=itemgetter(0, 1, 2)):
            yield from _judged(key, system, split, {row[3]: Said._make(row[3:]) for row in conversation})


def _judged(key: str, system: str, split: Split, turns: Mapping[int, Said]) -> Iterator[JudgedTurn]:
    kept: dict[int | None, tuple[int | None, int]] = {None: (None, 0)}
    """For each turn the last kept one up to it, and how many of them there are."""
    for _, turn in sorted(turns.items()):  # a child's id is greater than its parent's
        after, count = kept[turn.parent]
        kept[turn.id] = (turn.id, count + 1) if is_kept(turn) else (after, count)
        if turn.chosen:
            yield JudgedTurn(key, system, split, turn, after, count + 1, turns)


def telling(db: Database, wanted: Filter | None = None) -> list[int]:
    """Return a conversation with a rewritten turn that is wanted, one with a tag, with a note, and with a context.

    Between them they have every part that a record may have.
    """
    chosen, parameters = _chosen(wanted)
    ((*found,),) = rows(
        db,
        f"""
        {chosen}
        SELECT
            min(CASE WHEN rewrite IS NOT NULL THEN conversation END),
            min(CASE WHEN tags != '[]' THEN conversation END),
            min(CASE WHEN note != '' THEN conversation END),
            min(CASE WHEN parent IN (
                SELECT id FROM turns INDEXED BY turns_filter WHERE verdict != 'dropped' AND characters > 0
            ) THEN conversation END)
        FROM turns WHERE id IN (SELECT id FROM chosen)
        """,
        parameters,
    )
    return sorted({conversation for conversation in found if conversation is not None})


def _chosen(wanted: Filter | None) -> tuple[str, list[Any]]:
    conditions, parameters = (wanted or EVERYTHING).conditions()
    return _CHOSEN.format(conditions=" AND ".join(["1", *conditions])), parameters


def count(db: Database, split: Split | None, since: str | None) -> int:
    """Return the number of examples, or of those whose verdict was given, or brought back, after ``since``."""
    ((found,),) = rows(db, f"SELECT count(*) {_JUDGED}", {"split": split, "since": since})
    return int(found)


def ids(db: Database, split: Split | None, since: str | None) -> list[int]:
    """Return the turns that ``count`` counts, newest first."""
    found = rows(db, f"SELECT turns.id {_JUDGED} ORDER BY turns.id DESC", {"split": split, "since": since})
    return [turn for (turn,) in found]
