"""What a check of the corpus remembers of every example: some hundred bytes each, never its texts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

from corpus.examples import JudgedTurn, judged_turns
from corpus.languages import language
from corpus.outliers import features
from corpus.similar import letters, sketch
from corpus.sqlite import Database


@dataclass(frozen=True)
class Lengths:
    """How training counts tokens, which the corpus does not know by itself."""

    tokens: Callable[[Any], int]
    """Of a list of messages, as an example has them."""
    limit: int
    """The longest example that is trained on whole."""


class Mark(NamedTuple):
    """What is remembered of one example."""

    id: int
    conversation: int
    held_out: bool
    whole: bytes
    """Digest of context, prompt and target."""
    question: bytes
    """Digest of the context and of the prompt's letters."""
    sketch: bytes
    """Of prompt and target."""
    language: str | None
    """Of the target."""
    foreign: bool
    """Whether its prompt is in another language."""
    features: int
    characters: int
    """Of the target."""
    empty: bool
    """Whether the target has no letters."""
    written_out: bool
    """Whether the target has line breaks written out as \\n, as a careless conversion leaves them."""
    unchanged: bool
    """Whether the target is a rewrite with the letters of the reply."""
    tokens: int
    """Of prompt and target; 0 where tokens are not counted, like the next two."""
    fewest_tokens: int
    """With the system text, which stays when the turns of the context are left out."""
    most_tokens: int
    """With all of the context."""


def survey(db: Database, lengths: Lengths | None) -> Iterator[Mark]:
    """Yield what there is to remember of each example, by conversation, then turn."""
    for judged in judged_turns(db):
        yield _mark(judged, lengths)


def _mark(judged: JudgedTurn, lengths: Lengths | None) -> Mark:
    turn = judged.turn
    prompt, target = letters(turn.prompt), letters(turn.text)
    before = [judged.system, *(text for earlier in judged.before for text in (earlier.prompt, earlier.text))]
    spoken = language(turn.text)
    messages = judged.example().messages if lengths else []
    system = [message for message in messages[:1] if message["role"] == "system"]
    return Mark(
        id=turn.id,
        conversation=turn.conversation,
        held_out=judged.split == "held-out",
        whole=_digest(*before, turn.prompt, turn.text),
        question=_digest(*before, prompt),
        sketch=sketch(prompt + target),
        language=spoken,
        foreign=spoken != language(turn.prompt),
        features=features(turn.text),
        characters=len(turn.text),
        empty=not any(map(str.isalnum, target)),
        written_out="\\n" in turn.text,
        unchanged=turn.rewrite is not None and target == letters(turn.reply),
        tokens=lengths.tokens(messages[-2:]) if lengths else 0,
        fewest_tokens=lengths.tokens([*system, *messages[-2:]]) if lengths else 0,
        most_tokens=lengths.tokens(messages) if lengths else 0,
    )


def _digest(*texts: str) -> bytes:
    return blake2b("\0".join(texts).encode(), digest_size=12).digest()
