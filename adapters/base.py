"""Finding a base (embedded, hub id or directory) and loading it as NF4. What the model then does is not its concern."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

# bitsandbytes asks torch to compile four functions of its fallback backend as it is imported, which no base here uses:
# without the compiler a start is 1.1 s shorter.
os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn

from adapters import embedded
from adapters.api import EMBEDDED, Progress
from adapters.files import replace_text
from socrates_errors import BaseUnavailableError
from socrates_language import tr

FILES = ("*.safetensors", "*.safetensors.index.json", "config.json", "tokenizer.json")
MODEL_TYPES = ("gemma2", "gemma3_text", "gemma3")


def locate(base: str, models: Path, progress: Progress) -> Path:
    """Return the directory of ``base``'s checkpoint, converting or downloading it first if need be.

    ``embedded``, then an existing directory, then a hub id. Raises BaseUnavailableError with what to do.
    """
    if base == EMBEDDED:
        return embedded.convert(models, progress)
    directory = Path(base).expanduser()
    if directory.is_dir():
        directory = directory.resolve()
    elif "/" in base and base.count("/") == 1 and not base.startswith((".", "~", "/")):
        directory = _from_hub(base, progress)
    else:
        raise BaseUnavailableError(
            tr(
                "There is no base called {base}: give `embedded`, a hub id such as google/gemma-2-2b-jpn-it, "
                "or an existing directory."
            ).format(base=repr(base))
        )
    _check(base, directory)
    return directory


def _from_hub(base: str, progress: Progress) -> Path:
    """Return ``base``'s snapshot in the hub's own cache, downloaded with the user's login if it is not there."""
    from huggingface_hub import errors, snapshot_download
    from tqdm import tqdm

    downloading = tr("Downloading {base}").format(base=base)

    class Bar(tqdm):  # type: ignore[misc]
        """Tells ``progress`` instead of drawing."""

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            if self.unit == "B":
                progress(downloading, self.n / self.total if self.total else None)
            return shown

        def display(self, *_args: Any, **_kwargs: Any) -> bool:
            return True

    try:
        here = Path(snapshot_download(base, allow_patterns=list(FILES), local_files_only=True))
        if not _missing(here):
            return here
    except errors.LocalEntryNotFoundError:
        pass  # nothing of it is here yet
    progress(downloading, None)
    try:
        return Path(snapshot_download(base, allow_patterns=list(FILES), tqdm_class=Bar))
    except errors.GatedRepoError as error:
        raise BaseUnavailableError(
            tr(
                "{base} is gated: accept its licence on its page on the Hugging Face hub, then run `hf auth login` "
                "(or set HF_TOKEN) and start again."
            ).format(base=base)
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise BaseUnavailableError(
            tr(
                "The Hugging Face hub has no {base}, or not for you: check the spelling, and run `hf auth login` "
                "(or set HF_TOKEN) if it is private."
            ).format(base=base)
        ) from error
    except errors.HFValidationError as error:
        raise BaseUnavailableError(tr("{base} is no hub id: write owner/name.").format(base=repr(base))) from error
    except (errors.HTTPError, OSError) as error:  # type: ignore[attr-defined]
        raise BaseUnavailableError(
            tr(
                "{base} is not on this machine yet and could not be downloaded: connect to the internet once "
                "(and unset HF_HUB_OFFLINE), or use --base embedded or a local directory."
            ).format(base=base)
        ) from error


def _check(base: str, directory: Path) -> None:
    """Refuse a directory that is not a Gemma 2 or 3 checkpoint with a fast tokenizer."""
    if missing := _missing(directory):
        raise BaseUnavailableError(
            tr("{base} is no usable checkpoint: {files} missing in its directory.").format(
                base=base, files=", ".join(missing)
            )
        )
    try:
        model_type = json.loads((directory / "config.json").read_text())["model_type"]
    except (ValueError, KeyError, TypeError) as error:
        raise BaseUnavailableError(
            tr("{base} is no usable checkpoint: its config.json does not name a model.").format(base=base)
        ) from error
    if model_type not in MODEL_TYPES:
        raise BaseUnavailableError(
            tr("{base} is a {kind} model: Socrates teaches Gemma 2 and Gemma 3 only.").format(
                base=base, kind=model_type
            )
        )


def _missing(directory: Path) -> list[str]:
    """Return what of a checkpoint is not in ``directory``, the files that its index names included."""
    missing = [name for name in ("config.json", "tokenizer.json") if not (directory / name).is_file()]
    weights = {path.name for path in directory.glob("*.safetensors")}
    index = directory / "model.safetensors.index.json"
    wanted = set(json.loads(index.read_text())["weight_map"].values()) if index.is_file() else set()
    return missing + sorted(wanted - weights) + ([] if weights or wanted else ["*.safetensors"])


def weights_hash(directory: Path, models: Path) -> str:
    """Return ``sha256:...`` of a checkpoint's weights, kept in ``models/hashes.json`` while the files do not change."""
    known = directory / "base.json"
    if known.is_file():
        return str(json.loads(known.read_text())["weights_hash"])
    files = sorted(directory.glob("*.safetensors"))
    stamp = json.dumps([[str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns] for f in files])
    cache = models / "hashes.json"
    try:
        hashes: dict[str, str] = json.loads(cache.read_text())
    except (FileNotFoundError, ValueError):
        hashes = {}  # it is only a cache
    if stamp not in hashes:
        digest = hashlib.sha256()
        for name in files:
            with name.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        hashes[stamp] = f"sha256:{digest.hexdigest()}"
        models.mkdir(parents=True, exist_ok=True, mode=0o700)
        replace_text(cache, json.dumps(hashes))
    return hashes[stamp]


def device() -> str:
    """Return ``cuda`` where there is a GPU that torch can use, else ``cpu``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def compute_dtype(on: str) -> torch.dtype:
    """Return bfloat16 where the hardware computes in it, else float32; never float16, in which Gemma overflows."""
    if on == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        native = bool(able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16"))
    return torch.bfloat16 if native else torch.float32


def load_model(directory: Path, *, trainable: bool) -> Any:
    """Return the causal language model of ``directory`` in NF4 with double quantization, frozen, in evaluation mode.

    ``trainable`` keeps bitsandbytes from repacking weights for its CPU inference kernel, which has no gradient: a
    model that has been repacked trains on, with most gradients missing.
    """
    import transformers
    from transformers import BitsAndBytesConfig

    transformers.utils.logging.disable_progress_bar()
    on = device()
    dtype = compute_dtype(on)
    quantization = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_quant_storage=torch.uint8,
        bnb_4bit_compute_dtype=dtype,
    )
    try:
        configuration = transformers.AutoConfig.from_pretrained(directory)
        # A Gemma 3 with eyes keeps its language model under other names; the eyes stay closed.
        text = getattr(configuration, "text_config", configuration)
        kind = transformers.Gemma2ForCausalLM if text.model_type == "gemma2" else transformers.Gemma3ForCausalLM
        model = kind.from_pretrained(
            directory,
            config=text,
            quantization_config=quantization,
            dtype=dtype,
            # Gemma 2 caps its attention's logits, which torch's built-in attention cannot; some versions of
            # transformers would use that all the same.
            attn_implementation="eager" if text.model_type == "gemma2" else "sdpa",
            device_map={"": on},
            key_mapping={r"^(model\.)?language_model\.(model\.)?": "model."},
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise BaseUnavailableError(
            tr(
                "The base in {directory} cannot be loaded ({error}): get its files again, or choose another with "
                "--base."
            ).format(directory=directory, error=error)
        ) from error
    model.requires_grad_(False)
    if trainable:
        allow_repacking(model, False)
    return model.eval()


def allow_repacking(model: Any, allowed: bool) -> None:
    """Say whether bitsandbytes may repack ``model``'s weights for its CPU inference kernel, when it next can."""
    for module in model.modules():
        if is_linear4bit(module):
            module.support_avx512bf16_for_cpu = allowed and has_avx512bf16()


def has_avx512bf16() -> bool:
    """Tell whether bitsandbytes has its 4-bit inference kernel for this CPU."""
    from bitsandbytes.functional import has_avx512bf16 as found

    return bool(found())


def is_linear4bit(module: nn.Module) -> bool:
    """Tell whether ``module`` is one of bitsandbytes' 4-bit linear layers."""
    from bitsandbytes.nn import Linear4bit

    return isinstance(module, Linear4bit)


def load_tokenizer(directory: Path) -> Tokenizer:
    """Return the tokenizer of a checkpoint; about 1 to 2.5 s for Gemma's 262,144 tokens."""
    try:
        return Tokenizer.from_file(str(directory / "tokenizer.json"))
    except Exception as error:  # the library raises nothing narrower
        raise BaseUnavailableError(
            tr(
                "The tokenizer in {directory} cannot be read ({error}): get its files again, or choose another --base."
            ).format(directory=directory, error=error)
        ) from error
