"""The forms in which exchanges are written to files: one record in, one record out. Files are for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from corpus.database import LARGEST, text
from corpus.split import content_key
from socrates_errors import CorpusError

ImportFormat = Literal["auto", "messages", "sharegpt", "alpaca", "pairs"]
ImportVerdict = Literal["approved", "unreviewed"]
ExportFormat = Literal["messages", "sharegpt", "alpaca", "preference", "parquet"]

_RECOGNISED_BY = {"messages": "messages", "conversations": "sharegpt", "chosen": "pairs", "instruction": "alpaca"}
_SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
}
SHAREGPT_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}


@dataclass(frozen=True)
class Exchange:
    """A prompt and its reply, trimmed."""

    prompt: str
    reply: str
    rewrite: str | None = None
    """What the reply should have been, where the record tells."""
    context: bool = False
    """It is there for what follows only: its reply is not to be learnt."""


@dataclass(frozen=True)
class Record:
    """What one record of a file says."""

    conversation: str
    """The key: the record's own, else one made of its texts."""
    turn: int | None
    system: str
    exchanges: list[Exchange]


def parse(record: Any, format: ImportFormat) -> Record:
    """Return what ``record`` says; CorpusError with the reason when it does not keep to the format."""
    if not isinstance(record, dict):
        raise CorpusError("It is not a JSON object.")
    if format == "auto":
        found = [name for key, name in _RECOGNISED_BY.items() if key in record]
        if not found:
            raise CorpusError("Its keys are of no known format: name one with --format.")
        system, exchanges = _PARSERS[found[0]](record)
    else:
        system, exchanges = _PARSERS[format](record)
    conversation = record.get("conversation")
    if conversation is None:
        opening = exchanges[0].prompt
        parts = [part for exchange in exchanges for part in (exchange.prompt, exchange.reply, exchange.rewrite or "")]
        conversation = content_key(opening, [system, *parts])
    elif isinstance(conversation, bool) or not isinstance(conversation, str | int) or not text(str(conversation)):
        raise CorpusError("`conversation` must be text or a whole number.")
    turn = record.get("turn")
    if isinstance(turn, bool) or not isinstance(turn, int | None) or (turn is not None and abs(turn) > LARGEST):
        raise CorpusError(f"`turn` must be a whole number, at most {LARGEST}.")
    return Record(text(str(conversation)), turn, system, exchanges)


def _messages(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    return _exchanges(_field(record, "messages", list))


def _sharegpt(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    messages = []
    for entry in _field(record, "conversations", list):
        if not isinstance(entry, dict) or entry.get("from") not in _SHAREGPT_ROLES:
            raise CorpusError(f"`from` must be one of {', '.join(_SHAREGPT_ROLES)}.")
        message = {"role": _SHAREGPT_ROLES[entry["from"]], "content": entry.get("value")}
        messages.append(message | {"weight": entry.get("weight")})
    system, exchanges = _exchanges(messages)
    return system or text(_field(record, "system", str, "")), exchanges


def _alpaca(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    parts = [_field(record, "instruction", str), _field(record, "input", str, "")]
    messages: list[dict[str, Any]] = []
    for pair in _field(record, "history", list, []):
        if not isinstance(pair, list) or len(pair) != 2:
            raise CorpusError("`history` must be a list of [prompt, reply].")
        messages.append({"role": "user", "content": pair[0]})
        messages.append({"role": "assistant", "content": pair[1], "weight": 0})
    messages.append({"role": "user", "content": "\n\n".join(part for part in map(text, parts) if part)})
    messages.append({"role": "assistant", "content": _field(record, "output", str)})
    return text(_field(record, "system", str, "")), _exchanges(messages)[1]


def _pairs(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    chosen, rejected = _field(record, "chosen", str | list), _field(record, "rejected", str | list)
    if isinstance(chosen, list) and isinstance(rejected, list) and "prompt" not in record:
        if chosen[:-1] != rejected[:-1]:
            raise CorpusError("`chosen` and `rejected` must differ in their last message only.")
        prompt, chosen, rejected = chosen[:-1], chosen[-1:], rejected[-1:]
    else:
        prompt = _field(record, "prompt", str | list)
    before = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
    system, exchanges = _exchanges([*before, {"role": "assistant", "content": _reply(chosen, "chosen")}])
    rejected_reply = text(_reply(rejected, "rejected"))
    *context, last = exchanges
    if last.reply == rejected_reply:
        raise CorpusError("`chosen` and `rejected` are the same.")
    return system, [
        *(Exchange(exchange.prompt, exchange.reply, context=True) for exchange in context),
        Exchange(last.prompt, rejected_reply, rewrite=last.reply),
    ]


_PARSERS = {"messages": _messages, "sharegpt": _sharegpt, "alpaca": _alpaca, "pairs": _pairs}


def _reply(given: Any, name: str) -> str:
    if isinstance(given, list):
        if len(given) != 1 or not isinstance(given[0], dict) or given[0].get("role") != "assistant":
            raise CorpusError(f"`{name}` must be text or one message of the assistant.")
        given = given[0].get("content")
    if not isinstance(given, str):
        raise CorpusError(f"`{name}` must be text or one message of the assistant.")
    return given


def _field(record: Mapping[str, Any], name: str, kind: Any, default: Any = None) -> Any:
    found = record.get(name)
    if found is None:
        found = default
    if not isinstance(found, kind):
        raise CorpusError(f"`{name}` is missing." if found is None else f"`{name}` is of the wrong type.")
    return found


def _exchanges(messages: Sequence[Any]) -> tuple[str, list[Exchange]]:
    """Return the system text and the exchanges of messages in which user and assistant take turns."""
    contents = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("content"), str):
            raise CorpusError("Every message must have a `role`, and text as `content`.")
        contents.append(text(message["content"]))
    first = 1 if messages and messages[0].get("role") == "system" else 0
    roles = [message.get("role") for message in messages[first:]]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        raise CorpusError("After a system text, if any, user and assistant must take turns, and the assistant end.")
    exchanges = [
        Exchange(contents[i], contents[i + 1], context=messages[i + 1].get("weight") == 0)
        for i in range(first, len(messages), 2)
    ]
    if not all(exchange.prompt and exchange.reply for exchange in exchanges):
        raise CorpusError("A message is empty.")
    return contents[0] if first else "", exchanges
