"""The engine, lent for work beside the conversation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event

from adapters.api import Engine


@dataclass(eq=False)
class Loan:
    """Work that needs the engine while nothing is said; afterwards the version that spoke speaks again."""

    work: Callable[[Engine, Callable[[], bool]], bool]
    """Meant for a thread.

    It posts what comes of it, ends soon after what it is given is true, and says if it is done.
    """
    version: str | None = None
    """The one version that it lets speak; None for several."""
    gives_way: bool = False
    """Whether what the user says or chooses goes first: then it is stopped, and goes on afterwards."""
    patient: bool = False
    """Whether it gives way to all other work, too, as it takes minutes; the version that speaks speaks on meanwhile."""
    stop: Event = field(default_factory=Event)
    """Ends it for good."""
