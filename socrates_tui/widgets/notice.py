"""What stands above the prompt while the engine cannot speak: how far its loading is, or why there is none."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import ProgressBar, Static

from socrates_tui.plain_text import plain


class Notice(Vertical):
    """A sentence, with a bar while something goes on; hidden where there is nothing to say."""

    def compose(self) -> ComposeResult:
        """Lay out the sentence and the bar."""
        yield Static(id="notice-text")
        yield ProgressBar(total=None, show_eta=False, id="notice-bar")

    def progress(self, text: str, fraction: float | None) -> None:
        """Say what is being done and how much of it is; None where that is not known."""
        self._say(text, "-progress")
        bar = self.query_one(ProgressBar)
        bar.update(total=None if fraction is None else 1.0, progress=fraction or 0.0)

    def trouble(self, reason: str) -> None:
        """Say why there is no engine, and what to do."""
        self._say(reason, "-trouble")

    def close(self) -> None:
        """Say nothing."""
        self.set_classes("")

    def _say(self, text: str, state: str) -> None:
        self.set_classes(state)
        self.query_one("#notice-text", Static).update(Content(plain(text)))
