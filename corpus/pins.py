"""Pinned prompts: turns whose prompt every new version answers again, and what the versions answered."""

from dataclasses import dataclass

from corpus import journal, turns
from corpus.database import now, rows, text, writing
from corpus.records import Turn
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr


@dataclass(frozen=True)
class PinAnswer:
    """What a version answered to a pinned prompt, greedily, after the prompt's context."""

    version: str
    base: str
    reply: str
    created: str
    turn: int | None
    """The turn that was made of it when it was rewritten."""


@dataclass(frozen=True)
class Pin:
    """A pinned prompt."""

    turn: Turn
    answers: tuple[PinAnswer, ...]
    """The newest first."""

    @property
    def before(self) -> str:
        """What the newest answer is read against: the answer before it, else what the pinned turn says."""
        return self.answers[1].reply if len(self.answers) > 1 else self.turn.text


def pinned(db: Database) -> list[Pin]:
    """Return every pinned prompt, the oldest turn first."""
    return [
        Pin(turn, tuple(_answers(db, turn.id)))
        for turn in turns.select(db, "WHERE turns.pinned AND turns.verdict != 'dropped' ORDER BY turns.id")
    ]


def _answers(db: Database, turn_id: int) -> list[PinAnswer]:
    found = rows(
        db,
        "SELECT version, base, reply, created, kept FROM pin_answers WHERE turn = ? ORDER BY created DESC, id DESC",
        [turn_id],
    )
    return [PinAnswer(*row) for row in found]


def answer(db: Database, turn_id: int, *, version: str, base: str, reply: str) -> None:
    """Keep what ``version`` answered to a pinned prompt, in the place of what it answered before."""
    with writing(db):
        turns.turn(db, turn_id)
        db.conn.execute("DELETE FROM pin_answers WHERE turn = ? AND version = ? AND base = ?", [turn_id, version, base])
        db.conn.execute(
            "INSERT INTO pin_answers (turn, version, base, reply, created) VALUES (?, ?, ?, ?, ?)",
            [turn_id, version, base, text(reply), now()],
        )


def rewrite(db: Database, turn_id: int, version: str, wanted: str) -> Turn:
    """Keep ``wanted`` as what ``version`` should have answered to a pinned prompt; return the turn it is kept in.

    The answer becomes a turn beside the pinned one, as another reply to its prompt. The conversation goes on showing
    what it showed.
    """
    with writing(db):
        pin = turns.turn(db, turn_id)
        found = next((answer for answer in _answers(db, turn_id) if answer.version == version), None)
        if found is None:
            raise CorpusError(
                tr("{version} has not answered the prompt of turn {turn}: let it answer first.").format(
                    version=version, turn=turn_id
                )
            )
        kept = found.turn
        if kept is None:
            kept = turns.insert(
                db,
                pin.conversation,
                parent=pin.parent,
                prompt=pin.prompt,
                reply=found.reply,
                verdict="unreviewed",
                version=found.version,
                base=found.base,
                sampling={"temperature": 0.0},
            )
            db.conn.execute(
                "UPDATE pin_answers SET kept = ? WHERE turn = ? AND version = ? AND base = ?",
                [kept, turn_id, found.version, found.base],
            )
        journal.rewrite(db, kept, wanted)
        return turns.turn(db, kept)
