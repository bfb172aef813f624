"""`socrates corpus meter`: the style meter on a file of replies. What is measured is corpus.style's."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer
from rich.cells import set_cell_size

from socrates_errors import CorpusError
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

if TYPE_CHECKING:
    from corpus.formats import Unreadable

app = typer.Typer()

_DASH = Path("-")
_WIDTH = 40
"""Columns of a reply that are shown."""


@app.command()
def meter(
    file: Annotated[Path, typer.Argument(allow_dash=True, help="A file of JSON lines, or - for standard input.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document a line.")] = False,
) -> None:
    """Tell how much replies sound like Socrates, 0 to 100, and what would raise that most.

    Each line of the file is {"prompt": ..., "reply": ...}. Nothing is stored.
    """
    from corpus.formats import Unreadable
    from corpus.json_records import lines
    from corpus.style import measure

    broken = 0
    with _opened(file) as stream:
        for number, record in lines(stream):
            exchange = _exchange(record)
            if isinstance(exchange, Unreadable):
                broken += 1
                typer.echo(plain(f"Line {number} was not measured: {exchange.reason}"), err=True)
                continue
            style = measure(*exchange)
            if json:
                print_json({"score": style.score} | style.values)
            else:
                advice = f"  → {style.advice}" if style.advice else ""
                reply = set_cell_size(plain(" ".join(exchange[1].split())), _WIDTH)
                typer.echo(f"{style.score:>5.1f}  {reply}{advice}".rstrip())
    if broken:
        lines_are = "1 line was" if broken == 1 else f"{broken} lines were"
        raise CorpusError(f"{lines_are} not measured: mend what is named above, then measure again.")


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    if file == _DASH:
        yield typer.get_binary_stream("stdin")
        return
    try:
        stream = file.open("rb")
        stream.peek()  # a directory cannot be opened, a file on a failing disk can
    except OSError as error:
        raise CorpusError(f"{file} cannot be read ({error.strerror}): name a file that can.") from error
    with stream:
        yield stream


def _exchange(record: Any) -> "tuple[str, str] | Unreadable":
    """Return the prompt and the reply of a record."""
    from corpus.formats import Unreadable

    match record:
        case Unreadable():
            return record
        case {"prompt": str(prompt), "reply": str(reply)}:
            return prompt, reply
        case _:
            return Unreadable('It has no "prompt" and "reply", both texts: write {"prompt": "...", "reply": "..."}.')
