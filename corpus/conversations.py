"""Finding conversations, and going on from a turn in another one. What is said in them is corpus.turns'."""

from typing import Any

from corpus import openings, search, turns
from corpus.database import now, one_line, rows, writing
from corpus.filters import EVERYTHING
from corpus.records import Conversation
from corpus.split import PARTS, drawn_key, side
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr

_CONVERSATION = """
    SELECT conversations.id, conversations.key, conversations.title, conversations.system, conversations.source,
        conversations.split, conversations.created, conversations.updated, coalesce(turns.depth, 0),
        conversations.archived
    FROM conversations LEFT JOIN turns ON turns.id = conversations.head
"""
_LOOKED_THROUGH = 1_000
"""The newest turns with the words that are looked for; older ones are found by the title of their conversation."""


def one(db: Database, conversation: int) -> Conversation:
    """Return one conversation; CorpusError when there is none of that id."""
    found = rows(db, f"{_CONVERSATION} WHERE conversations.id = ?", [conversation])
    if not found:
        raise missing(conversation)
    return _record(found[0])


def missing(conversation: int) -> CorpusError:
    """Return the error that there is no such conversation."""
    return CorpusError(
        tr("There is no conversation {number}: `socrates corpus list` shows those there are.").format(
            number=conversation
        )
    )


def newest(db: Database, *, text: str, archived: bool, limit: int | None) -> list[Conversation]:
    """Return the conversations in which something was said, newest activity first; the archived ones if ``archived``.

    Each word of ``text`` must stand in the title, or all of them in one of the newest turns in which they do.
    """
    conditions = ["conversations.head IS NOT NULL"]
    parameters: list[str | int] = []
    if not archived:
        conditions.append("NOT conversations.archived")
    if words := text.split():
        said = search.matches(db, text, EVERYTHING, limit=_LOOKED_THROUGH)
        titled = " AND ".join("instr(lower(conversations.title), lower(?))" for _ in words)
        marks = ", ".join("?" * len(said))
        conditions.append(f"({titled} OR conversations.id IN (SELECT conversation FROM turns WHERE id IN ({marks})))")
        parameters += [*words, *said]
    found = rows(
        db,
        f"""
        {_CONVERSATION} WHERE {" AND ".join(conditions)}
        ORDER BY conversations.updated DESC, conversations.id DESC LIMIT ?
        """,
        [*parameters, -1 if limit is None else limit],
    )
    return [_record(row) for row in found]


def begin(db: Database, *, title: str, system: str, source: str, key: str | None) -> int:
    """Insert a conversation and return its id; without ``key`` one is drawn."""
    moment = now()
    with writing(db):
        if key is None:
            ((made,),) = rows(db, "SELECT count(*) FROM conversations WHERE source = 'chat'")
            key = drawn_key("held-out" if source == "chat" and (made + 1) % PARTS == 0 else "train")
        elif rows(db, "SELECT 1 FROM conversations WHERE key = ?", [key]):
            raise CorpusError(
                tr("There is a conversation with the key {key} already: add to that one.").format(key=repr(key))
            )
        cursor = db.conn.execute(
            """
            INSERT INTO conversations (key, title, system, source, split, created, updated)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [key, title, system, source, side(key), moment, moment],
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid


def fork(db: Database, last: int) -> Conversation:
    """Begin a conversation with copies of the turns up to the turn ``last``, and on the same side.

    A copy says what the turn says now and is not judged, so that no example counts twice; what was dropped stays so.
    """
    with writing(db):
        copied = turns.path(db, turns.turn(db, last).id)
        origin = one(db, copied[0].conversation)
        made = begin(
            db, title=f"{origin.title} · from turn {len(copied)}", system=origin.system, source="chat", key=None
        )
        parent = None
        for turn in copied:
            parent = turns.insert(
                db,
                made,
                parent=parent,
                prompt=turn.prompt,
                reply=turn.text,
                verdict="dropped" if turn.verdict == "dropped" else "unreviewed",
                version=None if turn.rewrite is not None else turn.version,
                base=turn.base,
                stopped_by=None if turn.rewrite is not None else turn.stopped_by,
                prompt_tokens=turn.prompt_tokens,
                reply_tokens=turn.reply_tokens,
            )
            if turn is copied[0]:
                openings.settle(db, made, turn.prompt)
        assert parent is not None
        turns.show_new(db, made, parent, one_line(origin.title))
        return one(db, made)


def _record(row: tuple[Any, ...]) -> Conversation:
    return Conversation(*(*row[:-1], bool(row[-1])))
