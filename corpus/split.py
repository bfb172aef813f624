"""Which side of the held-out split a conversation is on: a pure function of its key."""

from collections.abc import Iterable
from hashlib import blake2b
from uuid import uuid4

from corpus.records import Split

PARTS = 6
"""One part in so many is held out."""


def side(key: str) -> Split:
    """Return the side of ``key``: a sixth of all keys is held out, for ever.

    Only what stands before the first ``~`` counts, so that keys can be made to share a side.
    """
    digest = blake2b(key.partition("~")[0].encode(), digest_size=8).digest()
    return "held-out" if int.from_bytes(digest) % PARTS == 0 else "train"


def drawn_key(wanted: Split) -> str:
    """Return a fresh random key on the ``wanted`` side."""
    while side(key := uuid4().hex) != wanted:
        pass
    return key


def content_key(opening: str, parts: Iterable[str]) -> str:
    """Return the key of an imported conversation that came without one, from its first prompt and all of its texts.

    The same texts have the same key. Conversations whose first prompts differ only in case, spacing or punctuation
    share a side, so that no near-duplicate of a held-out prompt is trained on.
    """
    letters = "".join(letter for letter in opening.casefold() if letter.isalnum())
    return f"text-{_digest(letters or opening)}~{_digest(chr(0).join(parts))}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
