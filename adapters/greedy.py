"""Greedy replies to several prompts at once, for measuring. Speaking with a person is adapters.engine's work."""

from collections.abc import Sequence
from typing import Any

import torch

from adapters.api import Message
from adapters.encoding import Encoder, has_oldest, without_oldest
from adapters.text_stream import TextStream
from adapters.weights import indistinguishable

PROMPT_TOKENS = 384
"""Longest prompt that is read whole; the oldest turns of a longer one are left out, as several are read at once."""


@torch.inference_mode()
def greedy_replies(
    model: Any, encoder: Encoder, prompts: Sequence[Sequence[Message]], max_new_tokens: int
) -> list[str]:
    """Return the most likely reply to each of ``prompts``, as the chat's defaults have it: no penalty on repetition.

    All are decoded side by side, their prompts padded in front: a small batch costs hardly more than one reply, as
    each token costs the reading of all weights.
    """
    from transformers import DynamicCache

    if not prompts:
        return []
    stops = encoder.stops | indistinguishable(model.lm_head.weight, encoder.end_of_turn)
    encoded = [_fitted(encoder, prompt) for prompt in prompts]
    longest = max(map(len, encoded))
    device = model.lm_head.weight.device
    feed = torch.tensor([[0] * (longest - len(ids)) + ids for ids in encoded], device=device)
    seen = torch.tensor([[0] * (longest - len(ids)) + [1] * len(ids) for ids in encoded], device=device)
    positions = (seen.cumsum(1) - 1).clamp(min=0)
    cache = DynamicCache(config=model.config)
    replies: list[list[int]] = [[] for _ in prompts]
    ended = [False] * len(prompts)
    for _ in range(max_new_tokens):
        hidden = model.model(
            input_ids=feed, attention_mask=seen, position_ids=positions, past_key_values=cache, use_cache=True
        ).last_hidden_state[:, -1]
        # The model's own head on a slice like this one copies its weight once for each reply, on a CPU.
        tokens = model.lm_head(hidden).argmax(1).tolist()  # which a cap on the logits would not change
        for number, token in enumerate(tokens):
            ended[number] = ended[number] or token in stops
            if not ended[number]:
                replies[number].append(token)
        if all(ended):
            break
        feed = torch.tensor(tokens, device=device)[:, None]
        seen = torch.cat([seen, seen.new_ones(len(prompts), 1)], dim=1)
        positions = positions[:, -1:] + 1
    return [_text(encoder, ids) for ids in replies]


def _fitted(encoder: Encoder, messages: Sequence[Message]) -> list[int]:
    """Return the ids of a prompt, without as many of its oldest turns as have to leave."""
    ids, left_out = encoder.prompt(messages), 0
    while len(ids) > PROMPT_TOKENS and has_oldest(messages, left_out):
        left_out += 1
        ids = encoder.prompt(without_oldest(messages, left_out))
    return ids


def _text(encoder: Encoder, ids: list[int]) -> str:
    stream = TextStream(encoder.tokenizer)
    return "".join(stream.text(token) for token in ids).strip()
