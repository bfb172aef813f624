"""What the options before the command chose, for the commands to ask."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from adapters import terms
from adapters.api import EMBEDDED
from corpus.database import LARGEST
from corpus.store import Corpus
from socrates_errors import BaseUnavailableError
from socrates_language import tr
from socrates_tui.home import Home

if TYPE_CHECKING:
    from socrates_tui.settings import Settings

LARGEST_SEED = 2**32 - 1
"""As in the settings."""

BASE_OPTION = "socrates.base"
"""Where ``ctx.meta`` keeps what ``--base`` said."""


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
TurnId = Annotated[
    int, typer.Argument(metavar="TURN", min=0, max=LARGEST, help="The number of a turn, from `list` or `search`.")
]


def valid_text(given: str | None) -> str | None:
    """Return an argument that is text; what the shell passed on as other bytes is a usage error."""
    try:
        (given or "").encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter("It is not valid Unicode: give it as UTF-8.") from error
    return given


def home_of(ctx: typer.Context) -> Home:
    """Return the open home."""
    return cast("Home", ctx.obj)


def corpus_of(ctx: typer.Context) -> Corpus:
    """Return the home's corpus, for the caller to close."""
    return Corpus(home_of(ctx).database)


def settings_of(ctx: typer.Context) -> "Settings":
    """Return the home's settings."""
    from socrates_tui.settings import Settings

    return Settings.load(home_of(ctx).config)


def base_of(ctx: typer.Context) -> str:
    """Return the base that ``--base`` named, else the settings'; a directory by its full path."""
    base = cast("str | None", ctx.meta.get(BASE_OPTION)) or settings_of(ctx).base
    directory = Path(base).expanduser()
    return str(directory.resolve()) if base != EMBEDDED and directory.is_dir() else base


def loadable_base_of(ctx: typer.Context) -> str:
    """Return the base of this command, which loads it; raise if its terms are not accepted yet."""
    base = base_of(ctx)
    if terms.needed(base) and not terms.accepted(home_of(ctx).directory):
        raise BaseUnavailableError(
            tr(
                "The base {base} is Google's Gemma: read its terms (ai.google.dev/gemma/terms), then accept them once "
                "for this home: `socrates --accept-gemma-terms ...`, or SOCRATES_ACCEPT_GEMMA_TERMS=1."
            ).format(base=base)
        )
    return base
