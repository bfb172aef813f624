"""Which side of the held-out split a conversation is on: a pure function of its key."""

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


def content_key(exchanges: list[tuple[str, str]]) -> str:
    """Return the key of an imported conversation that came without one, from its prompts and targets.

    The same content has the same key. Conversations whose first prompts differ only in case, spacing or punctuation
    share a side, so that no near-duplicate of a held-out prompt is trained on.
    """
    opening = "".join(letter for letter in exchanges[0][0].casefold() if letter.isalnum()) or exchanges[0][0]
    whole = "\0".join(part for exchange in exchanges for part in exchange)
    return f"text-{_digest(opening)}~{_digest(whole)}"


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=8).hexdigest()
