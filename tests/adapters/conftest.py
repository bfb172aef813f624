"""A tiny random Gemma with a tiny tokenizer, saved as a checkpoint: small enough to train in a second."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, trainers
from transformers import Gemma2Config, Gemma2ForCausalLM, Gemma3ForCausalLM, Gemma3TextConfig

from adapters.base import load_tokenizer
from adapters.encoding import Encoder

TEXT = [
    "Socrates asks what justice is, and the young man answers that it is the advantage of the stronger.",
    "幸せとは何か。君はどう考えるかね？ 徳とは教えられるものだろうか？",
    "user model What do you mean by that? Let us examine it together.",
]
SPECIAL = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
SHAPE = {
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "sliding_window": 16,
    "pad_token_id": 0,
    "eos_token_id": [1, 5],
    "bos_token_id": 2,
    "query_pre_attn_scalar": 32,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "initializer_range": 0.1,
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Compute in one thread, here and in child processes: for matrices this small, threads only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    torch.set_num_threads(before)


def make_tokenizer() -> Tokenizer:
    """Return a byte-fallback BPE with Gemma's markers and word separator."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    bytes_ = [f"<0x{i:02X}>" for i in range(256)]
    trainer = trainers.BpeTrainer(vocab_size=512, special_tokens=SPECIAL + bytes_, show_progress=False)
    tokenizer.train_from_iterator(TEXT, trainer)
    # The byte pieces are ordinary tokens, not markers.
    fields = json.loads(tokenizer.to_str())
    fields["added_tokens"] = [t for t in fields["added_tokens"] if t["content"] in SPECIAL]
    tokenizer = Tokenizer.from_str(json.dumps(fields))
    tokenizer.add_special_tokens([AddedToken(t, special=True) for t in SPECIAL])
    return tokenizer


def save_checkpoint(directory: Path, family: str) -> Path:
    """Write a random Gemma of ``family`` and its tokenizer into ``directory``."""
    tokenizer = make_tokenizer()
    torch.manual_seed(0)
    # Like Gemma's own: more rows than the tokenizer has tokens, and a multiple of 64.
    vocabulary: Any = {"vocab_size": -(-tokenizer.get_vocab_size() // 64) * 64}
    if family == "gemma2":
        model: Any = Gemma2ForCausalLM(Gemma2Config(**SHAPE, **vocabulary, final_logit_softcapping=5.0))
    else:
        model = Gemma3ForCausalLM(Gemma3TextConfig(**SHAPE, **vocabulary))
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):  # which would all be zero, and so alike
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(str(directory))
    tokenizer.save(str(directory / "tokenizer.json"))
    return directory


@pytest.fixture(scope="session", params=["gemma3", "gemma2"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a tiny random Gemma 3, then of a tiny random Gemma 2."""
    return save_checkpoint(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="session")
def gemma3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a tiny random Gemma 3."""
    return save_checkpoint(tmp_path_factory.mktemp("gemma3"), "gemma3")


@pytest.fixture(scope="session")
def encoder(gemma3: Path) -> Encoder:
    """Return the encoder of the tiny tokenizer."""
    return Encoder(load_tokenizer(gemma3))
