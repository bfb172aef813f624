"""The turns of the conversation that is shown, oldest first."""

from collections.abc import Sequence
from itertools import groupby

from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Click
from textual.message import Message
from textual.widgets import Static

from corpus.records import Turn
from socrates_language import marked, ngettext, tr
from socrates_tui.widgets.turn_view import Place, TurnView

WELCOME = marked("""\
Say something to Socrates.

Where a reply is not how he would have said it, go up to it with ↑ and press e: write what it \
should have been. a approves a reply, d drops it. When you have taught a little, F5 trains a \
new version on all you kept, and it speaks here a moment later.

F1 shows every key.""")


class Transcript(VerticalScroll, can_focus=False):
    """A column of turns, of which the oldest may be left out until they are wanted."""

    class EarlierWanted(Message):
        """The user wants to see the turns before the first that is shown."""

    class LaterWanted(Message):
        """The user wants to see the turns after the last that is shown."""

    def compose(self) -> ComposeResult:
        """Lay out the lines of earlier and later turns and the welcome."""
        yield Static(id="earlier")
        yield Static(Content(tr(WELCOME)), id="welcome")
        yield Static(id="later")

    @property
    def views(self) -> list[TurnView]:
        """Every turn on the screen, and after them the prompts without a reply."""
        return list(self.query_children(TurnView))

    def view_of(self, turn: int) -> TurnView | None:
        """Return the view of the turn with that id, if it is shown."""
        return next((view for view in self.views if view.turn is not None and view.turn.id == turn), None)

    async def show(
        self, turns: Sequence[tuple[Turn, Place]], unanswered: Sequence[TurnView], earlier: int, later: int
    ) -> None:
        """Show ``turns``, then ``unanswered``; keep every view that is there already.

        ``earlier`` and ``later`` are how many turns of the conversation are left out.
        """
        async with self.lock:
            kept = {view.turn.id: view for view in self.views if view.turn is not None}
            wanted = {turn.id for turn, _ in turns}
            gone = [
                view
                for view in self.views
                if view not in unanswered and (view.turn is None or view.turn.id not in wanted)
            ]
            with self.app.batch_update():
                await self.remove_children(gone)
                before: TurnView | Static = self.query_one("#welcome", Static)
                for new, stretch in groupby(turns, lambda shown: shown[0].id not in kept):
                    if new:  # together, as each mounting has all of them styled
                        views = [TurnView(turn.prompt, turn, place) for turn, place in stretch]
                        await self.mount(*views, after=before)
                    else:
                        views = []
                        for turn, place in stretch:
                            kept[turn.id].settle(turn, place)
                            views.append(kept[turn.id])
                    before = views[-1]
                for view in unanswered:
                    if not view.is_attached:
                        await self.mount(view)
                self.move_child(self.query_one("#later"), after=before)
            self.query_one("#welcome").display = not self.views
            before_them = ngettext("↑ {number} earlier turn", "↑ {number} earlier turns", earlier)
            after_them = ngettext("↓ {number} later turn", "↓ {number} later turns", later)
            for which, count, sentence in (("earlier", earlier, before_them), ("later", later, after_them)):
                line = self.query_one(f"#{which}", Static)
                line.display = count > 0
                line.update(Content(sentence.format(number=f"{count:,}")))

    @on(Click, "#earlier")
    def _earlier_clicked(self) -> None:
        self.post_message(self.EarlierWanted())

    @on(Click, "#later")
    def _later_clicked(self) -> None:
        self.post_message(self.LaterWanted())
