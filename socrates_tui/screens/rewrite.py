"""The editor in which a reply becomes what it should have been."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static, TextArea

from corpus.records import Turn
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import Dialog
from socrates_tui.widgets.changes import changes
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.plain_area import PlainArea

PAUSE_S = 0.1
"""How long the user must pause before the draft is kept and the difference is drawn anew."""


@dataclass(frozen=True)
class Edited:
    """What the editor held when it was left."""

    text: str
    saved: bool
    changed: bool
    """Whether it differs from what the turn says now."""


class RewriteScreen(Dialog[Edited]):
    """The reply, its rewrite, and the difference between the two while it is written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save"),
        Binding("escape", "leave", "Leave (a change is kept as a draft)"),
    ]

    def __init__(self, turn: Turn, draft: str | None, keep: Callable[[str], None]) -> None:
        """``keep`` is told the unfinished rewrite at every pause in writing, so that a lost terminal loses no word."""
        super().__init__()
        self._turn = turn
        self._draft = draft
        self._keep = keep
        self._pause: Timer | None = None

    def compose(self) -> ComposeResult:
        """Lay out the three texts."""
        with Vertical(classes="dialog editor") as dialog:
            dialog.border_title = "Rewrite" if self._draft is None else "Rewrite · your draft"
            prompt = Static(Content(plain(self._turn.prompt)), id="rewrite-prompt")
            yield prompt
            with Container(id="rewrite-texts"):
                with VerticalScroll(id="rewrite-original", can_focus=False) as original:
                    original.border_title = "Socrates said"
                    yield Static(Content(plain(self._turn.reply)))
                editor = PlainArea(self._turn.text if self._draft is None else self._draft, id="rewrite-editor")
                editor.border_title = "It should have been"
                yield editor
            with VerticalScroll(id="rewrite-changes", can_focus=False) as difference:
                difference.border_title = "Changes"
                yield Static(id="rewrite-difference")
            yield KeyLine()

    def on_mount(self) -> None:
        """Put the cursor behind the last character."""
        self._editor.focus()
        self._editor.move_cursor(self._editor.document.end)
        self._show_changes()

    @on(TextArea.Changed)
    def _text_changed(self) -> None:
        if self._pause is not None:
            self._pause.stop()
        self._pause = self.set_timer(PAUSE_S, self._paused)

    def _paused(self) -> None:
        if self.is_current:  # the editor may have been left within the pause
            self.keep()
            self._show_changes()

    def keep(self) -> None:
        """Keep what stands in the editor as a draft; an empty editor takes none away."""
        if self._editor.text.strip():
            self._keep(self._editor.text if self._changed else "")

    def action_save(self) -> None:
        """Answer with the rewrite; refuse an empty one and one that says what was said before."""
        text = self._editor.text.strip()
        if not text:
            self._refuse("A rewrite cannot be empty: write what Socrates should have said, or leave with Esc.")
        elif text == plain(self._turn.reply):
            self._refuse("This is what he said: change it, or leave with Esc and approve the reply with a.")
        else:
            self.dismiss(Edited(text, saved=True, changed=self._changed))

    def action_leave(self) -> None:
        """Answer with what stands in the editor, unsaved."""
        self.dismiss(Edited(self._editor.text, saved=False, changed=self._changed))

    @property
    def _editor(self) -> PlainArea:
        return self.query_one(PlainArea)

    @property
    def _changed(self) -> bool:
        return self._editor.text.strip() != plain(self._turn.text)

    def _refuse(self, sentence: str) -> None:
        self.notify(sentence, severity="warning", markup=False)

    def _show_changes(self) -> None:
        self.query_one("#rewrite-difference", Static).update(changes(self._turn.reply, self._editor.text))
        self.call_after_refresh(self._follow_cursor)

    def _follow_cursor(self) -> None:
        """Scroll the difference to where the user writes."""
        row, _ = self._editor.cursor_location
        pane = self.query_one("#rewrite-changes", VerticalScroll)
        pane.scroll_to(y=pane.max_scroll_y * row / max(1, self._editor.document.line_count - 1), animate=False)
