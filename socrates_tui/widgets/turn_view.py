"""One turn as it is seen: the prompt, who replied and how that was judged, and the reply."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from corpus.records import Turn
from socrates_language import marked, tr
from socrates_tui.plain_text import plain
from socrates_tui.widgets.reply_markdown import ReplyMarkdown

VERDICTS = {
    "unreviewed": (marked("not reviewed"), "$foreground-muted"),
    "approved": (marked("✓ approved"), "$text-success"),
    "rewritten": (marked("✎ rewritten"), "$text-accent"),
    "dropped": (marked("✗ dropped"), "$text-error"),
}
STOPS = {
    "user": marked("stopped"),
    "length": marked("cut at the longest length"),
    "context": marked("cut: the context is full"),
    "failed": marked("broke off"),
}


@dataclass(frozen=True)
class Place:
    """Where a turn stands among those that follow on the same turn, counted from 1."""

    number: int = 1
    count: int = 1

    def has(self, by: int) -> bool:
        """Say whether there is a reply ``by`` places further."""
        return 1 <= self.number + by <= self.count


class TurnView(Vertical, can_focus=True):
    """A turn, or a prompt that waits for its reply. The keys for what is under the focus are bound here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "screen.rewrite", "Rewrite", tooltip="Write what the reply should have been"),
        Binding("a", "screen.approve", "Approve", tooltip="Teach the reply as it is"),
        Binding("d", "screen.drop", "Drop", tooltip="Leave the turn out of what follows and of training"),
        Binding("r", "screen.regenerate", "Again", tooltip="Ask for another reply; this one is kept beside it"),
        Binding("n", "screen.next_unreviewed", "Next unreviewed", tooltip="Go to the next reply nobody judged yet"),
        Binding(
            "left,h", "screen.flip(-1)", "Earlier", key_display="←", tooltip="Show the reply before, or the prompt"
        ),
        Binding("right,l", "screen.flip(1)", "Later", key_display="→", tooltip="Show the reply after, or the prompt"),
        Binding(
            "o", "screen.revise", "Other prompt", show=False, tooltip="Ask otherwise here; this turn is kept beside it"
        ),
        Binding("y", "screen.copy", "Copy", show=False, tooltip="Copy the reply"),
        Binding("f", "screen.fork", "Fork", show=False, tooltip="Go on from here in another conversation"),
        Binding("p", "screen.pin", "Pin", show=False, tooltip="Let every new version answer it again, or no more"),
        Binding("u,ctrl+z", "screen.undo", "Undo", tooltip="Take back the last act of teaching"),
        Binding("U,ctrl+y", "screen.redo", "Redo", show=False, tooltip="Do again what was taken back"),
        Binding("up,k", "screen.move(-1)", "Up", show=False, tooltip="Go to the turn above"),
        Binding("down,j", "screen.move(1)", "Down", show=False, tooltip="Go to the turn below, at last to the prompt"),
        Binding("enter", "screen.write", "Prompt", show=False, tooltip="Go back to the prompt"),
    ]

    def __init__(
        self, prompt: str, turn: Turn | None = None, place: Place | None = None, *, said: str = "", state: str = ""
    ) -> None:
        """``said`` is what there is of a reply that is not kept yet, ``state`` what it waits for."""
        # before it is mounted, as a class that comes later has everything styled once more
        super().__init__(classes=None if turn is None else f"-{turn.verdict}")
        self.prompt = prompt
        self.turn = turn
        self.place = place or Place()
        self._said = said
        self._state = state

    def compose(self) -> ComposeResult:
        """Lay out the turn."""
        yield Static(Content(tr("You")), classes="who")
        yield Static(Content(plain(self.prompt)), classes="prompt-text")
        yield Static(self._heading(), classes="who reply-heading")
        yield ReplyMarkdown(plain(self._said if self.turn is None else self.turn.text))
        yield Static(self._instead(), classes="instead")

    def tell(self, state: str) -> None:
        """Say what the prompt waits for."""
        self._state = state
        if self.is_mounted:
            self._heading_line.update(self._heading())

    def stream(self, text: str) -> None:
        """Append ``text`` to the reply."""
        self._markdown.append(plain(text))

    def settle(self, turn: Turn, place: Place) -> None:
        """Show ``turn`` as it is kept."""
        if (turn, place) == (self.turn, self.place):
            return
        self.turn, self.place = turn, place
        self._markdown.update(plain(turn.text))
        self._heading_line.update(self._heading())
        self.query_one(".instead", Static).update(self._instead())
        self._mark()

    @property
    def _markdown(self) -> ReplyMarkdown:
        return self.query_one(ReplyMarkdown)

    @property
    def _heading_line(self) -> Static:
        return self.query_one(".reply-heading", Static)

    def _mark(self) -> None:
        for verdict in VERDICTS:
            self.set_class(self.turn is not None and self.turn.verdict == verdict, f"-{verdict}")

    def _heading(self) -> Content:
        """Say in words who spoke and what became of it."""
        turn = self.turn
        who = (tr("Socrates") + " ", "bold $text-accent")
        if turn is None:
            return Content.assemble(who, (self._state, "$foreground-muted"))
        verdict, style = VERDICTS[turn.verdict]
        parts = [Content.styled(tr(verdict), style)]
        if turn.rewrite is None and turn.stopped_by in STOPS:
            parts.append(Content.styled(tr(STOPS[turn.stopped_by]), "$text-warning"))
        if turn.pinned:
            parts.append(Content.styled(tr("pinned"), "$text-primary"))
        if self.place.count > 1:
            place = tr("‹ {number} of {count} ›").format(number=self.place.number, count=self.place.count)
            parts.append(Content(place))
        version = plain(turn.version or tr("imported"))
        return Content.assemble(who, (version, "$foreground-muted"), "  ", Content(" · ").join(parts))

    def _instead(self) -> Content:
        """Recall the reply in whose place the rewrite stands, on one line."""
        if self.turn is None or self.turn.rewrite is None:
            return Content("")
        return Content(tr("instead of: {reply}").format(reply=plain(" ".join(self.turn.reply.split()))))
