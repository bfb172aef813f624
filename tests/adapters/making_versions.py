"""Versions with random weights, for tests of what uses a version and not of how it is trained."""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from safetensors.torch import save_file

from adapters.base import load_model, weights_hash
from adapters.recipe import ALL_LINEAR
from adapters.registry import Registry


def make_version(
    registry: Registry,
    checkpoint: Path,
    *,
    weights_hash: str | None = None,
    seed: int = 0,
    rank: int = 4,
    as_of: str = "2026-01-01T00:00:00.000000+00:00",
) -> str:
    """Publish a random adapter for ``checkpoint`` and return its name."""
    torch.manual_seed(seed)
    model = get_peft_model(
        load_model(checkpoint, trainable=True),
        LoraConfig(r=rank, lora_alpha=6, target_modules=list(ALL_LINEAR), task_type="CAUSAL_LM"),
    )
    tensors = {
        name: (torch.randn(t.shape) * 0.1).to(torch.bfloat16) for name, t in get_peft_model_state_dict(model).items()
    }
    with registry.draft() as draft:
        model.peft_config["default"].save_pretrained(str(draft))
        save_file(tensors, draft / "adapter_model.safetensors")
        version = registry.publish(
            draft,
            {
                "title": "",
                "note": "",
                "parent": "base",
                "base": {"id": str(checkpoint), "weights_hash": weights_hash or hash_of(checkpoint)},
                "template_hash": "",
                "corpus": {"digest": "", "examples": 0, "ids": [], "as_of": as_of},
                "recipe": {},
                "losses": [],
                "held_out": {"examples": 0, "tokens": 0, "base": None, "parent": None, "candidate": None},
                "libraries": {},
                "seconds": 0.0,
                "device": "cpu",
                "created": "2026-01-01T00:00:00.000000Z",
            },
        )
    return version.name


def hash_of(checkpoint: Path) -> str:
    return weights_hash(checkpoint, checkpoint.parent / "models")
