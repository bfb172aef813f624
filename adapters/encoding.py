"""Gemma's turn format as token ids, the same in chat, training and evaluation. Text in, ids out; no model.

    <bos><start_of_turn>user⏎{content}<end_of_turn>⏎<start_of_turn>model⏎{reply}<end_of_turn>

Gemma has no system role: the system text is put before the first user message, with an empty line between. Contents are
encoded as plain text, so that a turn marker written by a person or a file is text and ends nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby, islice
from typing import Any

from tokenizers import Tokenizer

from adapters.api import Message
from socrates_errors import BaseUnavailableError, EngineError
from socrates_language import tr

ROLES = {"user": "user", "assistant": "model"}


@dataclass(frozen=True)
class Encoded:
    """One example: the prompt's ids, model header included, and the target's, ``<end_of_turn>`` included."""

    prompt: list[int]
    target: list[int]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.target)


@dataclass
class Row:
    """One sequence of a training batch: the examples of a conversation share it as far as their texts agree."""

    ids: list[int]
    supervised: list[bool]
    """True where the token is part of a target, so that its prediction counts in the loss."""
    examples: list[Any] = field(default_factory=list)
    """Ids of the examples whose targets are in this row."""
    rejected: "Row | None" = None
    """The same prompt with the reply that was rewritten, where the pair is to be learnt from."""

    def targets(self, losses: Iterable[float]) -> list[tuple[float, int]]:
        """Return the summed loss and the tokens of each target, from the ``losses`` of all supervised tokens."""
        found = iter(losses)
        runs = [len(list(run)) for supervised, run in groupby(self.supervised) if supervised]
        return [(sum(islice(found, tokens)), tokens) for tokens in runs]


class Encoder:
    """Turns messages into Gemma's ids."""

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer
        tokenizer.encode_special_tokens = True
        self.bos = self._marker("<bos>")
        self.start = self._marker("<start_of_turn>")
        self.end_of_turn = self._marker("<end_of_turn>")
        self.newline = self._text("\n")
        self._turn_length = lru_cache(4096)(lambda role, content: len(self._turn(Message(role=role, content=content))))
        self.stops = frozenset({self.end_of_turn, self._marker("<eos>")})

    def _marker(self, text: str) -> int:
        found = self.tokenizer.token_to_id(text)
        if found is None:
            raise BaseUnavailableError(
                tr("The base's tokenizer has no {text}: it is not a Gemma 2 or 3 tokenizer.").format(text=text)
            )
        return int(found)

    def _text(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _header(self, role: str) -> list[int]:
        return [self.start, *self._text(f"{ROLES[role]}\n")]

    def _turn(self, message: Message) -> list[int]:
        return [*self._header(message["role"]), *self._text(message["content"]), self.end_of_turn, *self.newline]

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return the ids that a reply to ``messages`` is generated after.

        Raises EngineError unless, system text aside, user and assistant alternate from a user to a user.
        """
        turns = fold_system(messages)
        ids = [self.bos]
        for turn in turns:
            ids += self._turn(turn)
        return ids + self._header("assistant")

    def target(self, text: str) -> list[int]:
        """Return the ids of a reply, ``<end_of_turn>`` included."""
        return [*self._text(text.strip()), self.end_of_turn]

    def example(self, messages: Sequence[Message]) -> Encoded:
        """Return the ids of an example, whose target is the last message."""
        if not messages or messages[-1]["role"] != "assistant":
            raise EngineError(tr("An example ends in the assistant's message, its target."))
        return Encoded(self.prompt(messages[:-1]), self.target(messages[-1]["content"]))

    def length(self, messages: Sequence[Message]) -> int:
        """Return ``len(self.example(messages))``; a turn that many examples have in their context is encoded once."""
        target = Message(role="assistant", content=messages[-1]["content"].strip())
        turns = [*fold_system(messages[:-1]), target]
        return 1 + sum(self._turn_length(turn["role"], turn["content"]) for turn in turns) - len(self.newline)

    def rows(
        self, examples: Iterable[dict[str, Any]], max_tokens: int, *, pairs: bool = False
    ) -> tuple[list[Row], list[Any]]:
        """Return the rows for ``examples`` (lines of an examples file), and the ids of those that do not fit.

        An example whose prompt begins with the whole row of the one before it in the same conversation continues that
        row, so a conversation of judged turns is read once and not once per turn; under causal attention the loss is
        the same. Where ``max_tokens`` is exceeded, a new row begins with the oldest turns left out, down to half.
        With ``pairs`` an example that has a rejected reply has a row of its own, and beside it the rejected one's.
        """
        rows: list[Row] = []
        open_rows: dict[Any, tuple[Row, int]] = {}
        too_long: list[Any] = []
        for number, example in enumerate(examples):
            name, conversation, messages = example.get("id", number), example.get("conversation"), example["messages"]
            alone = pairs and bool(example.get("rejected"))
            row, left_out = open_rows.get(None if alone else conversation, (Row([], []), 0))
            encoded = self.example(without_oldest(messages, left_out))
            if len(encoded) > max_tokens or encoded.prompt[: len(row.ids)] != row.ids:
                row = Row([], [])
                encoded, left_out = self._fitted(messages, max_tokens)
            if len(encoded) > max_tokens:
                too_long.append(name)
                continue
            if not row.ids:
                rows.append(row)
            if conversation is not None and not alone:
                open_rows[conversation] = (row, left_out)
            context = encoded.prompt[len(row.ids) :]
            row.ids += context + encoded.target
            row.supervised += [False] * len(context) + [True] * len(encoded.target)
            row.examples.append(name)
            if alone:
                rejected = self.target(example["rejected"])[: max_tokens - len(encoded.prompt)]
                row.rejected = Row(
                    encoded.prompt + rejected, [False] * len(encoded.prompt) + [True] * len(rejected), [name]
                )
        return rows, too_long

    def _fitted(self, messages: Sequence[Message], max_tokens: int) -> tuple[Encoded, int]:
        """Return the example and how many of its oldest turns had to leave for it to fit."""
        encoded, left_out = self.example(messages), 0
        if len(encoded) > max_tokens:
            while len(encoded) > max_tokens // 2 and has_oldest(messages, left_out):
                left_out += 1
                encoded = self.example(without_oldest(messages, left_out))
        return encoded, left_out

    def template_hash(self) -> str:
        """Return a hash of the turn format on this tokenizer, so that a version tells what it was trained under."""
        probe = [
            Message(role="system", content="s"),
            Message(role="user", content="u"),
            Message(role="assistant", content="a"),
            Message(role="user", content="v"),
        ]
        ids = self.prompt(probe) + self.target("b")
        return f"sha256:{hashlib.sha256(repr(ids).encode()).hexdigest()}"


def fold_system(messages: Sequence[Message]) -> list[Message]:
    """Return the messages with the system text in front of the first user message, all trimmed.

    Raises EngineError unless user and assistant alternate from a user to a user.
    """
    trimmed = [Message(role=m["role"], content=m["content"].strip()) for m in messages]
    if trimmed and trimmed[0]["role"] == "system":
        system, *trimmed = trimmed
        if trimmed and system["content"]:
            trimmed[0] = Message(role=trimmed[0]["role"], content=f"{system['content']}\n\n{trimmed[0]['content']}")
    expected = ["user" if i % 2 == 0 else "assistant" for i in range(len(trimmed))]
    if len(trimmed) % 2 == 0 or [m["role"] for m in trimmed] != expected:
        raise EngineError(tr("A prompt's messages alternate between user and assistant, and the last is the user's."))
    return trimmed


def without_oldest(messages: Sequence[Message], turns: int) -> list[Message]:
    """Return ``messages`` without their ``turns`` oldest turns; the system text stays."""
    kept = 1 if messages and messages[0]["role"] == "system" else 0
    return [*messages[:kept], *messages[kept + 2 * turns :]]


def has_oldest(messages: Sequence[Message], left_out: int) -> bool:
    """Tell whether a turn before the last prompt is left once ``left_out`` turns are gone."""
    return sum(m["role"] == "user" for m in messages) > left_out + 1
