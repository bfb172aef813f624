from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save as serialized

from adapters.base import device, load_model, weights_hash
from adapters.cpu_decoder import CpuDecoder
from adapters.decoder import Decoder
from adapters.engine import decoder_of
from adapters.gpu_decoder import GpuDecoder
from adapters.lora import read_version
from adapters.modules import Modules
from adapters.packed import FinerProduct, PackedLinears, Product, library, with_packed
from adapters.registry import Registry
from adapters.sampling import Scores
from adapters.weights import GROUPS, Weights, computable, keep, kept, weights_of
from tests.adapters.making_versions import make_version
from tests.adapters.test_training import in_float32

END = 5
"""The tiny tokenizers' end of a turn."""
IDS = [2, *(torch.randint(6, 400, (60,), generator=torch.Generator().manual_seed(1)).tolist())]
"""More than the tiny models' window of 16."""
on_this_cpu = pytest.mark.skipif(
    library() is None or device() == "cuda", reason="bitsandbytes has its CPU kernel for AVX512-BF16 only"
)
on_a_gpu = pytest.mark.skipif(device() != "cuda", reason="CUDA graphs need a GPU")


@pytest.fixture
def model(checkpoint: Path) -> Any:
    return load_model(checkpoint, trainable=True)


@pytest.fixture
def weights(model: Any) -> Weights:
    return weights_of(model, END).moved()


@pytest.fixture(params=["cpu", "gpu"])
def made(request: pytest.FixtureRequest, weights: Weights) -> Decoder:
    """The decoder of each kind of device; a GPU's computes on a CPU too, without graphs."""
    if request.param == "gpu":
        return GpuDecoder(weights)
    if library() is None or device() == "cuda":
        pytest.skip("bitsandbytes has its CPU kernel for AVX512-BF16 only")
    return CpuDecoder(with_packed(weights))


@pytest.fixture
def reference(checkpoint: Path) -> Any:
    """The same 4-bit weights in float32."""
    return in_float32(load_model(checkpoint, trainable=True))


def expected(reference: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        scores: torch.Tensor = reference(input_ids=torch.tensor([ids], device=reference.device)).logits[0, -1]
    return scores


def assert_alike(said: Scores, scores: torch.Tensor) -> None:
    """Assert that the best are there and their scores exact, and the others right (a CPU's head is in 4 bits)."""
    deviation = float(scores.std())
    scores = scores.cpu()
    assert len(said.best) >= 4
    assert scores.argmax() in said.best
    torch.testing.assert_close(said.of_best, scores[said.best], atol=0.05 * deviation, rtol=0)
    exact = said.every.device.type == "cuda"
    torch.testing.assert_close(said.every.cpu(), scores, atol=(0.05 if exact else 1) * deviation, rtol=0)


def test_the_scores_are_those_of_transformers_however_the_tokens_come(made: Decoder, reference: Any) -> None:
    for cut in (1, 20, 55, len(IDS)):
        said = made.read(IDS[:cut], 0)
        for number in range(cut, len(IDS)):
            said = made.read([IDS[number]], number)
        assert_alike(said, expected(reference, IDS))


def test_a_long_prompt_is_read_in_chunks(made: Decoder, reference: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(made), "CHUNK", 24)
    assert_alike(made.read(IDS, 0), expected(reference, IDS))


def test_what_was_read_can_be_cut_back(made: Decoder, reference: Any) -> None:
    made.read(IDS, 0)
    made.read([77, 78, 79], len(IDS))
    other = [*IDS[:30], *range(100, 120)]
    assert made.keep(30) == 30
    assert_alike(made.read(other[30:], 30), expected(reference, other))


def test_scores_stay_what_they_were_when_more_is_read(made: Decoder) -> None:
    made.read(IDS[:20], 0)
    scores = made.read([7], 20).every
    before = scores.clone()
    made.read([9], 21)
    assert torch.equal(scores, before)


@pytest.fixture
def worn(tmp_path: Path, checkpoint: Path) -> Callable[..., Any]:
    """Returns an adapter and its directory, of a rank and a seed."""
    registry = Registry(tmp_path / "versions")

    def adapter(made: Decoder, rank: int = 4) -> tuple[Any, Path]:
        version = registry.get(make_version(registry, checkpoint, rank=rank))
        hashed = weights_hash(checkpoint, tmp_path)
        return read_version(version, str(checkpoint), hashed, made.linears, device()), version.directory

    return adapter


def test_versions_are_put_on_and_taken_off(made: Decoder, reference: Any, worn: Callable[..., Any]) -> None:
    from peft import PeftModel

    without = made.read(IDS, 0).every
    adapters = [worn(made, rank) for rank in (4, 4, 2)]
    scores = []
    for adapter, directory in [*adapters, adapters[0]]:
        made.wear(adapter)
        scores.append(made.read(IDS, 0).every)
        plain = PeftModel.from_pretrained(reference, str(directory)).eval()
        assert_alike(made.read(IDS, 0), expected(plain, IDS))
        made.read(IDS[:-1], 0)
        assert_alike(made.read(IDS[-1:], len(IDS) - 1), expected(plain, IDS))
        reference = plain.unload()
        made.wear(None)
        torch.testing.assert_close(made.read(IDS, 0).every, without, rtol=0, atol=0)
    assert min((one - other).abs().max() for one, other in [(scores[0], without), (scores[0], scores[2])]) > 0.1
    torch.testing.assert_close(scores[3], scores[0], rtol=0, atol=0)


def test_room_is_made_as_it_is_needed(
    weights: Weights, made: Decoder, reference: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.decoder.ROOM", 8)
    small = type(made)(with_packed(weights) if isinstance(made, CpuDecoder) else weights)
    for number, token in enumerate(IDS):
        said = small.read([token], number)
    assert_alike(said, expected(reference, IDS))


def test_after_memory_ran_out_everything_is_as_before(
    made: Decoder, reference: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made._make_room(len(IDS))
    made._room = len(IDS) + 4
    made._move([layer.kept[:, : made._room].clone() for layer in made._layers])
    made.read(IDS, 0)
    room, calls = made._room, []

    def short(tensor: torch.Tensor, *arguments: Any, **options: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return new_zeros(tensor, *arguments, **options)

    new_zeros = torch.Tensor.new_zeros
    with monkeypatch.context() as patch:
        patch.setattr(torch.Tensor, "new_zeros", short)
        with pytest.raises(torch.OutOfMemoryError):
            made.read([7] * 8, len(IDS))
    assert made._room == room
    said = made.read([9], len(IDS))
    assert_alike(said, expected(reference, [*IDS, 9]))
    assert_alike(made.read([*range(30, 50)], len(IDS) + 1), expected(reference, [*IDS, 9, *range(30, 50)]))


@on_a_gpu
def test_where_capturing_fails_tokens_are_computed_by_launches(
    weights: Weights, reference: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def waiting(decoder: GpuDecoder, x: torch.Tensor) -> Any:
        said = computed(decoder, x)
        if torch.cuda.is_current_stream_capturing():
            said[0].sum().item()  # which no capture allows
        return said

    computed = GpuDecoder._said
    monkeypatch.setattr(GpuDecoder, "_said", waiting)
    made = GpuDecoder(weights)
    made.read(IDS[:-2], 0)
    for number in (-2, -1):
        said = made.read([IDS[number]], len(IDS) + number)
    assert_alike(said, expected(reference, IDS))
    assert [record.getMessage() for record in caplog.records][-1] == "no graph _by_torch"


@on_a_gpu
@pytest.mark.parametrize("blocks", [1, 4])
def test_our_kernels_compute_what_torch_does(
    weights: Weights, worn: Callable[..., Any], blocks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.gpu_decoder.BLOCKS", blocks)  # so that there are several parts even of tiny layers
    made = GpuDecoder(weights)
    ids = (IDS * 8)[:400]
    for adapter in (None, worn(made)[0], worn(made, 16)[0]):
        made.wear(adapter)
        made.read(ids, 0)
        made._token.fill_(9)
        made._position.fill_(len(ids))
        with torch.inference_mode():
            (by_torch, _), kept = made._by_torch(), [layer.kept.clone() for layer in made._layers]
            by_kernels, _ = made._by_kernels()
        torch.testing.assert_close(by_kernels, by_torch, atol=2e-3 * float(by_torch.std()), rtol=0)
        for layer, expected_kept in zip(made._layers, kept, strict=True):
            torch.testing.assert_close(layer.kept, expected_kept, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    "setting",
    [{"hidden_activation": "silu"}, {"use_bidirectional_attention": True}, {"rope_parameters": {"rope_type": "yarn"}}],
)
def test_a_model_that_computes_otherwise_is_left_to_transformers(model: Any, setting: dict[str, Any]) -> None:
    assert computable(model)
    for name, value in setting.items():
        setattr(model.config, name, value)
    assert not computable(model)


@on_this_cpu
@torch.inference_mode()
def test_two_shares_and_fitted_scales_are_each_nearer_to_the_exact_product(weights: Weights) -> None:
    packed = with_packed(weights).tensors
    errors = torch.zeros(3)
    for number, group in product(range(len(weights.shape.kinds)), GROUPS):
        tensors = {
            name: packed[f"{number}.{group}.{name}"] for name in ("codes", "scales", "packed", "blockwise", "factors")
        }
        outputs, inputs = len(tensors["packed"]), 2 * tensors["packed"].shape[1]
        linears = PackedLinears([""], [outputs], inputs, tensors, rounded=False)
        unfitted = tensors["scales"].view(outputs, -1).T.bfloat16().contiguous()
        products = (
            Product(tensors["packed"], unfitted),
            FinerProduct(tensors["packed"], unfitted, torch.ones(outputs)),
            FinerProduct(tensors["packed"], tensors["blockwise"], tensors["factors"]),
        )
        xs = torch.randn(64, inputs, generator=torch.Generator().manual_seed(1))
        exact = linears.many(xs)
        errors += torch.tensor(
            [(torch.stack([each(x) for x in xs]) - exact).norm() / exact.norm() for each in products]
        )
    assert errors[1] < 0.9 * errors[0]
    assert errors[2] < 0.9 * errors[1]


@on_this_cpu
def test_weights_are_kept_and_made_again_where_they_are_damaged(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "models" / "decoder.safetensors"
    scores = decoder_of(checkpoint, file, lambda: END).read(IDS, 0).every
    made = file.read_bytes()
    for content in (made[:100], made[:-1], b"", serialized({"embedding": torch.zeros(3)})):
        file.write_bytes(content)
        torch.testing.assert_close(decoder_of(checkpoint, file, lambda: END).read(IDS, 0).every, scores, rtol=0, atol=0)
        assert file.read_bytes() == made
    monkeypatch.delattr("adapters.engine.load_model")
    torch.testing.assert_close(decoder_of(checkpoint, file, lambda: END).read(IDS, 0).every, scores, rtol=0, atol=0)


def test_weights_that_cannot_be_kept_are_used_all_the_same(tmp_path: Path, weights: Weights) -> None:
    (tmp_path / "models").write_text("not a directory")
    used = keep(weights, tmp_path / "models" / "decoder.safetensors")
    assert used.shape == weights.shape
    assert all(torch.equal(used.tensors[name].cpu(), tensor.cpu()) for name, tensor in weights.tensors.items())


def test_what_is_kept_is_what_was_made(tmp_path: Path, weights: Weights) -> None:
    file = tmp_path / "models" / "decoder.safetensors"
    file.parent.mkdir()
    stale = [file.with_name(name) for name in (".decoder-of-one-that-was-killed", "decoder-old.safetensors")]
    file = file.with_name("decoder-new.safetensors")
    for left in stale:
        left.write_text("")
    read = keep(weights, file)
    assert read is not weights
    assert read.shape == weights.shape
    assert read.tensors.keys() | read.rows.keys() == weights.tensors.keys()
    assert all(torch.equal(tensor.cpu(), weights.tensors[name].cpu()) for name, tensor in read.tensors.items())
    ids = torch.tensor([7, 0, len(weights.tensors["embedding"]) - 1])
    assert torch.equal(read.embedding[ids], weights.embedding[ids])
    assert torch.equal(read.head[ids], weights.head[ids])
    assert {path.name for path in file.parent.iterdir()} == {file.name, ".decoder.lock"}
    assert kept(file.with_name("another"), END) is None
    assert kept(file, END + 1) is None


def test_without_the_kernel_transformers_modules_read(
    tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.engine.library", lambda: None)
    monkeypatch.setattr("adapters.engine.device", lambda: "cpu")
    assert isinstance(decoder_of(checkpoint, tmp_path / "decoder.safetensors", lambda: END), Modules)
    assert not list(tmp_path.iterdir())
