"""A version's low-rank update (LoRA, arXiv 2106.09685): reading it, and putting it on transformers' layers.

Training uses peft, decoding ``linears.py``. peft's hot swap fails half way on a wrong shape; here every tensor is read
and checked first, and then a swap cannot fail.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, load_file
from torch import nn

from adapters.base import compute_dtype
from adapters.registry import Version
from socrates_errors import VersionError
from socrates_language import tr

PREFIX = "base_model.model."


class AdaptedLinear(nn.Module):
    """A frozen linear layer ``y = W x`` plus, while a version is active, ``B A x``; ``B`` carries the scale."""

    def __init__(self, linear: nn.Module):
        super().__init__()
        self.linear = linear
        self.a: torch.Tensor | None = None
        """Shape (rank, inputs)."""
        self.b: torch.Tensor | None = None
        """Shape (outputs, rank)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the layer's output for ``x``, shape (..., inputs) to (..., outputs)."""
        y: torch.Tensor = self.linear(x)
        if self.a is not None and self.b is not None:
            y = y + nn.functional.linear(nn.functional.linear(x, self.a), self.b)
        return y


@dataclass(frozen=True)
class Adapter:
    """A version's tensors by layer name, checked and on the device, ready to be put on."""

    layers: dict[str, tuple[torch.Tensor, torch.Tensor]]
    """A, shape (rank, inputs), and B, (outputs, rank)."""
    scale: float
    """By which B is to be multiplied."""


def make_adaptable(model: nn.Module) -> dict[str, AdaptedLinear]:
    """Wrap every 4-bit linear layer of ``model`` and return the wrappers by the layer's name."""
    from adapters.base import is_linear4bit

    wrapped: dict[str, AdaptedLinear] = {}
    for name, module in list(model.named_modules()):
        if is_linear4bit(module):
            parent, _, attribute = name.rpartition(".")
            wrapped[name] = AdaptedLinear(module)
            setattr(model.get_submodule(parent), attribute, wrapped[name])
    return wrapped


def unwrap(model: nn.Module) -> None:
    """Take the wrappers of ``make_adaptable`` off again."""
    for name, module in list(model.named_modules()):
        if isinstance(module, AdaptedLinear):
            parent, _, attribute = name.rpartition(".")
            setattr(model.get_submodule(parent), attribute, module.linear)


Shapes = Mapping[str, tuple[int, int]]
"""Outputs and inputs of a model's linear layers, by name."""


def shapes(layers: dict[str, AdaptedLinear]) -> Shapes:
    """Return the shapes of wrapped layers."""
    linears: dict[str, Any] = {name: layer.linear for name, layer in layers.items()}
    return {name: (linear.out_features, linear.in_features) for name, linear in linears.items()}


def read_version(version: Version, base: str, weights: str, linears: Shapes, device: str) -> Adapter:
    """Return ``version``'s adapter for the base whose weights have the hash ``weights``.

    Raises VersionError when it was trained on other weights, and as ``read_adapter`` does.
    """
    if version.weights_hash and version.weights_hash != weights:
        raise VersionError(
            tr(
                "{version} was trained on {trained_on}, and this is {base}: start with --base {trained_on}, or choose "
                "another version."
            ).format(version=version.name, trained_on=version.base, base=base)
        )
    return read_adapter(version.directory, linears, device)


def read_adapter(directory: Path, linears: Shapes, device: str) -> Adapter:
    """Return the adapter in ``directory``, in peft's format, for a model with ``linears``, on ``device``.

    Raises VersionError when a file is missing or damaged, or a tensor does not fit the model.
    """
    try:
        settings: dict[str, Any] = json.loads((directory / "adapter_config.json").read_text())
        scale = float(settings["lora_alpha"]) / int(settings["r"])
        tensors = _tensors(directory / "adapter_model.safetensors", device)
    except torch.OutOfMemoryError as error:
        raise VersionError(
            tr(
                "The GPU has no memory left for {version}: close what else uses it, and choose the version again."
            ).format(version=directory.name)
        ) from error
    except Exception as error:
        raise VersionError(
            tr("The version {version} cannot be read ({error}): delete it, or import it again.").format(
                version=directory.name, error=error
            )
        ) from error
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, kind = key.removeprefix(PREFIX).removesuffix(".weight").rpartition(".")
        if kind not in ("lora_A", "lora_B") or name not in linears:
            raise VersionError(
                tr("The version {version} changes {layer}, which this base does not have.").format(
                    version=directory.name, layer=key
                )
            )
        found.setdefault(name, {})[kind] = tensor
    put_on: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for name, pair in found.items():
        outputs, inputs = linears[name]
        if set(pair) != {"lora_A", "lora_B"}:
            raise VersionError(
                tr("The version {version} has half an adapter on {layer}: import it again.").format(
                    version=directory.name, layer=name
                )
            )
        a, b = pair["lora_A"], pair["lora_B"]
        rank = a.shape[0]
        if a.shape != (rank, inputs) or b.shape != (outputs, rank):
            raise VersionError(
                tr("The version {version} was trained for another base: {layer} has another shape.").format(
                    version=directory.name, layer=name
                )
            )
        put_on[name] = a, b
    return Adapter(put_on, scale)


def _tensors(file: Path, device: str) -> dict[str, torch.Tensor]:
    """Return what is in ``file``. On a CPU ``load_file`` takes longer, and keeps some bytes of each tensor for ever."""
    return load(file.read_bytes()) if device == "cpu" else load_file(file, device=device)


def put_on(adapter: Adapter | None, layers: dict[str, AdaptedLinear]) -> None:
    """Make ``adapter`` the one that ``layers`` apply; None takes the old one off. Cannot fail."""
    tensors = {}
    if adapter is not None:
        for name, (a, b) in adapter.layers.items():
            dtype = compute_dtype(a.device.type)
            tensors[name] = a.to(dtype), (b.float() * adapter.scale).to(dtype)
    for name, layer in layers.items():
        layer.a, layer.b = tensors.get(name, (None, None))
