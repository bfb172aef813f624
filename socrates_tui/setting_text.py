"""A setting as a person reads and writes it: what it means, what is allowed, and its value as text."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

from pydantic.fields import FieldInfo

from adapters.api import EMBEDDED
from adapters.recipe import PRESETS
from socrates_errors import SettingsError
from socrates_language import marked, tr
from socrates_tui.settings import SamplingSettings, Settings

SAMPLING = "sampling."
LABELS = {
    "sampling.temperature": marked("Temperature"),
    "sampling.top_k": marked("Top k"),
    "sampling.top_p": marked("Top p"),
    "sampling.repetition_penalty": marked("Repetition penalty"),
    "sampling.max_new_tokens": marked("Longest reply, tokens"),
    "sampling.seed": marked("Seed, empty draws anew"),
    "system_prompt": marked("System text"),
    "preset": marked("Preset"),
    "base": marked("Base"),
    "review_order": marked("Order of the review"),
    "theme": marked("Theme"),
    "tour": marked("Tour"),
    "language": marked("Language"),
}
"""Every setting, in the order in which they are shown."""

TRUTHS = {"true": True, "false": False}
"""As TOML writes them."""

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def meaning(key: str) -> str:
    """Return the sentences that stand under the setting where it is defined."""
    return " ".join((_field(key).description or "").split())


def allowed(key: str) -> str:
    """Return what the setting may be."""
    kinds = get_args(_field(key).annotation) or (_field(key).annotation,)
    match key:
        case "base":
            return tr("embedded, a hub id such as google/gemma-2-2b-jpn-it, or a directory with a checkpoint")
        case "preset":
            return tr("one of {names}").format(names=", ".join(PRESETS))
        case "review_order":
            return tr("meter, loss or disagreement")
        case "language":
            return tr("auto, en or ja")
        case "tour":
            return tr("true or false")
        case "theme" | "system_prompt":
            return tr("any text")
    number = _number(_field(key).metadata, whole=int in kinds)
    return tr("{number}, or empty").format(number=number) if type(None) in kinds else number


def text_of(settings: Settings, key: str) -> str:
    """Return the value of a setting as it is written; empty for none."""
    value = (
        getattr(settings.sampling, key.removeprefix(SAMPLING)) if key.startswith(SAMPLING) else getattr(settings, key)
    )
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def with_text(settings: Settings, key: str, text: str) -> Settings:
    """Return ``settings`` with another value of ``key``; SettingsError where it is not allowed, and what is."""
    try:
        value = _value(key, text.strip())
        if key.startswith(SAMPLING):
            return settings.with_changes(sampling={key.removeprefix(SAMPLING): value})
        return settings.with_changes(**{key: value})
    except (ValueError, SettingsError) as error:
        refused = tr("{setting} must be {allowed}; {text} is not.")
        empty = tr("{setting} must be {allowed}; it is empty.")
        setting, given = tr(LABELS[key]).partition(",")[0], text.strip()
        raise SettingsError(
            (refused if given else empty).format(setting=setting, allowed=allowed(key), text=repr(given))
        ) from error


def _value(key: str, text: str) -> Any:
    """Return what is written, in the setting's type; ValueError where it cannot be that."""
    kinds = get_args(_field(key).annotation) or (_field(key).annotation,)
    if key == "base" and not _may_be_base(text):
        raise ValueError(text)
    if type(None) in kinds and not text:
        return None
    if bool in kinds:
        if text not in TRUTHS:
            raise ValueError(text)
        return TRUTHS[text]
    return int(text) if int in kinds else float(text) if float in kinds else text


def _may_be_base(text: str) -> bool:
    """Say whether ``text`` has the form of a base; whether it is one shows when it is loaded."""
    return text == EMBEDDED or bool(_HUB_ID.fullmatch(text)) or (Path(text).expanduser() / "config.json").is_file()


def _field(key: str) -> FieldInfo:
    if key.startswith(SAMPLING):
        return SamplingSettings.model_fields[key.removeprefix(SAMPLING)]
    return Settings.model_fields[key]


def _number(metadata: Iterable[Any], *, whole: bool) -> str:
    """Return the bounds of a number in words."""
    told = {
        name: getattr(bound, name) for bound in metadata for name in ("ge", "gt", "le", "lt") if hasattr(bound, name)
    }
    most = told.get("le", told["lt"] - 1 if "lt" in told else None)
    if "gt" in told:
        return tr("a number above {least} and up to {most}").format(least=told["gt"], most=most)
    if most is None:
        return tr("a whole number from {least} on").format(least=told["ge"])
    words = tr("a whole number from {least} to {most}") if whole else tr("a number from {least} to {most}")
    return words.format(least=told["ge"], most=most)
