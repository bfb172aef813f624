from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as serialized

from adapters.base import has_avx512bf16, load_model, weights_hash
from adapters.decoder import CHUNK, Decoder, speaks
from adapters.lora import make_adaptable, put_on, read_version
from adapters.registry import Registry
from tests.adapters.making_versions import make_version

pytestmark = pytest.mark.skipif(not has_avx512bf16(), reason="bitsandbytes has its CPU kernel for AVX512-BF16 only")

CONTEXT = 512
IDS = [2, *(torch.randint(6, 400, (60,), generator=torch.Generator().manual_seed(1)).tolist())]
"""More than the tiny models' window of 16."""


@pytest.fixture
def model(checkpoint: Path) -> Any:
    return load_model(checkpoint, trainable=True)


def expected(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        scores: torch.Tensor = model(input_ids=torch.tensor([ids])).logits[0, -1].float()
    return scores


def assert_alike(said: tuple[torch.Tensor, torch.Tensor], scores: torch.Tensor) -> None:
    mine, exact = said
    assert len(exact) >= 4
    assert torch.nn.functional.cosine_similarity(mine[exact], scores[exact], dim=0) > 0.999
    assert scores.argmax() in exact
    assert torch.nn.functional.cosine_similarity(mine, scores, dim=0) > 0.98  # the head in 4 bits


def test_the_scores_are_those_of_transformers_however_the_tokens_come(model: Any) -> None:
    assert speaks(model)
    decoder = Decoder(model, CONTEXT)
    for cut in (1, 20, 55, len(IDS)):
        said = decoder.read(IDS[:cut], 0)
        for number in range(cut, len(IDS)):
            said = decoder.read([IDS[number]], number)
        assert_alike(said, expected(model, IDS))


def test_a_long_prompt_is_read_in_chunks(model: Any) -> None:
    long = (IDS * 6)[: CHUNK + 40]
    assert_alike(Decoder(model, CONTEXT).read(long, 0), expected(model, long))


def test_what_was_read_can_be_cut_back(model: Any) -> None:
    decoder = Decoder(model, CONTEXT)
    decoder.read(IDS, 0)
    decoder.read([77, 78, 79], len(IDS))
    other = [*IDS[:30], *range(100, 120)]
    assert decoder.keep(30) == 30
    assert_alike(decoder.read(other[30:], 30), expected(model, other))


def test_a_version_is_put_on_and_taken_off(tmp_path: Path, checkpoint: Path, model: Any) -> None:
    registry = Registry(tmp_path / "versions")
    version = registry.get(make_version(registry, checkpoint))
    layers = make_adaptable(model)
    adapter = read_version(version, str(checkpoint), weights_hash(checkpoint, tmp_path), layers, torch.bfloat16)
    decoder = Decoder(model, CONTEXT)
    without = decoder.read(IDS, 0)[0]
    decoder.wear(adapter)
    put_on(adapter, layers)
    assert (expected(model, IDS) - without).abs().max() > 0.01
    assert_alike(decoder.read(IDS, 0), expected(model, IDS))
    decoder.read(IDS[:-1], 0)
    assert_alike(decoder.read(IDS[-1:], len(IDS) - 1), expected(model, IDS))
    decoder.wear(None)
    torch.testing.assert_close(decoder.read(IDS, 0)[0], without, rtol=0, atol=0)


def test_the_head_is_kept_and_made_again_where_it_is_damaged(tmp_path: Path, model: Any) -> None:
    file = tmp_path / "models" / "head.safetensors"
    expected, _ = Decoder(model, CONTEXT, file).read(IDS, 0)
    made = file.read_bytes()
    for content in (made, made[:100], b"", serialized({"weights": torch.zeros(3)})):
        file.write_bytes(content)
        torch.testing.assert_close(Decoder(model, CONTEXT, file).read(IDS, 0)[0], expected, rtol=0, atol=0)
        assert file.read_bytes() == made


def test_the_models_weights_stay_as_they_are(model: Any) -> None:
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    Decoder(model, CONTEXT).read(IDS, 0)
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
