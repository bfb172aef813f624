"""Reading and inserting turns. What was judged of them is corpus.journal's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from corpus.database import now, rows
from corpus.records import Turn, Verdict
from corpus.sqlite import Database
from socrates_errors import CorpusError
from socrates_language import tr

TURN = """
    SELECT turns.id, turns.conversation, turns.parent, turns.prompt, turns.reply, rewrites.text, turns.verdict,
        turns.version, turns.base, turns.seed, turns.sampling, turns.stopped_by, turns.prompt_tokens,
        turns.reply_tokens, turns.tokens_per_s, turns.created, turns.judged, turns.tags, turns.note, turns.pinned
    FROM turns LEFT JOIN rewrites ON rewrites.id = turns.rewrite
"""
"""The columns of a Turn, in the order of its fields; a condition on ``turns`` follows."""
TITLE = 60
"""Characters of the first prompt that become the title."""
_UNSPOKEN: dict[str, Any] = dict.fromkeys(
    ("version", "base", "seed", "stopped_by", "prompt_tokens", "reply_tokens", "tokens_per_s")
)


def select(db: Database, condition: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Turn]:
    """Return the turns that ``condition``, the rest of the query, leaves."""
    return [record(row) for row in rows(db, TURN + condition, parameters)]


def record(row: tuple[Any, ...]) -> Turn:
    """Return the turn of one row of ``TURN``."""
    sampling = {} if row[10] == "{}" else json.loads(row[10])
    tags = () if row[17] == "[]" else tuple(json.loads(row[17]))
    return Turn(*(*row[:10], sampling, *row[11:17], tags, row[18], bool(row[19])))


def turn(db: Database, turn_id: int) -> Turn:
    """Return one turn; CorpusError when there is none of that id."""
    found = select(db, "WHERE turns.id = ?", [turn_id])
    if not found:
        raise CorpusError(
            tr("There is no turn {turn}: `socrates corpus list` shows the turns there are.").format(turn=turn_id)
        )
    return found[0]


def path(db: Database, last: int | None, *, limit: int | None = None) -> list[Turn]:
    """Return the turns from the root to ``last``, or the ``limit`` last of them; none for None."""
    return select(
        db,
        """
        WHERE turns.id IN (
            WITH RECURSIVE path (id, parent) AS (
                SELECT id, parent FROM turns WHERE id = ?
                UNION ALL
                SELECT turns.id, turns.parent FROM turns JOIN path ON turns.id = path.parent
                LIMIT ?
            )
            SELECT id FROM path
        )
        ORDER BY turns.depth
        """,
        [last, -1 if limit is None else limit],
    )


def insert(
    db: Database,
    conversation: int,
    *,
    parent: int | None,
    prompt: str,
    reply: str,
    verdict: Verdict,
    **spoken: Any,
) -> int:
    """Insert one turn of trimmed text and return its id. ``spoken`` holds what is known of how the reply was made."""
    moment = now()
    judged = None if verdict == "unreviewed" else moment
    if not prompt:
        raise CorpusError(tr("The prompt is empty: give it some text."))
    if verdict == "approved" and not reply:
        raise CorpusError(tr("The reply is empty and cannot be approved: rewrite or drop it."))
    cursor = db.conn.execute(
        """
        INSERT INTO turns (
            conversation, parent, depth, prompt, reply, verdict, version, base, seed, sampling, stopped_by,
            prompt_tokens, reply_tokens, tokens_per_s, created, judged, characters
        )
        VALUES (
            :conversation, :parent, coalesce((SELECT depth FROM turns WHERE id = :parent), 0) + 1, :prompt, :reply,
            :verdict, :version, :base, :seed, :sampling, :stopped_by, :prompt_tokens, :reply_tokens, :tokens_per_s,
            :created, :judged, length(:reply)
        )
        """,
        _UNSPOKEN
        | spoken
        | {
            "conversation": conversation,
            "parent": parent,
            "prompt": prompt,
            "reply": reply,
            "verdict": verdict,
            "sampling": json.dumps(spoken.get("sampling") or {}),
            "created": moment,
            "judged": judged,
        },
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def show_new(db: Database, conversation: int, head: int, title: str) -> None:
    """Make the new turn ``head`` the one the conversation shows; ``title`` is for a conversation that has none."""
    db.execute(
        """
        UPDATE conversations SET head = turns.id, updated = turns.created,
            title = CASE conversations.title WHEN '' THEN :title ELSE conversations.title END
        FROM turns WHERE turns.id = :head AND conversations.id = :conversation
        """,
        {
            "head": head,
            "conversation": conversation,
            "title": title if len(title) <= TITLE else title[: TITLE - 1] + "…",
        },
    )
