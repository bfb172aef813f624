from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as serialized

from adapters.base import has_avx512bf16, load_model, weights_hash
from adapters.decoder import CHUNK, Decoder, speaks
from adapters.lora import make_adaptable, read_version
from adapters.registry import Registry
from tests.adapters.making_versions import make_version
from tests.adapters.test_training import dequantized

pytestmark = pytest.mark.skipif(not has_avx512bf16(), reason="bitsandbytes has its CPU kernel for AVX512-BF16 only")

CONTEXT = 512
IDS = [2, *(torch.randint(6, 400, (60,), generator=torch.Generator().manual_seed(1)).tolist())]
"""More than the tiny models' window of 16."""


@pytest.fixture
def model(checkpoint: Path) -> Any:
    return load_model(checkpoint, trainable=True)


@pytest.fixture
def reference(checkpoint: Path) -> Any:
    """The same 4-bit weights in float32."""
    model = load_model(checkpoint, trainable=True)
    dequantized(model)
    return torch.nn.Module.float(model)


def expected(reference: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        scores: torch.Tensor = reference(input_ids=torch.tensor([ids])).logits[0, -1]
    return scores


def assert_alike(said: tuple[torch.Tensor, torch.Tensor | None], scores: torch.Tensor) -> None:
    mine, exact = said
    assert exact is not None
    assert len(exact) >= 4
    assert scores.argmax() in exact
    torch.testing.assert_close(mine[exact], scores[exact], atol=0.05 * float(scores.std()), rtol=0)
    torch.testing.assert_close(mine, scores, atol=float(scores.std()), rtol=0)  # the head in 4 bits


def test_the_scores_are_those_of_transformers_however_the_tokens_come(model: Any, reference: Any) -> None:
    assert speaks(model)
    decoder = Decoder(model, CONTEXT)
    for cut in (1, 20, 55, len(IDS)):
        said = decoder.read(IDS[:cut], 0)
        for number in range(cut, len(IDS)):
            said = decoder.read([IDS[number]], number)
        assert_alike(said, expected(reference, IDS))


def test_a_long_prompt_is_read_in_chunks(model: Any, reference: Any) -> None:
    long = (IDS * 6)[: CHUNK + 40]
    assert_alike(Decoder(model, CONTEXT).read(long, 0), expected(reference, long))


def test_what_was_read_can_be_cut_back(model: Any, reference: Any) -> None:
    decoder = Decoder(model, CONTEXT)
    decoder.read(IDS, 0)
    decoder.read([77, 78, 79], len(IDS))
    other = [*IDS[:30], *range(100, 120)]
    assert decoder.keep(30) == 30
    assert_alike(decoder.read(other[30:], 30), expected(reference, other))


def test_a_version_is_put_on_and_taken_off(tmp_path: Path, checkpoint: Path, model: Any, reference: Any) -> None:
    from peft import PeftModel

    registry = Registry(tmp_path / "versions")
    version = registry.get(make_version(registry, checkpoint))
    layers = make_adaptable(model)
    adapter = read_version(version, str(checkpoint), weights_hash(checkpoint, tmp_path), layers, torch.bfloat16)
    reference = PeftModel.from_pretrained(reference, str(version.directory)).eval()
    decoder = Decoder(model, CONTEXT)
    without = decoder.read(IDS, 0)[0]
    decoder.wear(adapter)
    assert (decoder.read(IDS, 0)[0] - without).abs().max() > without.std()
    assert_alike(decoder.read(IDS, 0), expected(reference, IDS))
    decoder.read(IDS[:-1], 0)
    assert_alike(decoder.read(IDS[-1:], len(IDS) - 1), expected(reference, IDS))
    decoder.wear(None)
    torch.testing.assert_close(decoder.read(IDS, 0)[0], without, rtol=0, atol=0)


def test_room_is_made_as_it_is_needed(model: Any, reference: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.decoder.ROOM", 8)
    decoder = Decoder(model, CONTEXT)
    for number, token in enumerate(IDS):
        said = decoder.read([token], number)
    assert_alike(said, expected(reference, IDS))


@pytest.mark.parametrize(
    "setting",
    [{"hidden_activation": "silu"}, {"use_bidirectional_attention": True}, {"rope_parameters": {"rope_type": "yarn"}}],
)
def test_a_model_that_computes_otherwise_is_left_to_transformers(model: Any, setting: dict[str, Any]) -> None:
    for name, value in setting.items():
        setattr(model.config, name, value)
    assert not speaks(model)


def test_the_head_is_kept_and_made_again_where_it_is_damaged(
    tmp_path: Path, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models" / "head.safetensors"
    scores, _ = Decoder(model, CONTEXT, file).read(IDS, 0)
    made = file.read_bytes()
    for content in (made[:100], b"", serialized({"weights": torch.zeros(3)})):
        file.write_bytes(content)
        torch.testing.assert_close(Decoder(model, CONTEXT, file).read(IDS, 0)[0], scores, rtol=0, atol=0)
        assert file.read_bytes() == made
    monkeypatch.delattr("adapters.packed._quantized")
    torch.testing.assert_close(Decoder(model, CONTEXT, file).read(IDS, 0)[0], scores, rtol=0, atol=0)


def test_the_models_weights_stay_as_they_are(model: Any) -> None:
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    Decoder(model, CONTEXT).read(IDS, 0)
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
