"""The turns of all conversations in a table: finding them by words, and judging many at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from corpus.filters import EVERYTHING, Filter
from corpus.records import Act, Turn
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_language import marked, ngettext, tr
from socrates_tui.act_sentences import act_sentence
from socrates_tui.filter_options import approvable
from socrates_tui.plain_text import plain, plain_line
from socrates_tui.screens.confirm import ConfirmScreen
from socrates_tui.screens.curating import CuratingScreen, Edit
from socrates_tui.screens.title import TitleScreen
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.long_list import Column, LongList
from socrates_tui.widgets.turn_card import TurnCard
from socrates_tui.widgets.turn_view import VERDICTS

PAUSE_S = 0.2
"""How long the user must pause in writing before the filter is asked."""

OpenCorpus = Callable[[], Corpus]
"""Opens the corpus once more, for a thread of its own."""


@dataclass
class TurnsFound(Message):
    """Which turns a filter chooses, newest first."""

    wanted: Filter
    text: str
    ids: list[int]


@dataclass
class ActEnded(Message):
    """An act is done; None where there was nothing to do."""

    act: Act | None
    told: str
    """How it is told, with a field for the sentence of the act; to be translated."""
    nothing: str
    """What is told where there was nothing to do; to be translated."""


@dataclass
class CorpusRefused(Message):
    """The corpus could not be asked or changed; ``reason`` says what to do."""

    reason: str


class FilterLine(Input):
    """Where the filter is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,down,escape", "screen.rows", "To the turns", tooltip="Go down to the turns"),
    ]


class TurnTable(LongList):
    """The turns. The keys for those that are marked, else for the one under the cursor, are bound here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "screen.filter", "Filter", key_display="/", tooltip="Choose turns by words"),
        Binding("space", "screen.mark", "Mark", tooltip="Mark the turn, or take its mark away"),
        Binding("asterisk", "screen.mark_all", "Mark all", key_display="*", tooltip="Mark all turns, or none"),
        Binding("a", "screen.approve", "Approve", tooltip="Approve what is marked, else this turn"),
        Binding("d", "screen.drop", "Drop", tooltip="Drop what is marked, else this turn"),
        Binding("t", "screen.tag", "Tag", tooltip="Give a tag to what is marked, else to this turn"),
        Binding(
            "T", "screen.untag", "Untag", show=False, tooltip="Take a tag from what is marked, else from this turn"
        ),
        Binding("e", "screen.rewrite", "Rewrite", show=False, tooltip="Write what this reply should have been"),
        Binding("u,ctrl+z", "screen.undo", "Undo", tooltip="Take back the last act, however many turns it changed"),
        Binding("U,ctrl+y", "screen.redo", "Redo", show=False, tooltip="Do again what was taken back"),
        Binding("enter", "screen.open", "Open", show=False, tooltip="Go to the turn in its conversation"),
    ]


class CorpusScreen(CuratingScreen):
    """The turns that a filter chooses, the one under the cursor, and acts on those that are marked."""

    def __init__(self, corpus: Corpus, edit: Edit, open_corpus: OpenCorpus) -> None:
        super().__init__(corpus, edit)
        self._open_corpus = open_corpus
        self._wanted, self._text = EVERYTHING, ""
        self._ids: list[int] = []
        self._marked: set[int] = set()
        self._all_marked = False
        """Whether the marks mean whatever the filter chooses, and not one turn and another."""
        self._stale = False
        """Whether the turns are those of the filter as it was before."""
        self._acting = False
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the filter, the turns and the one under the cursor."""
        yield Static(id="title")
        yield FilterLine(
            placeholder="verdict:rewritten tag:友情 version:v0003 has-rewrite 勇気", compact=True, select_on_focus=False
        )
        yield Static(id="mistake")
        with Container(id="corpus"):
            yield TurnTable(
                Column("", 1),
                Column(tr("Turn"), 6, right=True, shown_from=60),
                Column(tr("Verdict"), 12),
                Column(tr("Version"), 8, shown_from=100),
                Column(tr("Tags"), 16, shown_from=90),
                Column(tr("Prompt")),
                Column(tr("Reply")),
            )
            yield TurnCard()
        yield KeyLine()

    def on_mount(self) -> None:
        """Show the newest turns."""
        super().on_mount()
        self._table.focus()
        self.refresh_turns()

    @property
    def _table(self) -> TurnTable:
        return self.query_one(TurnTable)

    @property
    def turn(self) -> Turn | None:
        """The turn under the cursor."""
        row = self._table.row
        found = [] if row is None else self.corpus.these([self._ids[row]])
        return found[0] if found else None

    # Finding

    @on(Input.Changed)
    def _filter_changed(self) -> None:
        self._stale = True
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_S, self.refresh_turns)
        self.refresh_bindings()

    def refresh_turns(self) -> None:
        """Ask anew which turns the filter chooses; while it cannot be understood, those that were found stay."""
        super().refresh_turns()
        if self._pause is not None:
            self._pause.stop()
        from socrates_tui.filter_words import filter_words  # not needed before the first screen

        mistake = self.query_one("#mistake", Static)
        mistake.display = False
        try:
            self._find(*filter_words(self.query_one(FilterLine).value))
        except CorpusError as error:
            mistake.update(Content(plain(str(error))))
            mistake.display = True

    def _find(self, wanted: Filter, text: str) -> None:
        if (wanted, text) != (self._wanted, self._text):
            self._wanted, self._text = wanted, text
            self._marked, self._all_marked = set(), False
        self._look(wanted, text)

    @work(thread=True, group="find", exclusive=True)
    def _look(self, wanted: Filter, text: str) -> None:
        try:
            with self._open_corpus() as corpus:
                self.post_message(TurnsFound(wanted, text, corpus.matching(text, wanted)))
        except CorpusError as error:
            self.post_message(CorpusRefused(str(error)))

    @on(TurnsFound)
    def _found(self, event: TurnsFound) -> None:
        if (event.wanted, event.text) != (self._wanted, self._text):
            return  # another filter was written meanwhile
        self._stale = False
        row = self._table.row
        current = None if row is None else self._ids[row]
        self._ids = event.ids
        self._marked.intersection_update(self._ids)
        self._all_marked = self._all_marked and len(self._marked) == len(self._ids)
        cursor = self._ids.index(current) if current in self._ids else self._table.cursor
        self._table.show(len(self._ids), self._rows, cursor)
        self._show_counts()

    @on(CorpusRefused)
    def _refused(self, event: CorpusRefused) -> None:
        self._acting = False
        self.tell(event.reason, "error")
        self._show_counts()

    def _rows(self, start: int, stop: int) -> list[Sequence[str | Content]]:
        ids = self._ids[start:stop]
        turns = {turn.id: turn for turn in self.corpus.these(ids)}
        return [self._row(turn_id, turns.get(turn_id)) for turn_id in ids]

    def _row(self, turn_id: int, turn: Turn | None) -> Sequence[str | Content]:
        mark, number = "●" if turn_id in self._marked else "", str(turn_id)
        if turn is None:  # another program has just taken it away
            return [mark, number, "", "", "", "", ""]
        verdict, style = VERDICTS[turn.verdict]
        return [
            mark,
            number,
            Content.styled(tr(verdict), style),
            plain_line(turn.version or tr("imported")),
            plain_line(" ".join(f"#{tag}" for tag in turn.tags)),
            plain_line(turn.prompt),
            plain_line(turn.text),
        ]

    def _show_counts(self) -> None:
        count, marks = len(self._ids), len(self._marked)
        parts = [ngettext("{number} turn", "{number} turns", count).format(number=f"{count:,}")]
        if marks:
            parts.append(tr("{number} marked").format(number=f"{marks:,}"))
        if self._acting:
            parts.append(tr("changing them …"))
        self.query_one("#title", Static).update(
            Content.assemble((tr("Corpus"), "bold $text-accent"), "  ", " · ".join(parts))
        )
        self.refresh_bindings()

    @on(TurnTable.Moved)
    async def _show_turn(self) -> None:
        await self.show_card(self.turn)

    @on(TurnTable.Chosen)
    def action_open(self) -> None:
        """Go to the turn in its conversation."""
        if (row := self._table.row) is not None:
            self.dismiss(self._ids[row])

    def action_filter(self) -> None:
        """Go up to the filter."""
        self.query_one(FilterLine).focus()

    def action_rows(self) -> None:
        """Go down to the turns, those of the filter as it is written."""
        if self._stale:
            self.refresh_turns()
        self._table.focus()

    # Marking

    def action_mark(self) -> None:
        """Mark the turn under the cursor, or take its mark away, and go on to the next."""
        if (row := self._table.row) is not None:
            self._marked ^= {self._ids[row]}
            self._all_marked = False
            self._table.read_again()
            self._table.cursor += 1
            self._show_counts()

    def action_mark_all(self) -> None:
        """Mark all that the filter chooses; none, if all are marked."""
        self._marked = set() if len(self._marked) == len(self._ids) else set(self._ids)
        self._all_marked = bool(self._marked)
        self._table.read_again()
        self._show_counts()

    def _targets(self) -> list[int]:
        """Return the turns that are marked, else the one under the cursor."""
        if self._marked:
            return [turn_id for turn_id in self._ids if turn_id in self._marked]
        return [] if self._table.row is None else [self._ids[self._table.row]]

    # Acts

    def action_approve(self) -> None:
        """Approve what is marked; where that is all, those that were not reviewed yet, as the command does."""
        turns = self._targets()
        if self._all_marked:
            wanted = set(self.corpus.matching("", approvable(self._wanted)))
            turns = [turn_id for turn_id in turns if turn_id in wanted]
            if not turns:
                self.tell(
                    tr("None of these turns waits for a verdict: mark those that you want to approve all the same.")
                )
                return
        if self._all_marked:
            question = ngettext(
                "Approve {number} turn that nobody judged yet? u takes it back in one step.",
                "Approve {number} turns that nobody judged yet? u takes it back in one step.",
                len(turns),
            )
        else:
            question = ngettext(
                "Approve {number} turn? u takes it back in one step.",
                "Approve {number} turns? u takes it back in one step.",
                len(turns),
            )
        self._ask(tr("Approve"), question.format(number=f"{len(turns):,}"), lambda corpus: corpus.approve(*turns))

    def action_drop(self) -> None:
        """Drop what is marked."""
        turns = self._targets()
        question = ngettext(
            "Drop {number} turn? u takes it back in one step.",
            "Drop {number} turns? u takes it back in one step.",
            len(turns),
        )
        self._ask(tr("Drop"), question.format(number=f"{len(turns):,}"), lambda corpus: corpus.drop(*turns))

    def _ask(self, verb: str, question: str, act: Callable[[Corpus], Act]) -> None:
        """Do what the user wants; of several turns at once ask first."""
        if not self._marked:
            self._begin(act)
            return

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self._begin(act)

        self.app.push_screen(ConfirmScreen(tr("Corpus"), question, verb, tr("Not now")), answered)

    def action_tag(self) -> None:
        """Give what is marked a tag."""
        turns = self._targets()
        heading = ngettext("Tag for {number} turn", "Tag for {number} turns", len(turns))
        self._ask_tag(heading, turns, Corpus.tag, self._wanted.tags)

    def action_untag(self) -> None:
        """Take a tag from what is marked."""
        turn, turns = self.turn, self._targets()
        heading = ngettext("Take away a tag from {number} turn", "Take away a tag from {number} turns", len(turns))
        self._ask_tag(heading, turns, Corpus.untag, self._wanted.tags or (turn.tags if turn else ()))

    def _ask_tag(self, heading: str, turns: list[int], act: Callable[..., Act], tags: tuple[str, ...]) -> None:
        def named(name: str | None) -> None:
            if name:
                self._begin(lambda corpus: act(corpus, name, *turns))

        screen = TitleScreen(heading.format(number=f"{len(turns):,}"), tags[0] if tags else "")
        self.app.push_screen(screen, named)

    def action_rewrite(self) -> None:
        """Open the editor on the reply under the cursor."""
        if (turn := self.turn) is not None:
            self.edit(turn, self._edited)

    async def _edited(self, kept: bool) -> None:
        self.refresh_turns()

    def action_undo(self) -> None:
        """Take back the last act."""
        self._begin(Corpus.undo, marked("Took back: {sentence}"), marked("There is nothing to take back."))

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._begin(Corpus.redo, marked("Did again: {sentence}"), marked("There is nothing to do again."))

    def _begin(self, act: Callable[[Corpus], Act | None], told: str = "{sentence}", nothing: str = "") -> None:
        self._acting = True
        self._show_counts()
        self._do(act, partial(ActEnded, told=told, nothing=nothing))

    @work(thread=True, group="act")
    def _do(self, act: Callable[[Corpus], Act | None], ended: Callable[[Act | None], ActEnded]) -> None:
        try:
            with self._open_corpus() as corpus:
                self.post_message(ended(act(corpus)))
        except CorpusError as error:
            self.post_message(CorpusRefused(str(error)))

    @on(ActEnded)
    def _ended(self, event: ActEnded) -> None:
        self._acting = False
        self._marked, self._all_marked = set(), False
        told, act = tr(event.told), event.act
        self.tell(tr(event.nothing) if act is None else told.format(sentence=act_sentence(act)))
        self.refresh_turns()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While an act is done nothing else can be; turns are marked and judged once they are those of the filter."""
        match action:
            case "leave" | "undo" | "redo":
                return not self._acting
            case "open" | "mark" | "mark_all" | "approve" | "drop" | "tag" | "untag" | "rewrite":
                return bool(self._ids) and not self._acting and not self._stale
        return True
