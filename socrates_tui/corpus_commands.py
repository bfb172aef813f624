"""`socrates corpus`: the acts of the app on conversations and turns, as commands. What they do is corpus.store's."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from corpus.database import LARGEST
from corpus.exporting import export_file
from corpus.formats import ExportFormat, ImportFormat, ImportVerdict
from corpus.importing import import_file
from corpus.records import Act, Turn, Verdict
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_tui.invocation import home_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer(name="corpus", help="Conversations, rewrites and examples.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
File = Annotated[Path, typer.Argument(allow_dash=True, help="A file, or - for standard input or output.")]
TurnId = Annotated[
    int, typer.Argument(metavar="TURN", min=0, max=LARGEST, help="The number of a turn, from `list` or `search`.")
]
TurnIds = Annotated[list[int], typer.Argument(metavar="TURN...", min=0, max=LARGEST, help="Numbers of turns.")]
OfVerdict = Annotated[Verdict | None, typer.Option("--verdict", help="Only turns of this verdict.")]
OfVersion = Annotated[
    str | None, typer.Option("--version", callback=valid_text, help="Only turns that this version spoke.")
]
OfConversation = Annotated[
    int | None, typer.Option("--conversation", min=0, max=LARGEST, help="Only turns of this conversation.")
]
Limit = Annotated[int, typer.Option(min=1, max=LARGEST, help="Most to print.")]
Offset = Annotated[int, typer.Option(min=0, max=LARGEST, help="How many of the newest to pass over.")]

_DONE = {"approve": "Approved", "rewrite": "Rewrote", "drop": "Dropped"}
_DASH = Path("-")
_START = 60
"""Characters of a text that a line of a list shows."""


@app.command("import")
def import_(
    ctx: typer.Context,
    file: File,
    format: Annotated[ImportFormat, typer.Option(help="How the exchanges are written.")] = "auto",
    verdict: Annotated[ImportVerdict, typer.Option(help="The verdict on imported replies.")] = "approved",
    json: Json = False,
) -> None:
    """Add the exchanges of a file: JSON lines or an array, of which what is known already is passed over."""
    with _corpus(ctx) as corpus:
        source = typer.get_binary_stream("stdin") if file == _DASH else file
        report = import_file(corpus, source, format=format, verdict=verdict)
    if json:
        print_json(asdict(report))
        return
    typer.echo(f"{report.turns} turns in {report.conversations} new conversations, {report.known} known already.")
    for refusal in report.refused:
        typer.echo(plain(f"Record {refusal.line} was refused: {refusal.reason}"), err=True)


@app.command("export")
def export(
    ctx: typer.Context,
    file: File,
    format: Annotated[ExportFormat, typer.Option(help="How the examples are written.")],
    split: Annotated[Literal["train", "held-out", "all"], typer.Option(help="Which examples.")] = "all",
    json: Json = False,
) -> None:
    """Write the approved and rewritten turns to a file."""
    with _corpus(ctx) as corpus:
        target = typer.get_binary_stream("stdout") if file == _DASH else file
        written = export_file(corpus, target, format=format, split=split)
    if file == _DASH:
        typer.get_binary_stream("stdout").flush()
    elif json:
        print_json({"examples": written})
    else:
        typer.echo(f"{written} examples.")


@app.command("list")
def list_(
    ctx: typer.Context,
    *,
    conversations: Annotated[bool, typer.Option("--conversations", help="List conversations, not turns.")] = False,
    verdict: OfVerdict = None,
    version: OfVersion = None,
    conversation: OfConversation = None,
    limit: Limit = 50,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """List turns, newest first."""
    with _corpus(ctx) as corpus:
        if not conversations:
            found = corpus.turns(
                verdict=verdict, version=version, conversation=conversation, limit=limit, offset=offset
            )
            _print_turns(found, json)
            return
        threads = corpus.conversations(limit=min(limit + offset, LARGEST))[offset:]
    if json:
        print_json({"conversations": [asdict(thread) for thread in threads]})
        return
    for thread in threads:
        typer.echo(f"{thread.id:>6}  {thread.turns:>4} turns  {thread.split:<8}  {_start(thread.title)}")


@app.command()
def search(
    ctx: typer.Context,
    text: Annotated[str, typer.Argument(callback=valid_text, help="Words that prompt, reply or rewrite must contain.")],
    *,
    verdict: OfVerdict = None,
    version: OfVersion = None,
    conversation: OfConversation = None,
    limit: Limit = 50,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """Find turns by their text, newest first."""
    with _corpus(ctx) as corpus:
        found = corpus.search(
            text, verdict=verdict, version=version, conversation=conversation, limit=limit, offset=offset
        )
        _print_turns(found, json)


@app.command()
def show(ctx: typer.Context, turn: TurnId, json: Json = False) -> None:
    """Print a turn whole, with every rewrite it had."""
    with _corpus(ctx) as corpus:
        found = corpus.turn(turn)
        rewrites = corpus.rewrites(turn)
        siblings = [sibling.id for sibling in corpus.siblings(turn) if sibling.id != turn]
        context = corpus.context(found.conversation, parent=found.parent)
    if json:
        print_json({"turn": asdict(found), "rewrites": rewrites, "siblings": siblings, "context": context})
        return
    typer.echo(
        plain(f"Turn {turn} of conversation {found.conversation}, {found.verdict}, {found.version or 'imported'}")
    )
    _print_text("Prompt", found.prompt)
    _print_text("Reply", found.reply)
    for text in rewrites:
        _print_text("Rewrite" if text == found.rewrite else "Earlier rewrite", text)
    if siblings:
        typer.echo(f"\nOther replies to the same prompt: {', '.join(map(str, siblings))}")


@app.command()
def rewrite(
    ctx: typer.Context,
    turn: TurnId,
    text: Annotated[str, typer.Argument(help="What the reply should have been; - reads standard input.")] = "-",
    json: Json = False,
) -> None:
    """Keep what the reply of a turn should have been."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.rewrite(turn, _standard_input() if text == "-" else text), json)


@app.command()
def approve(ctx: typer.Context, turns: TurnIds, json: Json = False) -> None:
    """Approve the replies of turns as they are."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.approve(*turns), json)


@app.command()
def drop(ctx: typer.Context, turns: TurnIds, json: Json = False) -> None:
    """Leave turns out of training and out of the context of later turns."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.drop(*turns), json)


@app.command()
def undo(ctx: typer.Context, json: Json = False) -> None:
    """Take back the newest act."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.undo(), json, before="Took back: ", nothing="There is nothing to undo.")


@app.command()
def redo(ctx: typer.Context, json: Json = False) -> None:
    """Do again what was taken back last."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.redo(), json, before="Did again: ", nothing="There is nothing to redo.")


@app.command()
def stats(ctx: typer.Context, json: Json = False) -> None:
    """Print the corpus in numbers."""
    with _corpus(ctx) as corpus:
        found = corpus.stats()
    if json:
        print_json(found)
        return
    for name in ("conversations", "turns", "rewrites", "characters"):
        typer.echo(f"{name}: {found[name]}")
    for name in ("verdicts", "examples"):
        typer.echo(f"{name}: " + ", ".join(f"{count} {part}" for part, count in found[name].items()))
    for version, figures in found["versions"].items():
        distance = figures["edit_distance"]
        edits = "" if distance is None else f", edit distance {distance:.2f}"
        typer.echo(plain(f"{version}: {figures['judged']} judged, {figures['untouched']:.0%} untouched{edits}"))


def _corpus(ctx: typer.Context) -> Corpus:
    return Corpus(home_of(ctx).database)


def _standard_input() -> str:
    try:
        return typer.get_binary_stream("stdin").read().decode()
    except UnicodeDecodeError as error:
        raise CorpusError("Standard input is not UTF-8: give the rewrite as UTF-8.") from error


def _print_turns(turns: list[Turn], as_json: bool) -> None:
    if as_json:
        print_json({"turns": [asdict(turn) for turn in turns]})
        return
    for turn in turns:
        typer.echo(f"{turn.id:>6}  {turn.verdict:<10}  {_start(turn.prompt)}  →  {_start(turn.text)}")


def _print_text(title: str, text: str) -> None:
    typer.echo(f"\n{title}:\n{plain(text)}")


def _print_act(act: Act | None, as_json: bool, *, before: str = "", nothing: str = "") -> None:
    if as_json:
        print_json({"act": None if act is None else asdict(act)})
    elif act is None:
        typer.echo(nothing)
    else:
        turns = f"turn{'s' if len(act.turns) > 1 else ''} {', '.join(map(str, act.turns))}"
        typer.echo(f"{before}{_DONE[act.kind]} {turns}.")


def _start(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= _START else line[: _START - 1] + "…"
