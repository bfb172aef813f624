"""The Markdown of a reply, shown as it was written: nothing in it opens, hides or commands anything."""

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from textual.widgets import Markdown

_HIDING_RULES = ["link", "image", "autolink", "html_inline", "html_block", "reference", "entity"]
"""Rules under which a part of the source would vanish from the screen or turn into another character."""


def parser() -> MarkdownIt:
    """Return a parser that leaves links, images, HTML and entities as the text they are."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(_HIDING_RULES)
    markdown.core.ruler.push("line_breaks", _keep_line_breaks)
    return markdown


def _keep_line_breaks(state: StateCore) -> None:
    """Show every line break: Markdown would make it a space, which Japanese does not have."""
    for token in state.tokens:
        for child in token.children or ():
            if child.type == "softbreak":
                child.type = "hardbreak"


class ReplyMarkdown(Markdown):
    """A reply. What is given to it must be plain already."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text, parser_factory=parser, open_links=False)
