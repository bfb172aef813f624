"""The records of the corpus, as its callers see them. Storing them is corpus.store's work."""

from dataclasses import dataclass, field
from typing import Any, Literal

Verdict = Literal["unreviewed", "approved", "rewritten", "dropped"]
Split = Literal["train", "held-out"]
ActKind = Literal[
    "approve", "rewrite", "drop", "tag", "untag", "note", "pin", "unpin",
    "rename", "system text", "archive", "unarchive", "pick",
]  # fmt: skip


@dataclass(frozen=True)
class Conversation:
    """A thread of turns. ``key`` is its identity for ever: export carries it, import keeps it, the split hashes it."""

    id: int
    key: str
    title: str
    """Given by the user, else the start of the first prompt; empty while there is no turn."""
    system: str
    """The system text every prompt of this conversation is asked under; may be empty."""
    source: str
    """``chat``, or the name of the imported file."""
    split: Split
    created: str
    updated: str
    """ISO 8601, UTC, microseconds; the newest turn's time."""
    turns: int
    """Number of turns on the path that is shown."""
    archived: bool = False
    """Whether it is out of sight; what was taught in it counts all the same."""


@dataclass(frozen=True)
class Turn:
    """One prompt and its reply. A regenerated reply is another turn with the same parent and prompt."""

    id: int
    conversation: int
    parent: int | None
    prompt: str
    reply: str
    """What the model said; never overwritten."""
    rewrite: str | None
    """What the reply should have been: the newest rewrite."""
    verdict: Verdict
    version: str | None
    """The version that spoke; None for an imported turn."""
    base: str | None
    seed: int | None
    sampling: dict[str, Any] = field(default_factory=dict)
    stopped_by: str | None = None
    prompt_tokens: int | None = None
    reply_tokens: int | None = None
    tokens_per_s: float | None = None
    created: str = ""
    judged: str | None = None
    """When the verdict was given; None while unreviewed."""
    tags: tuple[str, ...] = ()
    """In alphabetical order."""
    note: str = ""
    pinned: bool = False
    """Whether new versions answer its prompt again."""

    @property
    def text(self) -> str:
        """What the conversation goes on from: the rewrite where there is one, else the reply."""
        return self.reply if self.rewrite is None else self.rewrite


@dataclass(frozen=True)
class Act:
    """One act of curation, as undo and redo report it."""

    id: int
    kind: ActKind
    turns: tuple[int, ...] = ()
    conversations: tuple[int, ...] = ()
    """What was renamed, archived, or given another system text."""
    picks: tuple[int, ...] = ()


@dataclass(frozen=True)
class Hit:
    """A turn that a search found, and where in it."""

    turn: Turn
    prompt: tuple[tuple[int, int], ...]
    reply: tuple[tuple[int, int], ...]
    rewrite: tuple[tuple[int, int], ...]
    """Where the words stand in each text: characters from and before."""


@dataclass(frozen=True)
class Example:
    """What training sees of one judged turn."""

    id: int
    """The turn's id."""
    conversation: str
    """The conversation's key."""
    messages: list[dict[str, str]]
    """System text if any, the turns before, the prompt, and as the last message the target."""
    rejected: str | None
    """The reply that was rewritten; None for an approved turn."""

    def line(self) -> dict[str, Any]:
        """Return the JSON object of this example's line in an examples file."""
        rejected = {} if self.rejected is None else {"rejected": self.rejected}
        return {"id": self.id, "conversation": self.conversation, "messages": self.messages, **rejected}
