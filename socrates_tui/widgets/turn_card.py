"""One turn to be judged or looked up, with where it stands and the turns before it."""

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from corpus.records import Conversation, Turn
from socrates_language import tr
from socrates_tui.plain_text import plain, plain_line
from socrates_tui.screens.moment import moment
from socrates_tui.widgets.turn_view import TurnView


class SeenTurn(TurnView, can_focus=False):
    """A turn that is only looked at; the keys are those of the list beside it."""


class TurnCard(VerticalScroll, can_focus=False):
    """The turn that is under the cursor of a list."""

    def compose(self) -> ComposeResult:
        """Lay out the lines above the turn."""
        yield Static(id="card-where")
        yield Static(id="card-worth")
        yield Static(id="card-before")

    async def show(
        self, turn: Turn | None, conversation: Conversation | None, before: Sequence[Turn], worth: str = ""
    ) -> None:
        """Show ``turn`` of ``conversation``, which followed on ``before``; None shows nothing.

        ``worth`` says how much it is worth a minute, where that is known.
        """
        line = self.query_one("#card-worth", Static)
        line.update(Content(plain(worth)))
        line.display = bool(worth)
        shown = self.query(SeenTurn)
        if turn is not None and shown and shown.first().turn == turn:
            return
        with self.app.batch_update():
            await shown.remove()
            self.query_one("#card-where", Static).update(_where(turn, conversation))
            lines = self.query_one("#card-before", Static)
            lines.update(_lines(before))
            lines.display = bool(before)
            if turn is not None:
                await self.mount(SeenTurn(turn.prompt, turn))
        self.scroll_home(animate=False)


def _where(turn: Turn | None, conversation: Conversation | None) -> Content:
    if turn is None or conversation is None:
        return Content("")
    parts = [
        plain_line(conversation.title),
        moment(turn.created),
        *([] if conversation.source == "chat" else [plain_line(conversation.source)]),
        *([tr("held out")] if conversation.split == "held-out" else []),
        *(f"#{plain_line(tag)}" for tag in turn.tags),
        *([plain_line(turn.note)] if turn.note else []),
    ]
    return Content(" · ").join(Content(part) for part in parts)


def _lines(before: Sequence[Turn]) -> Content:
    """Recall what was said before, each on a line."""
    lines = [
        Content.assemble((who, "bold"), "  ", plain_line(text))
        for turn in before
        for who, text in ((tr("You"), turn.prompt), (tr("Socrates"), turn.text))
    ]
    return Content("\n").join(lines)
