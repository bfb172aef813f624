"""Choosing among small changes to a rewrite, each shown as a difference before it is made."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from socrates_language import tr
from socrates_tui.proposals import Proposal
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.changes import changes
from socrates_tui.widgets.key_line import KeyLine


class Choices(OptionList):
    """The proposals by name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "Put it there", tooltip="Put the proposal into the editor")
    ]


class ProposalsScreen(Dialog[str]):
    """The proposals, and what the one under the cursor would change; the answer is its text."""

    BINDINGS: ClassVar[list[BindingType]] = [LEAVE]

    def __init__(self, text: str, proposals: Sequence[Proposal]) -> None:
        super().__init__()
        self._text = text
        self._proposals = proposals

    def compose(self) -> ComposeResult:
        """Lay out the list and the difference."""
        with Vertical(classes="dialog proposals") as dialog:
            dialog.border_title = tr("Proposals")
            yield Choices(*(Content(proposal.name) for proposal in self._proposals), compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="proposed")
            yield KeyLine()

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        proposed = self._proposals[event.option_index].text
        self.query_one("#proposed", Static).update(changes(self._text, proposed))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._proposals[event.option_index].text)
