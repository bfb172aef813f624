"""What stands in the prompt: what was asked before, or a turn's prompt that is to be asked otherwise."""

from typing import Any

from corpus.filters import Filter
from corpus.records import Conversation, Turn
from socrates_language import tr
from socrates_tui.screens.teaching import TeachingScreen

PAST = 200
"""Turns whose prompts can be asked again by a key."""


class PromptingScreen(TeachingScreen):
    """Puts prompts back to where they are written. Sending them is the chat's."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.revised: Turn | None = None
        """The turn in whose place what stands in the prompt will be asked."""
        self.set_aside = ""
        """What stood in the prompt before."""
        self._given_up: list[str] = []
        """What was written in the place of a turn and not sent, newest first."""

    async def action_revise(self) -> None:
        """Put the prompt of the turn in focus where prompts are written; what is sent is asked in its place."""
        if (turn := self.target) is not None:
            self.revise(turn, turn.prompt)
            self.prompt.focus()

    def revise(self, turn: Turn, text: str) -> None:
        """Let ``text`` be written on in the place of the prompt of ``turn``."""
        self.leave_revision()
        self.revised, self.set_aside = turn, self.prompt.text
        self.prompt.text = text
        self.prompt.move_cursor(self.prompt.document.end)
        self.prompt.border_title = tr("In the place of that prompt")
        self.refresh_bindings()

    def action_leave_revision(self) -> None:
        """Ask nothing in the place of a turn."""
        self.leave_revision()

    def leave_revision(self) -> None:
        """Put back what stood in the prompt before a turn was to be asked otherwise; ctrl+up brings it again."""
        if self.revised is not None:
            if self.unsent:
                self._given_up.insert(0, self.prompt.text)
            self.revised = None
            self.prompt.text, self.set_aside = self.set_aside, ""
            self.prompt.move_cursor(self.prompt.document.end)
            self.prompt.border_title = ""
            self.refresh_bindings()

    @property
    def unsent(self) -> str:
        """What the user wrote in the prompt; nothing where only the prompt of a turn stands there."""
        text = self.prompt.text.strip()
        return "" if self.revised is not None and text == self.revised.prompt else text

    async def open(self, conversation: Conversation | None) -> None:
        """Show ``conversation``; nothing is asked in the place of a turn of another."""
        self.leave_revision()
        await super().open(conversation)

    def past_prompts(self) -> list[str]:
        """Return what was asked before, newest first, each once."""
        asked = [turn.prompt for turn in self.corpus.turns(Filter(source="chat"), limit=PAST)]
        return list(dict.fromkeys([*self._given_up, *asked]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        match action:
            case "leave_revision":
                return self.revised is not None and self.focused is self.prompt
            case "revise":
                return self.target is not None
        return super().check_action(action, parameters)
