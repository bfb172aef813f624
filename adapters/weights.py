"""What a decoder computes with: a base's shape and weights, taken from its model once and kept in a mapped file.

Loading a checkpoint, quantizing it and packing it for the kernel takes seconds and several times the memory of what
comes out; mapped, only what is touched is in memory, and the system may take it back.
"""

import hashlib
import json
import logging
import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from adapters.base import compute_dtype, device, is_linear4bit
from adapters.files import replacing
from adapters.recipe import ALL_LINEAR

log = logging.getLogger(__name__)

FORMAT = 2
"""Of the file; another one is another file."""
BLOCK = 64
"""Weights that share a scale, in bitsandbytes' NF4."""
CONTEXT_TOKENS = 8192
"""Most tokens of prompt and reply together, where the base allows as many."""
ALIKE = 0.7
"""Cosine above which two rows of the head are the same token in all but name."""
BY_ROWS = ("embedding", "head")
"""Matrices of which a CPU needs a few hundred rows for each token."""
GROUPS = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""Linear layers that read the same input, by what they are together."""


@dataclass(frozen=True)
class Shape:
    """What is to be known of a Gemma beside its weights."""

    width: int
    inner_width: int
    heads: int
    key_heads: int
    head_dim: int
    eps: float
    scale: float
    """By which attention's scores are multiplied."""
    attention_cap: float | None
    cap: float | None
    """Soft caps of attention's scores and of the head's."""
    embed_scale: float
    kinds: list[str]
    windows: list[int]
    """Of each layer: sliding or full attention, and how many tokens back it sees, itself included."""
    context: int
    """Most tokens of prompt and reply together."""
    end_of_turn: int
    """The token for which others are ``alike``."""

    def linear(self, part: str) -> tuple[int, int]:
        """Return outputs and inputs of the linear layer that is called ``part`` in each layer."""
        queries, keys = self.heads * self.head_dim, self.key_heads * self.head_dim
        return {
            "q_proj": (queries, self.width),
            "k_proj": (keys, self.width),
            "v_proj": (keys, self.width),
            "o_proj": (self.width, queries),
            "gate_proj": (self.inner_width, self.width),
            "up_proj": (self.inner_width, self.width),
            "down_proj": (self.width, self.inner_width),
        }[part.rpartition(".")[2]]

    def linears(self) -> dict[str, tuple[int, int]]:
        """Return outputs and inputs of every linear layer by its name in the model."""
        parts = [part for group in GROUPS.values() for part in group]
        return {f"model.layers.{n}.{part}": self.linear(part) for n in range(len(self.kinds)) for part in parts}


class Rows:
    """Rows of a matrix in a file, read as they are asked for.

    Of a mapped matrix the system would bring sixteen pages into memory for each row, and soon all of it.
    """

    def __init__(self, file: Path, offset: int, matrix: torch.Tensor) -> None:
        """The first of the rows, as many as those of ``matrix`` and like them, begins at the byte ``offset``."""
        self._file = file.open("rb", buffering=0)
        self._offset, self._dtype = offset, matrix.dtype
        self._count, self._width = matrix.shape

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, ids: torch.Tensor | slice) -> torch.Tensor:
        """Return the rows that are numbered ``ids``, shape (n,), or lie in a slice of step 1, as (n, width)."""
        size, descriptor = self._dtype.itemsize * self._width, self._file.fileno()
        if isinstance(ids, slice):
            start, stop, _ = ids.indices(self._count)
            content = bytearray((stop - start) * size)
            os.preadv(descriptor, [content], self._offset + start * size)
        else:
            rows = [os.pread(descriptor, size, self._offset + number * size) for number in ids.tolist()]
            content = bytearray(b"".join(rows))
        return torch.frombuffer(content, dtype=self._dtype).view(-1, self._width)


@dataclass(frozen=True)
class Weights:
    """A base's shape and its tensors.

    ``embedding`` (vocabulary, width), and ``head`` where that is another; ``norm``; ``alike``, the ids that mean the
    end of a turn; of each kind of layer ``cosines.KIND`` and ``sines.KIND``; of each layer N ``N.norms`` (4, width),
    ``N.head_norm`` and, of each of ``GROUPS``, ``N.GROUP.codes`` and ``N.GROUP.scales``: NF4, row by row.
    """

    shape: Shape
    tensors: dict[str, torch.Tensor]
    rows: dict[str, Rows] = field(default_factory=dict)
    """What is not among the tensors but in the file: on a CPU ``embedding`` and ``head``."""

    def moved(self) -> "Weights":
        """Return them where they are computed with."""
        return Weights(self.shape, {name: tensor.to(device()) for name, tensor in self.tensors.items()})

    @property
    def embedding(self) -> torch.Tensor | Rows:
        """Each token's row, shape (vocabulary, width)."""
        return self.rows["embedding"] if "embedding" in self.rows else self.tensors["embedding"]

    @property
    def head(self) -> torch.Tensor | Rows:
        """The head's rows, shape (vocabulary, width)."""
        return self.rows["head"] if "head" in self.rows else self.tensors.get("head", self.embedding)


def context_of(config: Any) -> int:
    """Return how many tokens prompt and reply may have together."""
    return min(CONTEXT_TOKENS, int(config.max_position_embeddings))


def computable(model: Any) -> bool:
    """Tell whether ``model`` has the shapes and the mathematics that our decoders have."""
    config, head = model.config, model.lm_head.weight
    linears = [module for name, module in model.named_modules() if name.endswith(ALL_LINEAR)]
    return bool(
        head.shape[0] % BLOCK == 0
        and head.shape[1] % BLOCK == 0
        and all(map(_fits, linears))
        and config.hidden_activation == "gelu_pytorch_tanh"
        and not getattr(config, "use_bidirectional_attention", False)
        and all(kind in ("default", "linear") for kind in _rope_types(config))
    )


def _fits(linear: Any) -> bool:
    """Tell whether a layer is as bitsandbytes' kernels for one row take it."""
    if not is_linear4bit(linear) or linear.weight.dtype != torch.uint8 or linear.bias is not None:
        return False
    state = linear.weight.quant_state
    shaped = linear.out_features % 32 == 0 and linear.in_features % BLOCK == 0
    return bool(shaped and state.blocksize == BLOCK and state.quant_type == "nf4")


def _rope_types(config: Any) -> set[str]:
    """Return how positions are rotated, in any kind of layer."""
    settings = config.rope_parameters
    every = [settings] if "rope_type" in settings else list(settings.values())
    return {each["rope_type"] for each in every}


@torch.inference_mode()
def weights_of(model: Any, end_of_turn: int) -> Weights:
    """Return the weights of a 4-bit ``model`` that is ``computable``, on the CPU: a GPU may hold one copy only."""
    config = model.config
    context = context_of(config)
    sliding = [kind == "sliding_attention" for kind in config.layer_types]
    embedding, head = model.model.embed_tokens.weight, model.lm_head.weight
    shape = Shape(
        width=config.hidden_size,
        inner_width=config.intermediate_size,
        heads=config.num_attention_heads,
        key_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        eps=config.rms_norm_eps,
        scale=config.query_pre_attn_scalar**-0.5,
        # transformers' Gemma 3 has the setting too, and does not use it.
        attention_cap=config.attn_logit_softcapping if config.model_type == "gemma2" else None,
        cap=config.final_logit_softcapping,
        embed_scale=float(torch.tensor(config.hidden_size**0.5).to(embedding.dtype)),  # rounded, as it is in training
        kinds=list(config.layer_types),
        windows=[min(config.sliding_window, context) if slides else context for slides in sliding],
        context=context,
        end_of_turn=end_of_turn,
    )
    alike = torch.tensor(sorted(indistinguishable(head, end_of_turn)))
    tensors = {"embedding": embedding.data, "norm": _one_and(model.model.norm), "alike": alike}
    if head.data_ptr() != embedding.data_ptr():
        tensors["head"] = head.data
    tensors |= _rotations(model, context)
    for number, layer in enumerate(model.model.layers):
        norms = (
            layer.input_layernorm,
            layer.post_attention_layernorm,
            layer.pre_feedforward_layernorm,
            layer.post_feedforward_layernorm,
        )
        tensors[f"{number}.norms"] = torch.stack([_one_and(norm) for norm in norms])
        if config.model_type != "gemma2":
            each = [layer.self_attn.q_norm] * shape.heads + [layer.self_attn.k_norm] * shape.key_heads
            tensors[f"{number}.head_norm"] = torch.stack([_one_and(norm) for norm in each])
        for group, parts in GROUPS.items():
            linears = [layer.get_submodule(part) for part in parts]
            tensors[f"{number}.{group}.codes"] = torch.cat([linear.weight.data.reshape(-1) for linear in linears])
            tensors[f"{number}.{group}.scales"] = torch.cat([_scales(linear.weight.quant_state) for linear in linears])
    return Weights(shape, {name: tensor.cpu() for name, tensor in tensors.items()})


def _one_and(norm: Any) -> torch.Tensor:
    """Return what a norm multiplies with, float32."""
    weight: torch.Tensor = norm.weight.detach().float()
    return 1 + weight


def _scales(state: Any) -> torch.Tensor:
    """Return each block's scale, float32."""
    from bitsandbytes.functional import dequantize_blockwise

    scales: torch.Tensor = state.absmax
    if state.nested:
        scales = dequantize_blockwise(scales, state.state2) + state.offset
    return scales.float().reshape(-1)


def _rotations(model: Any, context: int) -> dict[str, torch.Tensor]:
    """Return, for each kind of layer, cosines and sines, shape (context, head_dim), half of the sines negated."""
    on = model.lm_head.weight.device
    positions, like = torch.arange(context, device=on)[None], torch.empty(0, device=on)
    found: dict[str, torch.Tensor] = {}
    for kind in set(model.config.layer_types):
        kinds = (kind,) if model.config.model_type != "gemma2" else ()
        cosines, sines = (table[0].clone() for table in model.model.rotary_emb(like, positions, *kinds))
        sines[:, : sines.shape[1] // 2] *= -1
        found |= {f"cosines.{kind}": cosines, f"sines.{kind}": sines}
    return found


@torch.inference_mode()
def indistinguishable(head: torch.Tensor, token: int) -> frozenset[int]:
    """Return the tokens whose rows of ``head``, shape (vocabulary, d), point where ``token``'s does.

    A pretrained Gemma has never seen ``<end_of_turn>``: in the embedded one 6,400 untrained rows lie within a cosine
    of 0.9 of it. An adapter that has learnt to end a turn there spreads its chances over all of them, and each means
    the end. In an instruction-tuned Gemma the row stands alone.
    """
    row = head[token]
    cosines = (head @ row).float() / (torch.linalg.vector_norm(head, dim=1).float() * row.float().norm())
    return frozenset((cosines > ALIKE).nonzero()[:, 0].tolist())


def file_of(models: Path, directory: Path, weights_hash: str) -> Path:
    """Return the file in which the weights of the base in ``directory`` are kept for this kind of device.

    Its name tells all that it is made from, so that what was made otherwise is never taken for it.
    """
    on = device()
    made_by = f"{FORMAT} {compute_dtype(on)} {version('bitsandbytes')} {version('transformers')}"
    digest = hashlib.sha256(made_by.encode() + (directory / "config.json").read_bytes()).hexdigest()
    return models / f"decoder-{on}-{weights_hash.removeprefix('sha256:')[:16]}-{digest[:8]}.safetensors"


def kept(file: Path, end_of_turn: int) -> Weights | None:
    """Return what is kept in ``file``; None where it is not there, not whole, or for another end of turns."""
    if not file.is_file():
        return None
    try:
        with safe_open(file, "pt") as opened:
            shape = Shape(**json.loads(opened.metadata()["shape"]))
        if shape.end_of_turn != end_of_turn:
            return None
        tensors = load_file(file, device=device())
        if device() == "cuda":
            return Weights(shape, tensors)
        rows = {name: Rows(file, _offset(file, name), tensors[name]) for name in BY_ROWS if name in tensors}
        return Weights(shape, {name: tensor for name, tensor in tensors.items() if name not in rows}, rows)
    except (OSError, SafetensorError, TypeError, KeyError, ValueError):
        return None  # it is only a cache


def _offset(file: Path, name: str) -> int:
    """Return where in a safetensors ``file`` the tensor ``name`` begins; its header is JSON, with its length before."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        return 8 + length + int(json.loads(opened.read(length))[name]["data_offsets"][0])


def keep(weights: Weights, file: Path) -> Weights:
    """Return ``weights`` from ``file``, where they are kept from now on; as they are where it cannot be written.

    What was kept of the same base before, made otherwise, is removed.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(file.parent / ".decoder.lock"):
            for left in file.parent.glob(".decoder-*"):
                left.unlink()  # of a program that was killed: whoever writes holds the lock
            with replacing(file) as temporary:
                save_file(weights.tensors, temporary, metadata={"shape": json.dumps(asdict(weights.shape))})
            for other in file.parent.glob(f"{file.name.rpartition('-')[0]}-*.safetensors"):
                if other != file:
                    other.unlink()
    except (OSError, SafetensorError):
        log.warning("the weights for decoding could not be kept: each start will make them again", exc_info=True)
    return kept(file, weights.shape.end_of_turn) or weights.moved()
