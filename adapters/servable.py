"""Which adapters the engine can serve: plain LoRA on linear layers, in whole files. It reads headers, without torch."""

from pathlib import Path
from typing import Any

from socrates_errors import VersionError
from socrates_language import marked, tr


def refuse_unservable(config: dict[str, Any]) -> None:
    """Raise VersionError if the engine cannot serve the PEFT adapter that ``config`` describes."""
    targets = config.get("target_modules")
    reasons = {
        marked("This adapter cannot be served: it is no LoRA adapter."): config.get("peft_type") != "LORA",
        marked("This adapter cannot be served: it uses DoRA."): bool(config.get("use_dora")),
        marked("This adapter cannot be served: it uses rank-stabilised scaling."): bool(config.get("use_rslora")),
        marked("This adapter cannot be served: it trains biases."): config.get("bias", "none") != "none"
        or bool(config.get("lora_bias")),
        marked("This adapter cannot be served: it replaces whole modules."): bool(config.get("modules_to_save")),
        marked("This adapter cannot be served: it names its layers by an expression."): not isinstance(targets, list),
        marked("This adapter cannot be served: it changes the head or the embedding."): isinstance(targets, list)
        and any(target.rpartition(".")[2] in ("lm_head", "embed_tokens") for target in targets),
        marked("This adapter cannot be served: its rank differs between layers."): bool(config.get("rank_pattern"))
        or bool(config.get("alpha_pattern")),
        marked("This adapter cannot be served: its weights are turned round (fan_in_fan_out)."): bool(
            config.get("fan_in_fan_out")
        ),
        marked("This adapter cannot be served: it has no whole rank and alpha."): not all(
            type(config.get(key)) is int for key in ("r", "lora_alpha")
        ),
        marked("This adapter cannot be served: its rank is not above nought."): type(config.get("r")) is int
        and config["r"] < 1,
    }
    for reason, true in reasons.items():
        if true:
            only = tr("Only plain LoRA on linear layers can.")
            raise VersionError(f"{tr(reason)} {only}")


def check_weights(path: Path) -> None:
    """Read the header of a safetensors file; ValueError if there is none, or less in the file than it says."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise ValueError(
            tr("{file} is no whole safetensors file ({error})").format(file=path.name, error=error)
        ) from error
