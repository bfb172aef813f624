"""A filter as words in one line, such as ``verdict:rewritten tag:友情 勇気``: the options of the command line."""

import re
from difflib import get_close_matches
from typing import Annotated

import typer
from typer.main import get_command

from corpus.filters import Filter
from socrates_errors import CorpusError
from socrates_language import marked, tr
from socrates_language.retold import retold
from socrates_tui.filter_options import takes_filter

_WORD = re.compile(r'(?:(?P<name>[a-z-]+):)?(?:"(?P<quoted>[^"]*)"|(?P<bare>\S*))')
_REFUSED = re.compile(r"Invalid value for '--([a-z-]+)'(?=:)|(?<=: )Value error, ")
"""What of a usage error speaks of options, or of how they are read."""
_REASONS = (
    marked("{value} is not one of {choices}."),
    marked("Input should be a valid integer, unable to parse string as an integer"),
    marked("Input should be greater than or equal to {least}"),
    marked("Input should be less than or equal to {most}"),
    marked("Give a date as 2026-11-24, or a moment as 2026-11-24T15:30."),
    marked("It is not valid Unicode: give it as UTF-8."),
)
"""What usage errors say of a value."""

_app = typer.Typer(add_completion=False)


@_app.command()
@takes_filter()
def _chosen(wanted: Filter, words: Annotated[list[str] | None, typer.Argument()] = None) -> tuple[Filter, str]:
    return wanted, " ".join(words or ())


_COMMAND = get_command(_app)
_FLAGS = {
    option.removeprefix("--")
    for parameter in _COMMAND.params
    if parameter.secondary_opts
    for option in (*parameter.opts, *parameter.secondary_opts)
}
NAMES = {
    option.removeprefix("--")
    for parameter in _COMMAND.params
    for option in parameter.opts
    if option.startswith("--") and option != "--help"
} - _FLAGS
"""What may stand before a colon."""


def filter_words(line: str) -> tuple[Filter, str]:
    """Return the filter that ``line`` says, and the text to search for; CorpusError where it cannot be understood.

    ``name:value`` is the option ``--name``; ``has-rewrite`` and ``no-rewrite`` stand alone; other words are text, and
    so is whatever stands in double quotes by itself.
    """
    options, text = [], []
    for found in _WORD.finditer(line):
        name, quoted, bare = found.group("name", "quoted", "bare")
        value = bare if quoted is None else quoted
        if name in NAMES:
            if not value:
                raise CorpusError(tr("{name}: needs a value behind the colon.").format(name=name))
            options.append(f"--{name}={value}")
        elif name is not None and (near := get_close_matches(name, NAMES, n=1, cutoff=0.75)):
            raise CorpusError(
                tr("There is no {name}: — write {near}: or put the word in double quotes.").format(
                    name=name, near=near[0]
                )
            )
        elif quoted is None and name is None and bare in _FLAGS:
            options.append(f"--{bare}")
        elif found.group():
            text.append(value if name is None else found.group())
    try:
        chosen: tuple[Filter, str] = _COMMAND.main([*options, "--", *text], standalone_mode=False)
    except typer.BadParameter as error:
        name, colon, reason = _REFUSED.sub(r"\1", error.format_message()).partition(": ")
        raise CorpusError(f"{name}{colon}{retold(reason, _REASONS)}") from error
    return chosen
