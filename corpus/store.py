"""The corpus as its callers see it: conversations, turns, verdicts, examples. The one entry to corpus.db."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from corpus import conversations, examples, figures, journal, losses, openings, picks, pins, purge, search, turns
from corpus.copies import PATIENCE_S
from corpus.database import one_line, open_database, rows, text, writing
from corpus.filters import EVERYTHING, Filter
from corpus.losses import Loss, LossOrder, Scales
from corpus.picks import Pick, Tally
from corpus.pins import Pin
from corpus.purge import Purge
from corpus.records import Act, Conversation, Example, Hit, Split, Turn, Verdict
from socrates_errors import CorpusBusyError, CorpusError
from socrates_language import tr


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
        with writing(self.db):
            made = conversations.begin(self.db, title=one_line(title), system=text(system), source=source, key=key)
            self._begun.append(made)
            return self.conversation(made)

    def fork(self, turn_id: int) -> Conversation:
        """Begin a conversation with copies of the turns up to this one, which nobody has judged yet."""
        return conversations.fork(self.db, turn_id)

    def spare(self, conversation_id: int) -> None:
        """Let a conversation that was begun here stay on closing; what is said in it is yet to be stored."""
        self._begun = [begun for begun in self._begun if begun != conversation_id]

    def conversations(self, *, text: str = "", archived: bool = False, limit: int | None = None) -> list[Conversation]:
        """Return the conversations in which something was said, newest activity first; archived ones if asked for.

        Every word of ``text``, which may be empty, stands in the title, or in one of the turns.
        """
        return conversations.newest(self.db, text=text, archived=archived, limit=limit)

    def conversation(self, conversation_id: int) -> Conversation:
        """Return one conversation."""
        return conversations.one(self.db, conversation_id)

    def rename_conversation(self, conversation_id: int, title: str) -> Act | None:
        """Give a conversation a title of one line; None where it has it already."""
        title = one_line(title)
        if not title:
            raise CorpusError(tr("The title is empty: give it some text."))
        return journal.change_conversation(self.db, "rename", conversation_id, title)

    def archive(self, conversation_id: int) -> Act | None:
        """Put a conversation out of sight; None where it is already. What was taught in it counts as before."""
        return journal.change_conversation(self.db, "archive", conversation_id, 1)

    def unarchive(self, conversation_id: int) -> Act | None:
        """List an archived conversation again; None where it is listed."""
        return journal.change_conversation(self.db, "unarchive", conversation_id, 0)

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

    def before(self, turn: Turn, count: int) -> list[Turn]:
        """Return the ``count`` turns that came before ``turn``, oldest first."""
        return turns.path(self.db, turn.parent, limit=count)

    def siblings(self, turn_id: int) -> list[Turn]:
        """Return every turn with the same parent and prompt, this one too, oldest first."""
        found = self.turn(turn_id)
        return turns.select(
            self.db,
            "WHERE turns.conversation = ? AND turns.parent IS ? AND turns.prompt = ? ORDER BY turns.id",
            [found.conversation, found.parent, found.prompt],
        )

    def branches(self, turn_id: int) -> list[int]:
        """Return the id of every turn after the same turn, this one too, oldest first; their prompts may differ."""
        found = self.turn(turn_id)
        ids = rows(
            self.db,
            "SELECT id FROM turns WHERE conversation = ? AND parent IS ? ORDER BY id",
            [found.conversation, found.parent],
        )
        return [branch for (branch,) in ids]

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

    def pin(self, *turn_ids: int) -> Act:
        """Let new versions answer the prompts of the turns again."""
        return journal.pin(self.db, turn_ids)

    def unpin(self, *turn_ids: int) -> Act:
        """Let new versions leave the prompts of the turns alone."""
        return journal.unpin(self.db, turn_ids)

    def pins(self) -> list[Pin]:
        """Return every pinned prompt with what versions answered."""
        return pins.pinned(self.db)

    def answer_pin(self, turn_id: int, *, version: str, base: str, reply: str) -> None:
        """Keep what ``version`` answered to a pinned prompt."""
        pins.answer(self.db, turn_id, version=version, base=base, reply=reply)

    def rewrite_pin(self, turn_id: int, version: str, text: str) -> Turn:
        """Keep ``text`` as what ``version`` should have answered to a pinned prompt, in a turn of its own."""
        return pins.rewrite(self.db, turn_id, version, text)

    def pick(self, pick: Pick) -> Act:
        """Keep which of two replies was the better."""
        return picks.add(self.db, pick)

    def tallies(self, base: str) -> dict[tuple[str, str], Tally]:
        """Return, for each version of ``base`` and each that it was set against, how often it was chosen."""
        return picks.tallies(self.db, base)

    def keep_losses(self, found: Sequence[Loss]) -> None:
        """Keep what turns weigh, in the place of what they weighed before."""
        losses.keep(self.db, found)

    def losses(self, turn_ids: Sequence[int]) -> dict[int, Loss]:
        """Return what those of the turns weigh that were weighed, by whichever versions."""
        return losses.of(self.db, turn_ids)

    def heaviest(self, scales: Scales, order: LossOrder, *, limit: int) -> list[int]:
        """Return the unreviewed turns that were weighed by ``scales``, those of the greatest figure first."""
        return losses.heaviest(self.db, scales, order, limit)

    def unweighed(self, scales: Scales, *, limit: int | None = None) -> list[tuple[int, int]]:
        """Return the unreviewed turns that were not weighed by ``scales``, newest first, each with its conversation."""
        return losses.unweighed(self.db, scales, limit)

    def count_unweighed(self, scales: Scales) -> int:
        """Return the number of turns that ``unweighed`` returns."""
        return losses.count_unweighed(self.db, scales)

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

    def judged_versions(self) -> dict[str, dict[str, Any]]:
        """Return how the replies of each version that spoke were judged, as ``stats`` tells it."""
        return figures.versions(self.db)

    def search(self, text: str, wanted: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> list[Hit]:
        """Return the turns with every word of ``text`` in prompt, reply or rewrite, best first among the newest."""
        return search.find(self.db, text, wanted, limit=limit, offset=offset)

    def turns(self, wanted: Filter = EVERYTHING, *, limit: int = 50, offset: int = 0) -> list[Turn]:
        """Return the turns that ``wanted`` leaves, newest first."""
        return search.newest(self.db, wanted, limit=limit, offset=offset)

    def these(self, turn_ids: Sequence[int]) -> list[Turn]:
        """Return the turns of those ids, in that order, without those that another program took away."""
        return search.these(self.db, turn_ids)

    def count(self, wanted: Filter = EVERYTHING) -> int:
        """Return the number of turns that ``wanted`` leaves."""
        return search.count(self.db, wanted)

    def state(self) -> tuple[int, int]:
        """Return what differs from now on once anything is written, here or by another program."""
        ((elsewhere,),) = rows(self.db, "PRAGMA data_version")
        return elsewhere, self.db.conn.total_changes

    def matching(self, text: str, wanted: Filter = EVERYTHING) -> list[int]:
        """Return the id of every turn with every word of ``text``, which may be empty, that ``wanted`` leaves."""
        return search.matches(self.db, text, wanted)

    def _check_parent(self, conversation: int, parent: int | None) -> None:
        if parent is not None and self.turn(parent).conversation != conversation:
            raise CorpusError(
                tr("Turn {turn} is not of conversation {conversation}: name a turn of the same one.").format(
                    turn=parent, conversation=conversation
                )
            )
