"""Short ways to put conversations into a corpus."""

from pathlib import Path

from corpus.records import Example, Turn
from corpus.store import Corpus


def quick(path: Path) -> Corpus:
    """Open a corpus that does not wait for the disk."""
    corpus = Corpus(path)
    corpus.db.execute("PRAGMA synchronous = OFF")
    return corpus


def talk(corpus: Corpus, *exchanges: tuple[str, str], system: str = "", key: str | None = None) -> list[Turn]:
    """Begin a conversation in which each exchange follows on the one before."""
    conversation = corpus.create_conversation(system=system, key=key)
    turns: list[Turn] = []
    for prompt, reply in exchanges:
        parent = turns[-1].id if turns else None
        turns.append(corpus.add_turn(conversation.id, parent=parent, prompt=prompt, reply=reply, version="v0001"))
    return turns


def contents(example: Example) -> list[str]:
    return [message["content"] for message in example.messages]
