"""The options by which a command chooses turns, the same for all of them."""

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Annotated, Any, TypeVar

import typer

from corpus.database import LARGEST
from corpus.filters import Filter
from corpus.records import Split, Verdict
from socrates_tui.invocation import valid_text

Answer = TypeVar("Answer")


def _moment(given: str | None, *, day_s_end: bool = False) -> str | None:
    """Return a local date, or a date and time, as the corpus writes moments."""
    if given is None:
        return None
    try:
        moment = datetime.fromisoformat(given)
        if day_s_end and len(given) <= len("2026-11-24"):
            moment += timedelta(days=1)
        return moment.astimezone(UTC).isoformat(timespec="microseconds")
    except (OverflowError, ValueError) as error:
        raise typer.BadParameter("Give a date as 2026-11-24, or a moment as 2026-11-24T15:30.") from error


def _since(given: str | None) -> str | None:
    return _moment(given)


def _until(given: str | None) -> str | None:
    return _moment(given, day_s_end=True)


def _tags(given: list[str] | None) -> list[str] | None:
    for tag in given or ():
        valid_text(tag)
    return given


_OPTIONS: dict[str, Any] = {
    "verdict": Annotated[Verdict | None, typer.Option(help="Only turns of this verdict.")],
    "version": Annotated[
        str | None, typer.Option(callback=valid_text, metavar="V", help="Only turns that this version spoke.")
    ],
    "tags": Annotated[
        list[str] | None,
        typer.Option("--tag", callback=_tags, metavar="TAG", help="Only turns with this tag; with each, if repeated."),
    ],
    "conversation": Annotated[
        int | None, typer.Option(min=0, max=LARGEST, metavar="N", help="Only turns of this conversation.")
    ],
    "source": Annotated[
        str | None, typer.Option(callback=valid_text, metavar="FILE", help="Only turns of this file, or of `chat`.")
    ],
    "split": Annotated[Split | None, typer.Option(help="Only turns of this side.")],
    "since": Annotated[
        str | None, typer.Option(callback=_since, metavar="DATE", help="Only turns from this day or moment on.")
    ],
    "until": Annotated[
        str | None,
        typer.Option(callback=_until, metavar="DATE", help="Only turns up to this day, or before this moment."),
    ],
    "min_length": Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST, metavar="N", help="Only texts of at least so many characters."),
    ],
    "max_length": Annotated[
        int | None,
        typer.Option(min=0, max=LARGEST, metavar="N", help="Only texts of at most so many characters."),
    ],
    "has_rewrite": Annotated[
        bool | None, typer.Option("--has-rewrite/--no-rewrite", help="Only turns that ever had a rewrite, or never.")
    ],
}
assert _OPTIONS.keys() == {field.name for field in fields(Filter)}


def approvable(wanted: Filter) -> Filter:
    """Return which of the turns that a filter chooses are approved: the unreviewed, unless it names another verdict.

    An empty reply cannot be approved.
    """
    return replace(wanted, verdict=wanted.verdict or "unreviewed", min_length=max(1, wanted.min_length or 0))


def takes_filter(*, without: tuple[str, ...] = ()) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    """Give a command the options of a Filter, but those named; what is chosen it gets as ``wanted``."""

    def decorated(command: Callable[..., Answer]) -> Callable[..., Answer]:
        own = inspect.signature(command, eval_str=True)
        options = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
            for name, annotation in _OPTIONS.items()
            if name not in without
        ]
        names = {option.name for option in options}

        @wraps(command)
        def run(**given: Any) -> Answer:
            chosen = {name: given.pop(name) for name in names}
            chosen["tags"] = tuple(chosen.get("tags") or ())
            return command(wanted=Filter(**chosen), **given)

        kept = [parameter for name, parameter in own.parameters.items() if name != "wanted"]
        keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in kept]
        run.__signature__ = own.replace(parameters=[*keyword, *options])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*keyword, *options]}
        return run

    return decorated
