"""The corpus as its callers see it: conversations, turns, verdicts, examples. The one entry to corpus.db."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from corpus import examples, figures, journal, openings, purge, search, turns
from corpus.copies import PATIENCE_S
from corpus.database import now, one_line, open_database, rows, text, writing
from corpus.filters import EVERYTHING, Filter
from corpus.purge import Purge
from corpus.records import Act, Conversation, Example, Hit, Split, Turn, Verdict
from corpus.split import PARTS, drawn_key, side
from socrates_errors import CorpusBusyError, CorpusError

_CONVERSATION = """
    SELECT conversations.id, conversations.key, conversations.title, conversations.system, conversations.source,
        conversations.split, conversations.created, conversations.updated, coalesce(turns.depth, 0)
    FROM conversations LEFT JOIN turns ON turns.id = conversations.head
"""


class Corpus:
    """An open corpus. It belongs to the thread that opened it; another thread opens its own."""

    def __init__(self, path: Path, *, patience_s: float = PATIENCE_S) -> None:
        """``patience_s`` is how long an act waits for another program that is writing, before CorpusBusyError."""
        self.db = open_database(path, patience_s)
        """For the modules of this package."""
        self._begun: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, without the conversations that were begun here and in which nothing was said."""
        try:
            if self._begun:
                marks = ", ".join("?" * len(self._begun))
                # While another program is writing they stay, and are not listed.
                with suppress(CorpusBusyError), writing(self.db):
                    self.db.execute(f"DELETE FROM conversations WHERE head IS NULL AND id IN ({marks})", self._begun)
        finally:
            self._begun = []
            self.db.close()

    def create_conversation(
        self, *, title: str = "", system: str = "", source: str = "chat", key: str | None = None
    ) -> Conversation:
        """Begin a conversation; it is listed once something was said in it.

        Without ``key`` one is drawn: every sixth conversation of the chat is held out, and none of the first five.
        """
        moment = now()
        with writing(self.db):
            if key is None:
                ((made,),) = rows(self.db, "SELECT count(*) FROM conversations WHERE source = 'chat'")
                key = drawn_key("held-out" if source == "chat" and (made + 1) % PARTS == 0 else "train")
            elif rows(self.db, "SELECT 1 FROM conversations WHERE key = ?", [key]):
                raise CorpusError(f"There is a conversation with the key {key!r} already: add to that one.")
            cursor = self.db.conn.execute(
                """
                INSERT INTO conversations (key, title, system, source, split, created, updated)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                [key, one_line(title), text(system), source, side(key), moment, moment],
            )
            assert cursor.lastrowid is not None
            self._begun.append(cursor.lastrowid)
            return self.conversation(cursor.lastrowid)

    def spare(self, conversation_id: int) -> None:
        """Let a conversation that was begun here stay on closing; what is said in it is yet to be stored."""
        self._begun = [begun for begun in self._begun if begun != conversation_id]

    def conversations(self, *, limit: int | None = None) -> list[Conversation]:
        """Return the conversations in which something was said, newest activity first."""
        found = rows(
            self.db,
            _CONVERSATION
            + """
            WHERE conversations.head IS NOT NULL
            ORDER BY conversations.updated DESC, conversations.id DESC LIMIT ?
            """,
            [-1 if limit is None else limit],
        )
        return [Conversation(*row) for row in found]

    def conversation(self, conversation_id: int) -> Conversation:
        """Return one conversation."""
        found = rows(self.db, f"{_CONVERSATION} WHERE conversations.id = ?", [conversation_id])
        if not found:
            raise CorpusError(
                f"There is no conversation {conversation_id}: `socrates corpus list` shows those there are."
            )
        return Conversation(*found[0])

    def rename_conversation(self, conversation_id: int, title: str) -> Act | None:
        """Give a conversation a title of one line; None where it has it already."""
        title = one_line(title)
        if not title:
            raise CorpusError("The title is empty: give it some text.")
        return journal.change_conversation(self.db, "rename", conversation_id, title)

    def set_system(self, conversation_id: int, system: str) -> Act | None:
        """Set the system text of a conversation; an empty one takes it away. None where it has it already."""
        return journal.change_conversation(self.db, "system text", conversation_id, text(system))

    def add_turn(
        self,
        conversation: int,
        *,
        parent: int | None,
        prompt: str,
        reply: str,
        version: str | None = None,
        base: str | None = None,
        seed: int | None = None,
        sampling: Mapping[str, Any] | None = None,
        stopped_by: str | None = None,
        prompt_tokens: int | None = None,
        reply_tokens: int | None = None,
        tokens_per_s: float | None = None,
        verdict: Verdict = "unreviewed",
    ) -> Turn:
        """Store one whole turn after ``parent``, None for the first, and make it the one the conversation shows."""
        prompt = text(prompt)
        with writing(self.db):
            self.conversation(conversation)
            self._check_parent(conversation, parent)
            turn_id = turns.insert(
                self.db,
                conversation,
                parent=parent,
                prompt=prompt,
                reply=text(reply),
                verdict=verdict,
                version=version,
                base=base,
                seed=seed,
                sampling=sampling,
                stopped_by=stopped_by,
                prompt_tokens=prompt_tokens,
                reply_tokens=reply_tokens,
                tokens_per_s=tokens_per_s,
            )
            if parent is None:
                openings.settle(self.db, conversation, prompt)
            turns.show_new(self.db, conversation, turn_id, one_line(prompt))
            return self.turn(turn_id)

    def turn(self, turn_id: int) -> Turn:
        """Return one turn."""
        return turns.turn(self.db, turn_id)

    def thread(self, conversation: int) -> list[Turn]:
        """Return the turns that the conversation shows, from the first to its head."""
        self.conversation(conversation)
        ((head,),) = rows(self.db, "SELECT head FROM conversations WHERE id = ?", [conversation])
        return turns.path(self.db, head)

    def siblings(self, turn_id: int) -> list[Turn]:
        """Return every turn with the same parent and prompt, this one too, oldest first."""
        found = self.turn(turn_id)
        return turns.select(
            self.db,
            "WHERE turns.conversation = ? AND turns.parent IS ? AND turns.prompt = ? ORDER BY turns.id",
            [found.conversation, found.parent, found.prompt],
        )

    def show(self, turn_id: int) -> None:
        """Make the conversation show this turn, and below it the newest turn that came of it."""
        with writing(self.db):
            found = self.turn(turn_id)
            # A child's id is greater than its parent's, so the greatest below is a leaf.
            self.db.execute(
                """
                WITH RECURSIVE below (id) AS (
                    VALUES (:turn) UNION ALL SELECT turns.id FROM turns JOIN below ON turns.parent = below.id
                )
                UPDATE conversations SET head = (SELECT max(id) FROM below) WHERE id = :conversation
                """,
                {"turn": turn_id, "conversation": found.conversation},
            )

    def context(self, conversation: int, *, parent: int | None) -> list[dict[str, str]]:
        """Return the messages before a prompt after ``parent``: what the engine is asked with, and training sees."""
        system = self.conversation(conversation).system
        self._check_parent(conversation, parent)
        return examples.context(system, turns.path(self.db, parent))

    def approve(self, *turn_ids: int) -> Act:
        """Make the original replies of the turns right as they are; a rewrite no longer counts."""
        return journal.approve(self.db, turn_ids)

    def rewrite(self, turn_id: int, text: str) -> Act:
        """Keep ``text`` as what the reply should have been; the newest rewrite counts."""
        return journal.rewrite(self.db, turn_id, text)

    def drop(self, *turn_ids: int) -> Act:
        """Leave the turns out of training and out of what later turns go on from."""
        return journal.drop(self.db, turn_ids)

    def tag(self, name: str, *turn_ids: int) -> Act:
        """Give the turns a tag: one line of text."""
        return journal.tag(self.db, name, turn_ids)

    def untag(self, name: str, *turn_ids: int) -> Act:
        """Take a tag from the turns."""
        return journal.untag(self.db, name, turn_ids)

    def tags(self) -> dict[str, int]:
        """Return every tag that a turn has, with the number of turns, in alphabetical order."""
        return dict(rows(self.db, "SELECT tag, count(*) FROM turn_tags GROUP BY tag ORDER BY tag"))

    def note(self, turn_id: int, text: str) -> Act:
        """Keep a note on a turn, in the place of the one it has; an empty text takes it away."""
        return journal.note(self.db, turn_id, text)

    def undo(self) -> Act | None:
        """Take back the newest act that stands; None when there is none."""
        return journal.undo(self.db)

    def redo(self) -> Act | None:
        """Do again the act that was taken back last; None when there is none."""
        return journal.redo(self.db)

    def plan_purge(self, wanted: Filter = EVERYTHING) -> Purge:
        """Tell what would be destroyed if the dropped turns that ``wanted`` leaves were purged."""
        return purge.plan(self.db, wanted)

    def purge(self, planned: Purge) -> None:
        """Destroy what was planned, for ever."""
        purge.purge(self.db, planned)

    def rewrites(self, turn_id: int) -> list[str]:
        """Return every rewrite a turn ever had, newest first, whether it counts or not."""
        self.turn(turn_id)
        return [row[0] for row in rows(self.db, "SELECT text FROM rewrites WHERE turn = ? ORDER BY id DESC", [turn_id])]

    def examples(self, split: Split | None, *, conversation: int | None = None) -> Iterator[Example]:
        """Yield one example for each approved or rewritten turn of ``split``, None for both sides."""
        for judged in examples.judged_turns(self.db, Filter(split=split, conversation=conversation)):
            yield judged.example()

    def count_examples(self, split: Split | None, *, since: str | None = None) -> int:
        """Return the number of examples, or of those judged after the moment ``since``."""
        return examples.count(self.db, split, since)

    def example_ids(self, split: Split | None, *, since: str | None = None) -> list[int]:
        """Return the turns of the examples that ``count_examples`` counts, newest first."""
        return examples.ids(self.db, split, since)

    def stats(self) -> dict[str, Any]:
        """Return the corpus in numbers; corpus.figures names them."""
        return figures.stats(self.db)

    def search(self, text: str, wanted: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> list[Hit]:
        """Return the turns with every word of ``text`` in prompt, reply or rewrite, best first among the newest."""
        return search.find(self.db, text, wanted, limit=limit, offset=offset)

    def turns(self, wanted: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> list[Turn]:
        """Return the turns that ``wanted`` leaves, newest first."""
        return search.newest(self.db, wanted, limit=limit, offset=offset)

    def matching(self, text: str, wanted: Filter = EVERYTHING) -> list[int]:
        """Return the id of every turn with every word of ``text``, which may be empty, that ``wanted`` leaves."""
        return search.matches(self.db, text, wanted)

    def _check_parent(self, conversation: int, parent: int | None) -> None:
        if parent is not None and self.turn(parent).conversation != conversation:
            raise CorpusError(f"Turn {parent} is not of conversation {conversation}: name a turn of the same one.")
