"""The language of what a person reads: English in the code, others in catalogs. It imports nothing of ours.

A sentence is written ``tr("… {name} …").format(name=…)``, never as an f-string, so that a catalog can hold it; a
constant is ``marked("…")`` and translated by ``tr`` where it is shown; what a binding says of itself, and what a
setting means, are found without. `make language` brings the catalogs up to date.
"""

import gettext
import os
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = ("en", "ja")
VARIABLE = "SOCRATES_LANGUAGE"
"""The environment variable that holds the language, so that a child process has its parent's."""

CATALOGS = Path(__file__).parent
_catalog = gettext.NullTranslations()


def use(language: str) -> None:
    """Speak ``language``, one of LANGUAGES, from now on; what is on the screen already stays."""
    global _catalog  # noqa: PLW0603
    _catalog = gettext.translation("socrates", CATALOGS, [language], fallback=True)
    os.environ[VARIABLE] = language


def of_locale(environment: Mapping[str, str]) -> str:
    """Return the one of LANGUAGES that VARIABLE or else a POSIX locale asks for."""
    names = (VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")
    asked = next((environment[name] for name in names if environment.get(name)), "")
    return "ja" if asked.startswith("ja") else "en"


def tr(text: str) -> str:
    """Return ``text`` in the language that is spoken."""
    return _catalog.gettext(text) if text else ""


def marked(text: str) -> str:
    """Return ``text`` as it is; it marks what is to be translated later."""
    return text


def ngettext(one: str, many: str, number: int) -> str:
    """Return the form that fits ``number``, in the language that is spoken."""
    return _catalog.ngettext(one, many, number)


if VARIABLE in os.environ:
    use(os.environ[VARIABLE])
