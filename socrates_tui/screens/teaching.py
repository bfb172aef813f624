"""The verdicts on the replies of a conversation. It needs no engine."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from corpus.records import Act, Turn
from socrates_errors import CorpusBusyError, CorpusError
from socrates_language import marked, tr
from socrates_tui.act_sentences import ACTS
from socrates_tui.drafts import rewrite_of
from socrates_tui.screens.conversing import ConversingScreen
from socrates_tui.screens.rewrite import Edited, RewriteScreen
from socrates_tui.widgets.style_meter import Measure
from socrates_tui.widgets.turn_view import TurnView

TAKEN_BACK = (marked("Taken back: {act}."), marked("Taken back: {act}, in another conversation or reply."))
DONE_AGAIN = (marked("Done again: {act}."), marked("Done again: {act}, in another conversation or reply."))
"""What is told of an act that is seen here, and of one that is not."""


class TeachingScreen(ConversingScreen):
    """Writes verdicts on what is shown into the corpus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+e", "rewrite_last", "Rewrite", priority=True, tooltip="Rewrite the last reply"),
    ]

    measure: Measure | None = None
    """What tells in the editor how Socratic a rewrite is, if anything does."""

    def action_rewrite(self) -> None:
        """Open the editor on the reply in focus."""
        if (turn := self.target) is not None:
            self._edit(turn)

    def action_rewrite_last(self) -> None:
        """Open the editor on the last reply."""
        if (turn := self.last) is not None:
            self._edit(turn)

    def _edit(self, turn: Turn) -> None:
        async def edited(answer: Edited | None) -> None:
            if answer is not None:
                self._edited(turn.id, answer)
                await self.show_turns()
                if answer.next:
                    self._edit_next(turn)

        self._open_editor(turn, edited)

    def edit(self, turn: Turn, then: Callable[[bool], Awaitable[None]]) -> None:
        """Open the editor on a reply, keep what was written, and go on with whether that is a rewrite now."""

        async def edited(answer: Edited | None) -> None:
            if answer is not None:
                await then(self._edited(turn.id, answer))

        self._open_editor(turn, edited)

    def _open_editor(self, turn: Turn, edited: Callable[[Edited | None], Awaitable[None]]) -> None:
        key = rewrite_of(turn.id)
        screen = RewriteScreen(turn, self.drafts.get(key), partial(self.keep_draft, key), self.measure)
        self.app.push_screen(screen, self._in_turn(edited))

    def _edit_next(self, turn: Turn) -> None:
        """Open the editor on the next reply of the conversation that nobody has reviewed, from the start at its end."""
        following = self._unreviewed_after(turn)
        if following is None:
            self.tell(tr("No other reply of this conversation is left to review."))
        else:
            self._edit(following)

    def action_next_unreviewed(self) -> None:
        """Go to the next reply that nobody judged yet."""
        if (turn := self._unreviewed_after(self.target, not isinstance(self.focused, TurnView))) is not None:
            self.call_later(self.go_to, turn.id)

    def _unreviewed_after(self, turn: Turn | None, itself: bool = False) -> Turn | None:
        """Return the next unreviewed turn of the conversation after ``turn``; after its last one, the first."""
        ids = [each.id for each in self.turns]
        start = ids.index(turn.id) + 1 if turn is not None and turn.id in ids else 0
        following = (*self.turns[start:], *self.turns[:start])
        return next((e for e in following if e.verdict == "unreviewed" and (itself or e != turn)), None)

    def _edited(self, turn: int, answer: Edited) -> bool:
        """Keep what the editor held; return whether it is a rewrite now, or waits to be stored as one."""
        kept = answer.saved
        draft = "" if answer.saved or not answer.changed else answer.text
        if answer.saved:
            try:
                self.corpus.rewrite(turn, answer.text)
            except CorpusBusyError as error:
                draft = answer.text
                self.store_later("rewrite", turn_id=turn, text=answer.text)
                waits = tr("Your rewrite is kept, and stored as soon as that has ended.")
                self.tell(f"{error.reason} {waits}", "warning")
            except CorpusError as error:
                draft, kept = answer.text, False
                self.tell(str(error), "error")
        elif draft:
            self.tell(tr("The unfinished rewrite is kept as a draft: e opens it again."))
        self.keep_draft(rewrite_of(turn), draft)
        return kept

    def action_approve(self) -> None:
        """Approve the reply."""
        self._judge(self.corpus.approve)

    def action_drop(self) -> None:
        """Drop the turn."""
        self._judge(self.corpus.drop)

    def action_pin(self) -> None:
        """Pin the prompt, or take the pin away."""
        if (turn := self.target) is not None:
            self._judge(self.corpus.unpin if turn.pinned else self.corpus.pin)

    def _judge(self, verdict: Callable[[int], Act]) -> None:
        if (turn := self.target) is not None:
            self._act(lambda: verdict(turn.id))

    def action_undo(self) -> None:
        """Take back the last act."""
        self._act(self.corpus.undo, TAKEN_BACK, tr("There is nothing to take back."))

    def action_redo(self) -> None:
        """Do again what was taken back."""
        self._act(self.corpus.redo, DONE_AGAIN, tr("There is nothing to do again."))

    def _act(self, act: Callable[[], Act | None], told: tuple[str, str] | None = None, nothing: str = "") -> None:
        try:
            acted = act()
        except CorpusError as error:
            self.tell(str(error), "error")
            return
        if acted is None:
            self.tell(nothing)
        elif told is not None:
            seen = {turn.id for turn in self.turns} & set(acted.turns)
            renamed = self.conversation is not None and self.conversation.id in acted.conversations
            here = seen or renamed or acted.picks  # a pick is of no conversation
            self.tell(tr(told[0] if here else told[1]).format(act=tr(ACTS[acted.kind])))
        self.call_later(self.show_turns)

    def action_flip(self, by: int) -> None:
        """Show the turn beside this one."""
        turn = self.target
        if turn is not None:
            try:
                branches = self.corpus.branches(turn.id)
                chosen = branches[branches.index(turn.id) + by]
                self.corpus.show(chosen)
            except CorpusError as error:
                self.tell(str(error), "error")
            else:
                self.call_later(self.show_turns, chosen)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        in_focus = self.focused if isinstance(self.focused, TurnView) else None
        match action:
            case "rewrite_last":
                return in_focus is None and self.last is not None
            case "rewrite" | "approve" | "drop" | "pin":
                return self.target is not None
            case "next_unreviewed":
                return self._unreviewed_after(self.target, in_focus is None) is not None
            case "flip":
                return in_focus is not None and in_focus.place.has(-1 if parameters[0] == -1 else 1)
        return super().check_action(action, parameters)
