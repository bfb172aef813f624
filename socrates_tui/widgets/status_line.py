"""The line that always says what speaks and how far the conversation and the teaching are."""

from pathlib import Path

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from socrates_language import ngettext, tr
from socrates_tui.plain_text import plain
from socrates_tui.weighing import Weighed


class StatusLine(Static):
    """Base, active version, speed, context, and examples since the last training."""

    base: reactive[str] = reactive("", layout=True)
    version: reactive[str] = reactive("", layout=True)
    tokens_per_s: reactive[float | None] = reactive(None, layout=True)
    context_used: reactive[int] = reactive(0, layout=True)
    context_estimated: reactive[bool] = reactive(False, layout=True)
    """Whether that was not counted by the engine."""
    context_limit: reactive[int | None] = reactive(None, layout=True)
    left_out: reactive[int] = reactive(0, layout=True)
    """The oldest turns of the conversation that were not read for its newest reply."""
    new_examples: reactive[int] = reactive(0, layout=True)

    weighed: reactive[Weighed | None] = reactive(None, layout=True)
    """How far the weighing of what waits for a verdict is; None where nothing is weighed."""

    def render(self) -> Content:
        """Return the parts in the order in which they are looked for."""
        speed = "–" if self.tokens_per_s is None else f"{self.tokens_per_s:.1f}"
        used = f"{'~' if self.context_estimated else ''}{self.context_used:,}"
        limit = "–" if self.context_limit is None else f"{self.context_limit:,}"
        new = ngettext("{number} new example", "{number} new examples", self.new_examples)
        parts = [
            (_short(plain(self.base)), "$foreground-muted"),
            (plain(self.version), "bold $text-accent"),
            (tr("{number} tok/s").format(number=speed), ""),
            (tr("context {used}/{limit}").format(used=used, limit=limit), ""),
            (new.format(number=f"{self.new_examples:,}"), _teaching(self.new_examples)),
        ]
        if self.left_out:
            left_out = ngettext("{number} oldest turn not read", "{number} oldest turns not read", self.left_out)
            parts.insert(4, (left_out.format(number=f"{self.left_out:,}"), "$text-warning"))
        if self.weighed is not None:
            weighing = tr("weighing {done}/{of}").format(done=f"{self.weighed.done:,}", of=f"{self.weighed.of:,}")
            parts.append((weighing, ""))
        return Content(" · ").join(Content.styled(text, style) for text, style in parts)


def _short(base: str) -> str:
    """Return a base's id, of a directory its last part."""
    return Path(base).name or base if base.startswith(("/", ".", "~")) else base


def _teaching(new: int) -> str:
    return "$text-success" if new else "$foreground-muted"


def about_tokens(text: str) -> int:
    """Return about how many tokens a Gemma makes of ``text``: four ASCII characters one, or three others two."""
    ascii_only = len(text.encode("ascii", "ignore"))
    return round(ascii_only / 4 + (len(text) - ascii_only) / 1.5)
