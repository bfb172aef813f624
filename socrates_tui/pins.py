"""Answering the pinned prompts again, without a UI."""

import logging
from collections.abc import Callable, Iterator
from typing import cast

from adapters.api import Engine, Finished, Message, Sampling
from corpus.store import Corpus
from socrates_errors import EngineError

log = logging.getLogger(__name__)


def answer_pins(
    corpus: Corpus,
    engine: Engine,
    version: str,
    max_new_tokens: int,
    *,
    stopped: Callable[[], bool] = lambda: False,
    beside: Callable[[], bool] = lambda: False,
) -> Iterator[int]:
    """Let ``version`` answer every pinned prompt that it has not answered, greedily; yield the turn of each answer.

    An answer that is stopped half way is not kept. The engine stays with ``version``.
    """
    sampling = Sampling(temperature=0.0, max_new_tokens=max_new_tokens, seed=0)
    for pin in corpus.pins():
        if stopped():
            return
        if any((answer.version, answer.base) == (version, engine.base) for answer in pin.answers):
            continue
        turn = pin.turn
        context = cast("list[Message]", corpus.context(turn.conversation, parent=turn.parent))
        if engine.version != version:
            engine.use(version)
        try:
            for item in engine.reply([*context, Message(role="user", content=turn.prompt)], sampling, stopped, beside):
                if isinstance(item, Finished) and item.stopped_by != "user":
                    corpus.answer_pin(turn.id, version=version, base=engine.base, reply=item.reply)
                    yield turn.id
        except EngineError as error:  # such as a prompt that is longer than the context; the others can be answered
            log.warning("pinned turn %d is not answered: %s", turn.id, error)
