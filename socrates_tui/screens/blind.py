"""Two versions' replies side by side, without their names until one is picked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Static

from corpus.picks import Choice
from socrates_language import marked, tr
from socrates_tui.blind import SIDES, Side
from socrates_tui.plain_text import plain
from socrates_tui.screens.dialog import LEAVE, Dialog
from socrates_tui.widgets.key_line import KeyLine
from socrates_tui.widgets.prompt import Prompt

State = Literal["asking", "replying", "picking", "picked"]

TITLES: dict[Side, str] = {"left": "1", "right": "2"}
HINTS: dict[State, str] = {
    "asking": marked("Ask both something; Enter sends it."),
    "replying": marked("One after the other replies …"),
    "picking": marked("Which is the better reply?"),
    "picked": "",
}


class BlindScreen(Dialog[None]):
    """Tells what the user asks and picks; the app asks the engine, and gives what comes of it back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # No text field has the focus while these work.
        Binding("1", "pick('left')", "First", tooltip="Pick the first reply"),
        Binding("2", "pick('right')", "Second", tooltip="Pick the second reply"),
        Binding("0", "pick('neither')", "Neither", tooltip="Pick neither of the replies"),
        Binding("u,ctrl+z", "undo", "Undo", tooltip="Take the pick back"),
        Binding("n", "another", "Another prompt", tooltip="Ask both something else"),
        Binding(
            "ctrl+l",
            "ask_last",
            "The conversation's last prompt",
            tooltip="Ask both what was asked last in the conversation",
        ),
        LEAVE,
    ]

    @dataclass
    class Asked(Message):
        """Both versions shall reply; None stands for the last prompt of the conversation, in its context."""

        prompt: str | None

    @dataclass
    class Picked(Message):
        """One of the replies is the better, or neither."""

        chosen: Choice

    class Undone(Message):
        """The pick shall be taken back."""

    state: var[State] = var("asking", init=False)

    def __init__(self, heading: str, draft: str, keep: Callable[[str], None], *, has_last: bool) -> None:
        """``keep`` is told what was written and not asked; ``has_last`` whether the conversation has a last prompt."""
        super().__init__()
        self._heading = heading
        self._draft = draft
        self._keep = keep
        self._has_last = has_last
        self._said: dict[Side, str] = {}

    def compose(self) -> ComposeResult:
        """Lay out the prompt above the two replies."""
        with Vertical(classes="dialog editor") as dialog:
            dialog.border_title = self._heading
            yield Prompt(self._draft, placeholder=tr("Ask both …"))
            yield Static(id="blind-prompt")
            with Container(id="blind-replies"):
                for side in SIDES:
                    with VerticalScroll(id=f"blind-{side}") as pane:
                        pane.border_title = TITLES[side]
                        yield Static()
            yield Static(id="blind-hint")
            yield KeyLine()

    def on_mount(self) -> None:
        """Begin with the prompt."""
        self._prompt.move_cursor(self._prompt.document.end)
        self.watch_state()

    def watch_state(self) -> None:
        """Show what can be done now."""
        asking = self.state == "asking"
        self._prompt.display = asking
        self.query_one("#blind-prompt").display = not asking
        self.query_one(Prompt if asking else "#blind-left").focus()
        self.tell(tr(HINTS[self.state]))
        self.refresh_bindings()

    # What the app lets come

    def begin(self, prompt: str) -> None:
        """Show ``prompt``, and no replies yet."""
        self.query_one("#blind-prompt", Static).update(Content(plain(prompt)))
        for side in SIDES:
            self._say(side, "")
            self._pane(side).border_title = TITLES[side]
        self.state = "replying"

    def stream(self, side: Side, text: str) -> None:
        """Append ``text`` to a reply."""
        self._say(side, self._said[side] + text)

    def settle(self, replies: dict[Side, str]) -> None:
        """Show the whole replies and let one be picked."""
        for side in SIDES:
            self._say(side, replies[side])
        self.state = "picking"

    def fail(self, reason: str, prompt: str) -> None:
        """Say why there are no two replies to ``prompt``, which may be sent again."""
        self._prompt.text = "\n\n".join(filter(None, [prompt, self._prompt.text]))
        self._prompt.move_cursor(self._prompt.document.end)
        self.state = "asking"
        self.tell(reason)

    def reveal(self, versions: tuple[str, str], chosen: Choice, sentence: str) -> None:
        """Name the versions, now that one is picked, and say how it stands between them."""
        self.state = "picked"
        for side, version in zip(SIDES, versions, strict=True):
            mark = " ✓" if side == chosen else ""
            self._pane(side).border_title = f"{TITLES[side]} · {version}{mark}"
        self.tell(sentence)

    def tell(self, sentence: str) -> None:
        """Say how it stands."""
        self.query_one("#blind-hint", Static).update(Content(plain(sentence)))

    # What the user does

    @on(Prompt.Sent)
    def _sent(self, event: Prompt.Sent) -> None:
        event.stop()
        self._keep("")
        self.post_message(self.Asked(event.text))

    @on(Prompt.Paused)
    def keep(self) -> None:
        """Keep what was written and not asked."""
        self._keep(self._prompt.text.strip())

    def action_leave(self) -> None:
        """Leave; what was written and not asked is kept."""
        self.keep()
        super().action_leave()

    def action_ask_last(self) -> None:
        """Let both reply to the last prompt of the conversation."""
        self.post_message(self.Asked(None))

    def action_pick(self, chosen: Choice) -> None:
        """Say which reply is the better."""
        self.post_message(self.Picked(chosen))

    def action_undo(self) -> None:
        """Take the pick back."""
        self.post_message(self.Undone())

    def action_another(self) -> None:
        """Ask something else."""
        self.state = "asking"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Say whether a key does anything now."""
        match action:
            case "pick":
                return self.state == "picking"
            case "undo":
                return self.state == "picked"
            case "another":
                return self.state in ("picking", "picked")
            case "ask_last":
                return self.state == "asking" and self._has_last
        return super().check_action(action, parameters)

    @property
    def _prompt(self) -> Prompt:
        return self.query_one(Prompt)

    def _say(self, side: Side, text: str) -> None:
        self._said[side] = text
        self._pane(side).query_one(Static).update(Content(plain(text)))

    def _pane(self, side: Side) -> VerticalScroll:
        return self.query_one(f"#blind-{side}", VerticalScroll)
