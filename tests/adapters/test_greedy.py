from pathlib import Path
from typing import Literal

import pytest

from adapters import greedy
from adapters.api import Finished, Message, Sampling
from adapters.base import load_model, load_tokenizer
from adapters.encoding import Encoder
from adapters.engine import load_engine
from adapters.greedy import greedy_replies
from adapters.registry import Registry

PROMPTS = ["徳", "What is justice, and why does it matter to you?", "幸せとは何か。君はどう考えるかね？", "Why?"]


def test_replies_side_by_side_are_those_of_the_chat_one_by_one(tmp_path: Path, checkpoint: Path) -> None:
    model = load_model(checkpoint, trainable=True)
    encoder = Encoder(load_tokenizer(checkpoint))
    prompts = [[Message(role="user", content=prompt)] for prompt in PROMPTS]
    together = greedy_replies(model, encoder, prompts, 24)
    engine = load_engine(
        tmp_path / "models", str(checkpoint), Registry(tmp_path / "versions"), lambda _text, _fraction: None
    )
    for prompt, reply in zip(prompts, together, strict=True):
        *_, last = engine.reply(prompt, Sampling(temperature=0, max_new_tokens=24))
        assert isinstance(last, Finished)
        assert reply == last.reply


def test_of_a_long_conversation_the_newest_turns_are_read(
    gemma3: Path, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greedy, "PROMPT_TOKENS", 40)
    texts = ["What is courage, and why?", "君はどう考えるかね？", "Why?"]
    roles: tuple[Literal["user", "assistant"], ...] = ("user", "assistant", "user")
    messages = [Message(role=role, content=text) for role, text in zip(roles, texts, strict=True)]
    assert len(encoder.prompt(messages)) > 40
    model = load_model(gemma3, trainable=True)
    assert greedy_replies(model, encoder, [messages], 8) == greedy_replies(model, encoder, [messages[-1:]], 8)


def test_no_prompts_have_no_replies(gemma3: Path, encoder: Encoder) -> None:
    assert greedy_replies(load_model(gemma3, trainable=True), encoder, [], 4) == []
