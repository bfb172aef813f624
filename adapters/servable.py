"""Which adapters the engine can serve: plain LoRA on linear layers, in whole files. It reads headers, without torch."""

from pathlib import Path
from typing import Any

from socrates_errors import VersionError


def refuse_unservable(config: dict[str, Any]) -> None:
    """Raise VersionError if the engine cannot serve the PEFT adapter that ``config`` describes."""
    targets = config.get("target_modules")
    reasons = {
        "it is no LoRA adapter": config.get("peft_type") != "LORA",
        "it uses DoRA": bool(config.get("use_dora")),
        "it uses rank-stabilised scaling": bool(config.get("use_rslora")),
        "it trains biases": config.get("bias", "none") != "none" or bool(config.get("lora_bias")),
        "it replaces whole modules": bool(config.get("modules_to_save")),
        "it names its layers by an expression": not isinstance(targets, list),
        "it changes the head or the embedding": isinstance(targets, list)
        and any(target.rpartition(".")[2] in ("lm_head", "embed_tokens") for target in targets),
        "its rank differs between layers": bool(config.get("rank_pattern")) or bool(config.get("alpha_pattern")),
        "its weights are turned round (fan_in_fan_out)": bool(config.get("fan_in_fan_out")),
        "it has no whole rank and alpha": not all(type(config.get(key)) is int for key in ("r", "lora_alpha")),
        "its rank is not above nought": type(config.get("r")) is int and config["r"] < 1,
    }
    for reason, true in reasons.items():
        if true:
            raise VersionError(f"This adapter cannot be served: {reason}. Only plain LoRA on linear layers can.")


def check_weights(path: Path) -> None:
    """Read the header of a safetensors file; ValueError if there is none, or less in the file than it says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise ValueError(f"{path.name} is no whole safetensors file ({error})") from error
