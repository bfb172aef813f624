"""Token ids to text as they come, whole characters only. Which ids come is the engine's work."""

from tokenizers import Tokenizer

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """Decodes a reply token by token.

    A character may take several byte tokens, so text is held back while it ends in U+FFFD, and no longer: Japanese has
    no spaces to wait for. Bytes that never become a character come out as U+FFFD once the next character follows.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._tokenizer = tokenizer
        self._held: list[int] = []

    def text(self, token: int) -> str:
        """Return the text that ``token`` completes; empty while a character is open."""
        self._held.append(token)
        text: str = self._tokenizer.decode(self._held, skip_special_tokens=True)
        if text.endswith(REPLACEMENT):
            return ""
        self._held.clear()
        return text
