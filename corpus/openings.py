"""Settling the side of a conversation by its opening: near-duplicates go to the same side, and stay there for ever."""

from collections import Counter
from collections.abc import Iterator, Sequence

from corpus.database import LARGEST
from corpus.records import Split
from corpus.similar import BANDS, bands, letters, likeness, sketch
from corpus.sqlite import Database

_CROWD = 50
"""Openings that are looked at, of one band and in all: those made after one pattern crowd together."""
_PLACES = range(2, 2 + BANDS)
_CANDIDATES = " UNION ALL ".join(
    f"SELECT * FROM (SELECT conversation FROM openings WHERE band = ?{place} AND conversation <= ?1 LIMIT {_CROWD})"
    for place in _PLACES
)
_NOTE = (
    f"INSERT OR IGNORE INTO openings (conversation, band) VALUES {', '.join(f'(?1, ?{place})' for place in _PLACES)}"
)

_PROMPTS = "SELECT DISTINCT prompt FROM turns WHERE conversation = ? AND parent IS NULL"


def settle(db: Database, conversation: int, opening: str, *, newest: int = LARGEST) -> None:
    """Note a first prompt of a conversation, and decide its side if it is the first of them.

    The conversation leaves the side that it was created on for that of another, among those up to the id ``newest``,
    which opens with nearly the same prompt. Afterwards nothing moves it.
    """
    spoken = letters(opening)
    found = bands(sketch(spoken))
    near = next(_near(db, spoken, found, newest), None)
    if near is not None:
        db.conn.execute(
            """
            UPDATE conversations SET split = (SELECT split FROM conversations WHERE id = :near)
            WHERE id = :conversation AND NOT EXISTS (SELECT 1 FROM openings WHERE conversation = :conversation)
            """,
            {"near": near, "conversation": conversation},
        )
    db.conn.execute(_NOTE, [conversation, *found])


def side_of(db: Database, opening: str) -> Split | None:
    """Return the side of the conversation that opens most nearly with ``opening``; None where none nearly does."""
    spoken = letters(opening)
    near = next(_near(db, spoken, bands(sketch(spoken)), LARGEST), None)
    if near is None:
        return None
    found: tuple[Split] = db.conn.execute("SELECT split FROM conversations WHERE id = ?", [near]).fetchone()
    return found[0]


def note_anew(db: Database, conversation: int) -> None:
    """Note the first prompts that a conversation has now."""
    db.conn.execute("DELETE FROM openings WHERE conversation = ?", [conversation])
    for (prompt,) in db.conn.execute(_PROMPTS, [conversation]).fetchall():
        db.conn.execute(_NOTE, [conversation, *bands(sketch(letters(prompt)))])


def alike(db: Database, conversation: int) -> list[int]:
    """Return the other conversations that open with nearly the same prompt."""
    found: set[int] = set()
    for (prompt,) in db.conn.execute(_PROMPTS, [conversation]):
        spoken = letters(prompt)
        found.update(_near(db, spoken, bands(sketch(spoken)), LARGEST))
    return sorted(found - {conversation})


def _near(db: Database, spoken: str, found: Sequence[int], newest: int) -> Iterator[int]:
    """Yield the conversations whose opening is near: those that share most bands first, the older of several."""
    candidates = db.conn.execute(_CANDIDATES, [newest, *found])
    shared: Counter[int] = Counter(conversation for (conversation,) in candidates)
    for conversation in sorted(shared, key=lambda candidate: (-shared[candidate], candidate))[:_CROWD]:
        if any(likeness(spoken, letters(prompt)) for (prompt,) in db.conn.execute(_PROMPTS, [conversation])):
            yield conversation
