"""A setting as a person reads and writes it: what it means, what is allowed, and its value as text."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from adapters.api import EMBEDDED
from adapters.recipe import PRESETS
from socrates_errors import SettingsError
from socrates_tui.settings import SamplingSettings, Settings

SAMPLING = "sampling."
LABELS = {
    "sampling.temperature": "Temperature",
    "sampling.top_k": "Top k",
    "sampling.top_p": "Top p",
    "sampling.repetition_penalty": "Repetition penalty",
    "sampling.max_new_tokens": "Longest reply, tokens",
    "sampling.seed": "Seed, empty draws anew",
    "system_prompt": "System text",
    "preset": "Preset",
    "base": "Base",
    "theme": "Theme",
    "language": "Language",
}
"""Every setting, in the order in which they are shown."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def meaning(key: str) -> str:
    """Return the sentences that stand under the setting where it is defined."""
    return " ".join((_field(key).description or "").split())


def allowed(key: str) -> str:
    """Return what the setting may be."""
    kinds = get_args(_field(key).annotation) or (_field(key).annotation,)
    match key:
        case "base":
            return "embedded, a hub id such as google/gemma-2-2b-jpn-it, or a directory with a checkpoint"
        case "preset":
            return f"one of {', '.join(PRESETS)}"
        case "language":
            return "auto, en or ja"
        case "theme" | "system_prompt":
            return "any text"
    number = "a whole number" if int in kinds else "a number"
    return f"{number} {_bounds(_field(key).metadata)}{', or empty' if type(None) in kinds else ''}"


def text_of(settings: Settings, key: str) -> str:
    """Return the value of a setting as it is written; empty for none."""
    value = (
        getattr(settings.sampling, key.removeprefix(SAMPLING)) if key.startswith(SAMPLING) else getattr(settings, key)
    )
    return "" if value is None else str(value)


def with_text(settings: Settings, key: str, text: str) -> Settings:
    """Return ``settings`` with another value of ``key``; SettingsError where it is not allowed, and what is."""
    try:
        value = _value(key, text.strip())
        if key.startswith(SAMPLING):
            return settings.with_changes(sampling={key.removeprefix(SAMPLING): value})
        return settings.with_changes(**{key: value})
    except (ValueError, SettingsError) as error:
        said = f"{text.strip()!r} is not" if text.strip() else "it is empty"
        raise SettingsError(f"{LABELS[key].partition(',')[0]} must be {allowed(key)}; {said}.") from error


def _value(key: str, text: str) -> Any:
    """Return what is written, in the setting's type; ValueError where it cannot be that."""
    kinds = get_args(_field(key).annotation) or (_field(key).annotation,)
    if key == "base" and not _may_be_base(text):
        raise ValueError(text)
    if type(None) in kinds and not text:
        return None
    return int(text) if int in kinds else float(text) if float in kinds else text


def _may_be_base(text: str) -> bool:
    """Say whether ``text`` has the form of a base; whether it is one shows when it is loaded."""
    return text == EMBEDDED or bool(_HUB_ID.fullmatch(text)) or (Path(text).expanduser() / "config.json").is_file()


def _field(key: str) -> FieldInfo:
    if key.startswith(SAMPLING):
        return SamplingSettings.model_fields[key.removeprefix(SAMPLING)]
    return Settings.model_fields[key]


def _bounds(metadata: Iterable[Any]) -> str:
    """Return the bounds of a number in words."""
    told = {
        name: getattr(bound, name) for bound in metadata for name in ("ge", "gt", "le", "lt") if hasattr(bound, name)
    }
    most = told.get("le", told["lt"] - 1 if "lt" in told else None)
    if "gt" in told:
        return f"above {told['gt']} and up to {most}"
    return f"from {told['ge']} on" if most is None else f"from {told['ge']} to {most}"
