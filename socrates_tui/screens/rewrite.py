"""The editor in which a reply becomes what it should have been."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Static
from textual.worker import get_current_worker

from corpus.records import Turn
from socrates_language import tr
from socrates_tui.plain_text import plain
from socrates_tui.proposals import proposals
from socrates_tui.screens.dialog import Dialog
from socrates_tui.screens.proposals import ProposalsScreen
from socrates_tui.widgets.changes import changes
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.plain_area import PlainArea
from socrates_tui.widgets.style_meter import Measure, Measured, StyleMeter

AROUND = 400
"""Characters that are shown before and behind each change: drawing a long text whole would make the keys wait."""


@dataclass(frozen=True)
class Edited:
    """What the editor held when it was left."""

    text: str
    saved: bool
    changed: bool
    """Whether it differs from what the turn says now."""
    next: bool = False
    """Whether the editor should open on the next reply that nobody has reviewed."""


class RewriteScreen(Dialog[Edited]):
    """The reply, its rewrite, and the difference between the two while it is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", tooltip="Keep what stands there as what he should have said"),
        Binding("ctrl+down", "save_next", "Save, next", key_display="^↓", tooltip="Save, and go on to the next reply"),
        Binding("f2", "propose", "Proposals", key_display="F2", tooltip="Show small changes that could be made"),
        Binding("escape", "leave", "Leave", tooltip="Leave; a change is kept as a draft"),
    ]

    @dataclass
    class Compared(Message):
        """What was written differs so from the reply, and is so Socratic."""

        difference: Content
        measured: Measured | None

    def __init__(
        self, turn: Turn, draft: str | None, keep: Callable[[str], None], measure: Measure | None = None
    ) -> None:
        """``keep`` is told the unfinished rewrite at every pause in writing, so that a lost terminal loses no word.

        Without ``measure`` nothing is said of the style.
        """
        super().__init__()
        self._turn = turn
        self._draft = draft
        self._keep = keep
        self._measure = measure

    def compose(self) -> ComposeResult:
        """Lay out the three texts."""
        with Vertical(classes="dialog editor") as dialog:
            dialog.border_title = tr("Rewrite") if self._draft is None else tr("Rewrite · your draft")
            prompt = Static(Content(plain(self._turn.prompt)), id="rewrite-prompt")
            yield prompt
            with Container(id="rewrite-texts"):
                editor = PlainArea(self._turn.text if self._draft is None else self._draft, id="rewrite-editor")
                editor.border_title = tr("It should have been")
                yield editor
                with VerticalScroll(id="rewrite-original", can_focus=False) as original:
                    original.border_title = tr("Socrates said")
                    yield Static(Content(plain(self._turn.reply)))
            with VerticalScroll(id="rewrite-changes", can_focus=False) as difference:
                difference.border_title = tr("Changes")
                yield Static(id="rewrite-difference")
            if self._measure is not None:
                yield StyleMeter()
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind the last character."""
        self._editor.focus()
        self._editor.move_cursor(self._editor.document.end)
        self._show_changes()

    @on(PlainArea.Paused)
    def _paused(self) -> None:
        if self in self.app.screen_stack:  # the editor may have been left within the pause
            self.keep()
            self._show_changes()

    def keep(self) -> None:
        """Keep what stands in the editor as a draft; an empty editor takes none away."""
        if self._editor.text.strip():
            self._keep(self._editor.text if self._changed else "")

    def action_save(self) -> None:
        """Answer with the rewrite; refuse an empty one and one that says what was said before."""
        self._answer(go_on=False)

    def action_save_next(self) -> None:
        """Answer with the rewrite, if there is one, and go on to the next reply."""
        if self._changed:
            self._answer(go_on=True)
        else:
            self.dismiss(Edited(self._editor.text, saved=False, changed=False, next=True))

    def _answer(self, *, go_on: bool) -> None:
        text = self._editor.text.strip()
        if not text:
            self._refuse(tr("A rewrite cannot be empty: write what Socrates should have said, or leave with Esc."))
        elif text == plain(self._turn.reply):
            self._refuse(tr("This is what he said: change it, or leave with Esc and approve the reply with a."))
        else:
            self.dismiss(Edited(text, saved=True, changed=self._changed, next=go_on))

    def action_leave(self) -> None:
        """Answer with what stands in the editor, unsaved."""
        self.dismiss(Edited(self._editor.text, saved=False, changed=self._changed))

    def action_propose(self) -> None:
        """Show what could be made of the text."""
        text = self._editor.text
        if found := proposals(text):
            self.app.push_screen(ProposalsScreen(text, found), self._proposed)
        else:
            self._refuse(tr("There is nothing to propose: it tells nothing, and asks one question in his way."))

    def _proposed(self, text: str | None) -> None:
        if text is not None:  # as if it were typed, so that ctrl+z takes it back
            self._editor.replace(text, self._editor.document.start, self._editor.document.end)

    @property
    def _editor(self) -> PlainArea:
        return self.query_one(PlainArea)

    @property
    def _changed(self) -> bool:
        return self._editor.text.strip() != plain(self._turn.text)

    def _refuse(self, sentence: str) -> None:
        self.notify(sentence, severity="warning", markup=False)

    def _show_changes(self) -> None:
        self._compare(self._editor.text)

    @work(thread=True, exclusive=True, group="difference")
    def _compare(self, text: str) -> None:
        worker = get_current_worker()
        difference = changes(self._turn.reply, text, around=AROUND)
        measured = None if self._measure is None else self._measure(self._turn.prompt, text)
        if not worker.is_cancelled:  # by a newer text
            self.post_message(self.Compared(difference, measured))

    @on(Compared)
    def _compared(self, event: Compared) -> None:
        self.query_one("#rewrite-difference", Static).update(event.difference)
        if event.measured is not None:
            self.query_one(StyleMeter).show(event.measured)
        self.call_after_refresh(self._follow_cursor)

    def _follow_cursor(self) -> None:
        """Scroll the difference to where the user writes."""
        row, _ = self._editor.cursor_location
        pane = self.query_one("#rewrite-changes", VerticalScroll)
        pane.scroll_to(y=pane.max_scroll_y * row / max(1, self._editor.document.line_count - 1), animate=False)
