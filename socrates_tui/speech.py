"""One reply in the making: asking the engine in a thread, and what is known of it meanwhile."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from time import monotonic

from textual.message import Message

from adapters import api
from socrates_errors import SocratesError
from socrates_language import tr
from socrates_tui.messages import ReplyFailed, ReplyFinished, ReplyStreamed
from socrates_tui.widgets.turn_view import TurnView

FRAME_S = 1 / 15
"""Pieces that come faster are put on the screen together."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Speech:
    """A prompt on its way to a reply."""

    conversation: int
    prompt: str
    parent: int | None = None
    """The turn before; known once it is this prompt's turn."""
    replaces: int | None = None
    """The turn in whose place it is said: with the same prompt, or with another."""
    again: bool = False
    """Whether the prompt is that of the turn it replaces."""
    sampling: api.Sampling = field(default_factory=api.Sampling)
    state: str = ""
    said: str = ""
    view: TurnView | None = None
    """Where it is shown; None while another conversation is on the screen."""
    stored_as: str = ""
    """The key of the draft of the whole reply, while another program keeps it from being stored."""
    stop: Event = field(default_factory=Event)

    def tell(self, state: str) -> None:
        """Say on the screen how far it is."""
        self.state = state
        if self.view is not None:
            self.view.tell(state)


def speak(
    engine: api.Engine,
    messages: Sequence[api.Message],
    sampling: api.Sampling,
    post: Callable[[Message], bool],
    *,
    stopped: Callable[[], bool],
    beside: Callable[[], bool],
) -> None:
    """Ask ``engine`` and post what it says, about fifteen times a second, then how it ended. Meant for a thread.

    ``stopped`` and ``beside`` are what ``Engine.reply`` asks.
    """
    pieces: list[str] = []
    shown = 0.0
    try:
        for item in engine.reply(messages, sampling, stopped, beside):
            if isinstance(item, api.Finished):
                post(ReplyStreamed("".join(pieces)))
                post(ReplyFinished(item))
                return
            pieces.append(item.text)
            if monotonic() - shown >= FRAME_S:
                post(ReplyStreamed("".join(pieces)))
                pieces.clear()
                shown = monotonic()
    except SocratesError as error:
        post(ReplyStreamed("".join(pieces)))
        post(ReplyFailed(str(error)))
    except Exception as error:  # the window must not close over a reply
        log.exception("no reply")
        post(ReplyStreamed("".join(pieces)))
        reason = tr("The engine failed ({kind}): the log says more. Try again.")
        post(ReplyFailed(reason.format(kind=type(error).__name__)))
