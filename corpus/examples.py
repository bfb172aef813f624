"""What training sees: the context of a turn, and one example for each turn that was approved or rewritten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpus.database import rows
from corpus.records import Example, Split, Turn
from corpus.sqlite import Database
from corpus.turns import select

JUDGED = ("approved", "rewritten")
"""The verdicts that make an example."""


@dataclass(frozen=True)
class JudgedTurn:
    """A turn that makes an example, with what it stands in."""

    key: str
    """The conversation's key."""
    system: str
    before: list[Turn]
    """The turns of its context: those from the root that were not dropped and have a text."""
    turn: Turn

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


def context(system: str, path: Sequence[Turn]) -> list[dict[str, str]]:
    """Return the messages before a prompt; chat and training both take them from here."""
    messages = [{"role": "system", "content": system}] if system else []
    for turn in kept(path):
        messages.append({"role": "user", "content": turn.prompt})
        messages.append({"role": "assistant", "content": turn.text})
    return messages


def kept(path: Sequence[Turn]) -> list[Turn]:
    """Return the turns of ``path`` that a conversation goes on from: not dropped, and with a text."""
    return [turn for turn in path if turn.verdict != "dropped" and turn.text]


def judged_turns(db: Database, split: Split | None, conversation: int | None = None) -> Iterator[JudgedTurn]:
    """Yield the turns that make an example by conversation id, then turn id, holding one conversation at a time."""
    conversations = rows(
        db,
        """
        SELECT id, key, system FROM conversations
        WHERE (:split IS NULL OR split = :split) AND (:conversation IS NULL OR id = :conversation)
            AND id IN (SELECT conversation FROM turns WHERE verdict IN ('approved', 'rewritten'))
        ORDER BY id
        """,
        {"split": split, "conversation": conversation},
    )
    for conversation_id, key, system in conversations:
        turns = {
            turn.id: turn for turn in select(db, "WHERE turns.conversation = ? ORDER BY turns.id", [conversation_id])
        }
        for turn in turns.values():
            if turn.verdict in JUDGED:
                path = []
                parent = turn.parent
                while parent is not None:
                    path.append(turns[parent])
                    parent = turns[parent].parent
                yield JudgedTurn(key, system, kept(path[::-1]), turn)


def count(db: Database, split: Split | None, since: str | None) -> int:
    """Return the number of examples, or of those whose verdict was given, or brought back, after ``since``."""
    ((found,),) = rows(
        db,
        """
        SELECT count(*) FROM turns JOIN conversations ON conversations.id = turns.conversation
        WHERE turns.verdict IN ('approved', 'rewritten') AND (:split IS NULL OR conversations.split = :split)
            AND (:since IS NULL OR turns.judged > :since OR turns.id IN (
                SELECT changes.id FROM acts JOIN changes ON changes.act = acts.id
                WHERE acts.moved > :since AND acts.moved > acts.created AND acts.kind IN ('approve', 'rewrite', 'drop')
            ))
        """,
        {"split": split, "since": since},
    )
    return int(found)
