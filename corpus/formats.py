"""The forms in which exchanges are written to files: one record in, one record out. Files are for others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from corpus.database import LARGEST, text
from corpus.journal import tag_name
from corpus.records import Split
from corpus.split import content_key
from socrates_errors import CorpusError
from socrates_language import marked, tr

ImportFormat = Literal["auto", "messages", "sharegpt", "alpaca", "pairs", "prompt-completion", "csv"]
ImportVerdict = Literal["approved", "unreviewed"]
ExportFormat = Literal["messages", "sharegpt", "alpaca", "preference", "parquet"]

PROMPTS = ("prompt", "instruction", "question", "query", "input")
REPLIES = ("reply", "response", "completion", "output", "answer")
"""The names under which a prompt, and its reply, may stand in columns; the first that is there counts."""
SHAREGPT_NAMES = {"system": "system", "user": "human", "assistant": "gpt"}

_RECOGNISED_BY = {
    "messages": "messages",
    "conversations": "sharegpt",
    "preferred_output": "pairs",
    "chosen": "pairs",
    "instruction": "alpaca",
}
_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
_SHAREGPT_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bard": "assistant",
}
_OF_TOOLS = frozenset({"tool", "function", "function_call", "tool_call", "tool_response", "observation"})
_USES_TOOLS = marked("It uses tools, and a turn is a prompt and a reply: leave such records out.")
_NO_REPLY = marked("`{name}` must be text or one message of the assistant.")
_SPLITS = (None, "train", "held-out")
_REMARKS = frozenset({"rejected", "tags", "note"})


@dataclass(frozen=True)
class Unreadable:
    """A record that cannot be read, and why."""

    reason: str


class Exchange(NamedTuple):
    """A prompt and its reply, trimmed."""

    prompt: str
    reply: str
    rewrite: str | None = None
    """What the reply should have been, where the record tells."""
    context: bool = False
    """It is there for what follows only: its reply is not to be learnt."""
    tags: Sequence[str] = ()
    note: str = ""


@dataclass(frozen=True)
class Record:
    """What one record of a file says."""

    conversation: str
    """The key: the record's own, else one made of its texts."""
    whole: bool
    """It is all of its conversation, whose key it does not name."""
    turn: int | None
    split: Split | None
    system: str
    exchanges: list[Exchange]


def parse(record: Any, format: ImportFormat) -> Record:
    """Return what ``record`` says; CorpusError with the reason when it does not keep to the format.

    Whatever the format, `rejected` is the reply that the last message was written in the place of; `note` is about
    the last exchange, and `tags` are about all that are to be learnt.
    """
    if isinstance(record, Unreadable):
        raise CorpusError(record.reason)
    if not isinstance(record, dict):
        raise CorpusError(tr("It is not a JSON object."))
    system, exchanges = _PARSERS[_recognised(record) if format == "auto" else format](record)
    split = record.get("split")
    if split not in _SPLITS:
        raise CorpusError(tr("`split` must be train or held-out; without it, the conversation's key decides."))
    turn = record.get("turn")
    if isinstance(turn, bool) or not isinstance(turn, int | None) or (turn is not None and abs(turn) > LARGEST):
        raise CorpusError(tr("`turn` must be a whole number, at most {largest}.").format(largest=LARGEST))
    exchanges = _remarked(record, exchanges)
    return Record(_key(record, system, exchanges), record.get("conversation") is None, turn, split, system, exchanges)


def _recognised(record: Mapping[str, Any]) -> str:
    for key, name in _RECOGNISED_BY.items():
        if record.get(key) is not None:
            return name
    if named(record):
        return "prompt-completion"
    raise CorpusError(tr("Its keys are of no known format: name one with --format."))


def named(columns: Mapping[str, Any] | Sequence[str]) -> bool:
    """Tell whether there is a prompt and a reply, or a pair of replies, among columns of these names."""
    replies = {"chosen", "rejected"} <= set(columns) or any(name in columns for name in REPLIES)
    return replies and any(name in columns for name in PROMPTS)


def _key(record: Mapping[str, Any], system: str, exchanges: Sequence[Exchange]) -> str:
    given = record.get("conversation")
    if given is None:
        parts = [part for exchange in exchanges for part in (exchange.prompt, exchange.reply, exchange.rewrite or "")]
        return content_key(exchanges[0].prompt, [system, *parts])
    key = text(str(given)) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not key:
        raise CorpusError(tr("`conversation` must be text or a whole number."))
    return key


def _remarked(record: Mapping[str, Any], exchanges: list[Exchange]) -> list[Exchange]:
    if _REMARKS.isdisjoint(record):
        return exchanges
    *before, last = exchanges
    rejected = record.get("rejected")
    if rejected is not None and last.rewrite is None:
        last = _rewritten(last, text(_reply(rejected, "rejected")), tr("`rejected` is the reply itself."))
    note = _field(record, "note", str, "")
    if note:
        last = last._replace(note=text(note))
    tags = _field(record, "tags", list, ())
    if tags:
        if not all(isinstance(tag, str) for tag in tags):
            raise CorpusError(tr("`tags` must be a list of texts."))
        names = sorted({tag_name(tag) for tag in tags})
        return [each if each.context else each._replace(tags=names) for each in (*before, last)]
    return [*before, last]


def _rewritten(exchange: Exchange, reply: str, unchanged: str) -> Exchange:
    """Return the exchange as one in which ``reply`` was said, and what is there written in its place."""
    if exchange.reply == reply:
        raise CorpusError(unchanged)
    return exchange._replace(reply=reply, rewrite=exchange.reply)


def _messages(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    return _told(record, _field(record, "messages", list))


def _sharegpt(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    messages = []
    for entry in _field(record, "conversations", list):
        speaker = entry.get("from", entry.get("role")) if isinstance(entry, dict) else None
        if not isinstance(speaker, str) or not (speaker in _SHAREGPT_ROLES or speaker in _OF_TOOLS):
            raise CorpusError(tr("`from` must be {names}.").format(names=one_of(tuple(_SHAREGPT_ROLES))))
        role = _SHAREGPT_ROLES.get(speaker, speaker)
        content = entry.get("value", entry.get("content"))
        messages.append({"role": role, "content": content, "weight": entry.get("weight")})
    return _told(record, messages)


def _columns(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    """Return what a record with a prompt and a reply says: Alpaca's, TRL's prompt and completion, a row of a table."""
    if record.get("chosen") is not None:
        return _pairs(record)
    if record.get("label") is False:
        raise CorpusError(
            tr("Its `label` says that the completion is not wanted: leave it out, or pair it with a better.")
        )
    reply = record[_first(record, REPLIES)]
    after = [{"role": "assistant", "content": reply}] if isinstance(reply, str) else reply
    system, exchanges = _told(record, [*_prompt(record), *after])
    rewrite = record.get("rewrite")
    if rewrite is None:
        return system, exchanges
    *before, last = exchanges
    better = last._replace(reply=text(_reply(rewrite, "rewrite")))
    return system, [*before, _rewritten(better, last.reply, tr("`rewrite` is the reply itself."))]


def _pairs(record: Mapping[str, Any]) -> tuple[str, list[Exchange]]:
    """Return what a record with two replies says: TRL's, its prompt perhaps in both replies, or OpenAI's."""
    if "preferred_output" in record:
        before = _field(_field(record, "input", dict), "messages", list)
        chosen, rejected = (_field(record, f"{which}preferred_output", list) for which in ("", "non_"))
    else:
        chosen, rejected = (_field(record, name, str | list) for name in ("chosen", "rejected"))
        if isinstance(chosen, list) and isinstance(rejected, list) and not any(name in record for name in PROMPTS):
            if chosen[:-1] != rejected[:-1]:
                raise CorpusError(tr("`chosen` and `rejected` must differ in their last message only."))
            before, chosen, rejected = chosen[:-1], chosen[-1:], rejected[-1:]
        else:
            before = _prompt(record)
    system, exchanges = _told(record, [*before, {"role": "assistant", "content": _reply(chosen, "chosen")}])
    *context, last = exchanges
    pair = _rewritten(last, text(_reply(rejected, "rejected")), tr("`chosen` and `rejected` are the same."))
    return system, [*(exchange._replace(context=True) for exchange in context), pair]


_PARSERS = {
    "messages": _messages,
    "sharegpt": _sharegpt,
    "alpaca": _columns,
    "pairs": _pairs,
    "prompt-completion": _columns,
    "csv": _columns,
}


def _prompt(record: Mapping[str, Any]) -> list[Any]:
    """Return the messages before the reply: those of `history`, then the prompt, with `input` after a blank line."""
    name = _first(record, PROMPTS)
    prompt = record[name]
    if isinstance(prompt, list):
        return [{**message, "weight": 0} if isinstance(message, dict) else message for message in prompt]
    messages = []
    for pair in _field(record, "history", list, ()):
        if not isinstance(pair, list) or len(pair) != 2:
            raise CorpusError(tr("`history` must be a list of [prompt, reply]."))
        messages.append({"role": "user", "content": pair[0]})
        messages.append({"role": "assistant", "content": pair[1], "weight": 0})
    parts = [text(prompt), "" if name == "input" else text(_field(record, "input", str, ""))]
    return [*messages, {"role": "user", "content": "\n\n".join(filter(None, parts))}]


def _first(record: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of ``names`` under which text or messages stand."""
    for name in names:
        if record.get(name) is not None:
            _field(record, name, str | list)
            return name
    raise CorpusError(tr("It has none of {names}.").format(names=one_of(names)))


def one_of(names: Sequence[str]) -> str:
    """Return the names as a sentence tells them."""
    *others, last = names
    return tr("{names} or {last}").format(names=", ".join(others), last=last)


def _reply(given: Any, name: str) -> str:
    if isinstance(given, list):
        if len(given) != 1 or not isinstance(given[0], dict) or given[0].get("role") != "assistant":
            raise CorpusError(tr(_NO_REPLY).format(name=name))
        return _content(given[0])
    if not isinstance(given, str):
        raise CorpusError(tr(_NO_REPLY).format(name=name))
    return given


def _field(record: Mapping[str, Any], name: str, kind: Any, default: Any = None) -> Any:
    found = record.get(name)
    if found is None:
        if default is None:
            raise CorpusError(tr("`{name}` is missing.").format(name=name))
        return default
    if not isinstance(found, kind):
        raise CorpusError(tr("`{name}` is of the wrong type.").format(name=name))
    return found


def _told(record: Mapping[str, Any], messages: Sequence[Any]) -> tuple[str, list[Exchange]]:
    system, exchanges = _exchanges(messages)
    return system or text(_field(record, "system", str, "")), exchanges


def _exchanges(messages: Sequence[Any]) -> tuple[str, list[Exchange]]:
    """Return the system text and the exchanges of messages in which user and assistant take turns."""
    contents = [text(_content(message)) for message in messages]
    roles = [_ROLES.get(message["role"]) for message in messages]
    first = 1 if roles[:1] == ["system"] else 0
    if len(roles) == first or roles[first:] != ["user", "assistant"] * ((len(roles) - first) // 2):
        raise CorpusError(tr("After a system text, if any, user and assistant must take turns, and the assistant end."))
    if not all(contents[first:]):
        raise CorpusError(tr("A message is empty."))
    exchanges = [
        Exchange(contents[i], contents[i + 1], None, messages[i + 1].get("weight") == 0)
        for i in range(first, len(messages), 2)
    ]
    return contents[0] if first else "", exchanges


def _content(message: Any) -> str:
    """Return the text of a message, which may be told in parts."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise CorpusError(tr("Every message must have a `role`, and text as `content`."))
    if message["role"] in _OF_TOOLS or message.get("tool_calls") or message.get("function_call"):
        raise CorpusError(tr(_USES_TOOLS))
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise CorpusError(tr("Every message must have a `role`, and text as `content`."))
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
        raise CorpusError(tr("A message has a part that is no text: a turn is text, leave the others out."))
    return "".join(part["text"] for part in content)
