"""`socrates corpus`: files in and out. What is in them is corpus.importing's and corpus.exporting's."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from corpus.exporting import export_file
from corpus.filters import Filter
from corpus.formats import ExportFormat, ImportFormat, ImportVerdict
from corpus.importing import import_file
from socrates_tui.filter_options import takes_filter
from socrates_tui.invocation import Json, corpus_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer()

File = Annotated[Path, typer.Argument(allow_dash=True, help="A file, or - for standard input or output.")]

_DASH = Path("-")


@app.command("import")
def import_(
    ctx: typer.Context,
    file: File,
    format: Annotated[ImportFormat, typer.Option(help="How the exchanges are written.")] = "auto",
    verdict: Annotated[ImportVerdict, typer.Option(help="The verdict on imported replies.")] = "approved",
    json: Json = False,
) -> None:
    """Add the exchanges of a file, of which what is known already is passed over.

    JSON lines, a JSON array, CSV and parquet are told apart by themselves; `--format` says what the records are like.
    """
    with corpus_of(ctx) as corpus:
        source = typer.get_binary_stream("stdin") if file == _DASH else file
        report = import_file(corpus, source, format=format, verdict=verdict)
    if json:
        print_json(asdict(report))
        return
    typer.echo(f"{report.turns} turns in {report.conversations} new conversations, {report.known} known already.")
    for refusal in report.refused:
        typer.echo(plain(f"Record {refusal.line} was refused: {refusal.reason}"), err=True)


@app.command("export")
@takes_filter(without=("split",))
def export(
    ctx: typer.Context,
    wanted: Filter,
    file: File,
    *,
    format: Annotated[ExportFormat, typer.Option(help="How the examples are written.")],
    split: Annotated[Literal["train", "held-out", "all"], typer.Option(help="Which examples.")] = "all",
    json: Json = False,
) -> None:
    """Write the approved and rewritten turns to a file; options choose among them."""
    with corpus_of(ctx) as corpus:
        target = typer.get_binary_stream("stdout") if file == _DASH else file
        chosen = replace(wanted, split=None if split == "all" else split)
        written = export_file(corpus, target, format=format, wanted=chosen)
    if file == _DASH:
        typer.get_binary_stream("stdout").flush()
    elif json:
        print_json({"examples": written})
    else:
        typer.echo(f"{written} examples.")
