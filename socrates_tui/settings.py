"""The settings in config.toml, typed and strict. What a key means stands under it."""

import tomllib
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from adapters.api import EMBEDDED, Sampling
from adapters.files import replace_text
from adapters.recipe import Preset
from socrates_errors import SettingsError
from socrates_language import tr
from socrates_tui.sitting import Order

SEEDS = 2**32
"""How many seeds there are; the first is 0."""


class SamplingSettings(BaseModel):
    """How a reply is drawn: the table [sampling]."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    temperature: float = Field(default=Sampling.temperature, ge=0, le=5)
    """How freely words are drawn; 0 always takes the likeliest."""
    top_k: int = Field(default=Sampling.top_k, ge=0)
    """Only so many of the likeliest tokens can be drawn; 0 lets all be."""
    top_p: float = Field(default=Sampling.top_p, gt=0, le=1)
    """Only the likeliest tokens that together have this probability can be drawn."""
    repetition_penalty: float = Field(default=Sampling.repetition_penalty, ge=1, le=2)
    """How strongly tokens already in the reply are held back; 1 is not at all."""
    max_new_tokens: int = Field(default=Sampling.max_new_tokens, ge=1, le=8192)
    """Where a reply is cut, at the latest."""
    seed: int | None = Field(default=None, ge=0, lt=SEEDS)
    """The same seed draws the same reply. Another reply to the same prompt is drawn with the next seed.

    Without a seed each reply is drawn anew.
    """

    def to_sampling(self) -> Sampling:
        """Return these settings as the engine takes them."""
        return Sampling(**self.model_dump())


class Settings(BaseModel):
    """Everything config.toml may hold."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    base: str = Field(default=EMBEDDED, min_length=1)
    """The model that is taught, from the next start on: embedded, a hub id of a Gemma 2 or 3, or a directory."""
    system_prompt: str = ""
    """The text under which new conversations are held."""
    preset: Preset = "default"
    """How versions are trained; F5 can take another for one training."""
    theme: str = "textual-dark"
    """The app's colours."""
    language: Literal["auto", "en", "ja"] = "auto"
    """The app's language, from the next start on: en, ja, or auto, which goes by the locale."""
    review_order: Order = "meter"
    """What the review shows first: meter, loss or disagreement; o in the review goes on to the next."""
    tour: bool = True
    """Whether a newcomer is told what to do next, above the prompt."""
    sampling: SamplingSettings = SamplingSettings()
    """How a reply is drawn."""

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read ``path``; a missing file means every default."""
        try:
            return cls._checked(tomllib.loads(path.read_text(encoding="utf-8")), path.name)
        except FileNotFoundError:
            return cls()
        except OSError as error:
            raise SettingsError(
                tr("{path} cannot be read ({trouble}): make it a file that you may read, or remove it.").format(
                    path=path, trouble=error.strerror
                )
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(tr("{path} is not TOML: {trouble}.").format(path=path, trouble=error)) from error

    def with_changes(self, **changes: Any) -> "Settings":
        """Return these settings with ``changes``; ``sampling`` may be a dict of the changed keys alone."""
        fields = self.model_dump()
        sampling = changes.pop("sampling", {})
        if isinstance(sampling, SamplingSettings):
            sampling = sampling.model_dump()
        fields["sampling"] |= sampling
        return self._checked(fields | changes, tr("The setting"))

    def save(self, path: Path) -> None:
        """Write what differs from the defaults, or from the file, into ``path``; its comments and order stay.

        Raises SettingsError where the file cannot be read or written.
        """
        try:
            self._save(path)
        except (OSError, ValueError) as error:
            raise SettingsError(
                tr("{path} cannot be written ({trouble}): mend or remove it, and set this again.").format(
                    path=path, trouble=error
                )
            ) from error

    def _save(self, path: Path) -> None:
        import tomlkit

        document = tomlkit.parse(path.read_text(encoding="utf-8") if path.is_file() else "")
        fields, defaults = self.model_dump(), Settings().model_dump()
        sampling, default_sampling = fields.pop("sampling"), defaults.pop("sampling")
        _write(document, fields, defaults)
        table = document.get("sampling", tomlkit.table())
        _write(table, sampling, default_sampling)
        if table and "sampling" not in document:
            document["sampling"] = table
        replace_text(path, tomlkit.dumps(document))

    @classmethod
    def _checked(cls, fields: dict[str, Any], source: str) -> "Settings":
        try:
            return cls.model_validate(fields)
        except ValidationError as error:
            raise SettingsError(f"{source}: {' '.join(map(_sentence, error.errors()))}") from error


def _write(table: Any, fields: dict[str, Any], defaults: dict[str, Any]) -> None:
    for key, value in fields.items():
        if value is None:
            table.pop(key, None)
        elif key in table:
            if table[key] != value:
                table[key] = value
        elif value != defaults[key]:
            table[key] = value


def _sentence(error: ErrorDetails) -> str:
    """Say what is wrong with one key."""
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        known = list(_keys())
        near = get_close_matches(key, known, n=1, cutoff=0.0)[0]
        return tr("{key} is no setting; the nearest is {near}.").format(key=key, near=near)
    trouble = f"{error['msg'][0].lower()}{error['msg'][1:]}"
    if isinstance(error["input"], dict):
        return f"{key}: {trouble}."
    return tr("{key}: {trouble} (it is {given}).").format(key=key, trouble=trouble, given=repr(error["input"]))


def _keys() -> Iterator[str]:
    for name in Settings.model_fields:
        if name != "sampling":
            yield name
    for name in cast("type[BaseModel]", SamplingSettings).model_fields:
        yield f"sampling.{name}"
