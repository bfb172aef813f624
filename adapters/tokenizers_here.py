"""The tokenizer of a base that is on this machine already, found without torch. Loading the base is adapters.base's."""

import ctypes
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from adapters import embedded
from adapters.api import EMBEDDED
from adapters.encoding import Encoder
from socrates_errors import BaseUnavailableError
from socrates_language import tr


def encoder_here(base: str, models: Path) -> Encoder | None:
    """Return the encoder of ``base``; None where nothing of the base is here yet."""
    file = _file(base, models)
    return encoder_in(file) if file is not None and file.is_file() else None


@lru_cache(1)
def encoder_in(file: Path) -> Encoder:
    """Return the encoder of a tokenizer.json: the first time after about 1 s in which no other thread runs."""
    try:
        encoder = Encoder(Tokenizer.from_file(str(file)))
    except Exception as error:  # the library raises nothing narrower
        raise BaseUnavailableError(
            tr("The tokenizer {file} cannot be read ({error}): get its files again, or choose another --base.").format(
                file=file, error=error
            )
        ) from error
    with suppress(OSError, AttributeError):  # where the C library is another
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # of 290 MB that reading has taken, 96 are needed
    return encoder


def _file(base: str, models: Path) -> Path | None:
    if base == EMBEDDED:
        return models / embedded.DIRECTORY / "tokenizer.json"
    directory = Path(base).expanduser()
    if directory.is_dir():
        return directory / "tokenizer.json"
    from huggingface_hub import errors, try_to_load_from_cache

    try:
        found = try_to_load_from_cache(base, "tokenizer.json")
    except errors.HFValidationError:
        return None  # loading it says what is wrong with the name
    return Path(found) if isinstance(found, str) else None
