"""`socrates corpus`: the acts of the app on conversations and turns, as commands. What they do is corpus.store's."""

import re
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from corpus.database import LARGEST
from corpus.exporting import export_file
from corpus.filters import EVERYTHING, Filter
from corpus.formats import ExportFormat, ImportFormat, ImportVerdict
from corpus.importing import import_file
from corpus.records import Act, ActKind, Hit, Turn
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_tui.filter_options import takes_filter
from socrates_tui.invocation import home_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer(name="corpus", help="Conversations, rewrites and examples.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
File = Annotated[Path, typer.Argument(allow_dash=True, help="A file, or - for standard input or output.")]
TurnId = Annotated[
    int, typer.Argument(metavar="TURN", min=0, max=LARGEST, help="The number of a turn, from `list` or `search`.")
]
ConversationId = Annotated[
    int, typer.Argument(metavar="CONVERSATION", min=0, max=LARGEST, help="Its number, from `list --conversations`.")
]
OptionalTurnIds = Annotated[
    list[int] | None,
    typer.Argument(metavar="TURN", min=0, max=LARGEST, help="Numbers of turns; none where options choose them."),
]
Search = Annotated[
    str | None, typer.Option("--search", metavar="TEXT", callback=valid_text, help="Only turns with these words.")
]
TagName = Annotated[str, typer.Argument(metavar="TAG", callback=valid_text, help="A short name of your own.")]
Limit = Annotated[int, typer.Option(min=1, max=LARGEST, help="Most to print.")]
Offset = Annotated[int, typer.Option(min=0, max=LARGEST, help="How many of the newest to pass over.")]

_DONE: dict[ActKind, str] = {
    "approve": "Approved",
    "rewrite": "Rewrote",
    "drop": "Dropped",
    "tag": "Tagged",
    "untag": "Untagged",
    "note": "Noted",
    "rename": "Renamed",
    "system text": "Changed the system text of",
}
_NAMED = 20
"""So many turns of an act are named, more are counted."""
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
@takes_filter()
def list_(
    ctx: typer.Context,
    wanted: Filter,
    *,
    conversations: Annotated[bool, typer.Option("--conversations", help="List conversations, not turns.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """List turns, newest first."""
    with _corpus(ctx) as corpus:
        if not conversations:
            _print_turns(corpus.turns(wanted, limit=limit, offset=offset), json)
            return
        if wanted != EVERYTHING:
            raise typer.BadParameter("The options that choose turns do not choose conversations: leave them out.")
        threads = corpus.conversations(limit=min(limit + offset, LARGEST))[offset:]
    if json:
        print_json({"conversations": [asdict(thread) for thread in threads]})
        return
    for thread in threads:
        typer.echo(f"{thread.id:>6}  {thread.turns:>4} turns  {thread.split:<8}  {_start(thread.title)}")


@app.command()
@takes_filter()
def search(
    ctx: typer.Context,
    wanted: Filter,
    text: Annotated[str, typer.Argument(callback=valid_text, help="Words that prompt, reply or rewrite must contain.")],
    *,
    limit: Limit = 50,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """Find turns by their text, the best first among the newest."""
    with _corpus(ctx) as corpus:
        hits = corpus.search(text, wanted, limit=limit, offset=offset)
    if json:
        print_json({"turns": [asdict(hit.turn) | {"hits": _spans(hit)} for hit in hits]})
        return
    for hit in hits:
        typer.echo(f"{hit.turn.id:>6}  {hit.turn.verdict:<10}  {_start(hit.turn.prompt)}")
        for name, spans in _spans(hit).items():
            if spans:
                typer.echo(f"        {name:<10}  {_around(getattr(hit.turn, name), spans)}")


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
    if found.tags:
        typer.echo(plain(f"Tags: {', '.join(found.tags)}"))
    if found.note:
        typer.echo(plain(f"Note: {found.note}"))
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
@takes_filter()
def approve(
    ctx: typer.Context, wanted: Filter, turns: OptionalTurnIds = None, search: Search = None, json: Json = False
) -> None:
    """Approve the replies of turns as they are. Options choose unreviewed turns, unless --verdict says otherwise."""
    if wanted != EVERYTHING or search:
        wanted = replace(wanted, verdict=wanted.verdict or "unreviewed", min_length=max(1, wanted.min_length or 0))
    with _corpus(ctx) as corpus:
        _print_act(corpus.approve(*_chosen(corpus, turns, wanted, search)), json)


@app.command()
@takes_filter()
def drop(
    ctx: typer.Context, wanted: Filter, turns: OptionalTurnIds = None, search: Search = None, json: Json = False
) -> None:
    """Leave turns out of training and out of the context of later turns."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.drop(*_chosen(corpus, turns, wanted, search)), json)


@app.command()
@takes_filter(without=("tags",))
def tag(
    ctx: typer.Context,
    name: TagName,
    wanted: Filter,
    turns: OptionalTurnIds = None,
    *,
    search: Search = None,
    json: Json = False,
) -> None:
    """Give turns a tag."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.tag(name, *_chosen(corpus, turns, wanted, search)), json)


@app.command()
@takes_filter(without=("tags",))
def untag(
    ctx: typer.Context,
    name: TagName,
    wanted: Filter,
    turns: OptionalTurnIds = None,
    *,
    search: Search = None,
    json: Json = False,
) -> None:
    """Take a tag from turns; from all that have it where none are named."""
    if not turns:
        wanted = replace(wanted, tags=(name,))
    with _corpus(ctx) as corpus:
        _print_act(corpus.untag(name, *_chosen(corpus, turns, wanted, search)), json)


@app.command()
def note(
    ctx: typer.Context,
    turn: TurnId,
    text: Annotated[str, typer.Argument(help="What to remember of the turn; - reads standard input.")],
    json: Json = False,
) -> None:
    """Keep a note on a turn; an empty one takes it away."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.note(turn, _standard_input() if text == "-" else text), json)


@app.command()
def rename(
    ctx: typer.Context,
    conversation: ConversationId,
    title: Annotated[str, typer.Argument(callback=valid_text)],
    json: Json = False,
) -> None:
    """Give a conversation another title."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.rename_conversation(conversation, title), json, nothing="It has that title already.")


@app.command()
def system(
    ctx: typer.Context,
    conversation: ConversationId,
    text: Annotated[str, typer.Argument(callback=valid_text)],
    json: Json = False,
) -> None:
    """Set the system text of a conversation; an empty one takes it away."""
    with _corpus(ctx) as corpus:
        _print_act(corpus.set_system(conversation, text), json, nothing="It has that system text already.")


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
@takes_filter(without=("verdict",))
def purge(
    ctx: typer.Context,
    wanted: Filter,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Destroy dropped turns for ever. What will be removed is told first; nothing else destroys anything."""
    with _corpus(ctx) as corpus:
        planned = corpus.plan_purge(wanted)
        if not planned.turns:
            raise CorpusError("There is nothing to purge: only dropped turns are, and none of them is like that.")
        sentence = (
            f"For ever: {_counted(len(planned.turns), 'dropped turn')} with {_counted(planned.rewrites, 'rewrite')}, "
            f"and {_counted(planned.conversations, 'conversation')} of which nothing else is left."
        )
        if not yes:
            typer.echo(sentence, err=True)
            if not sys.stdin.isatty():
                raise CorpusError("Nothing was removed: say --yes to remove it.")
            typer.confirm("Remove them?", abort=True, err=True)
        corpus.purge(planned)
    if json:
        print_json({"purged": asdict(planned)})
    else:
        typer.echo(f"Removed {sentence[0].lower()}{sentence[1:]} Backups and trained versions keep what they have.")


@app.command()
def stats(ctx: typer.Context, json: Json = False) -> None:
    """Print the corpus in numbers, and how much of the replies had to be changed."""
    with _corpus(ctx) as corpus:
        found = corpus.stats()
    if json:
        print_json(found)
        return
    for name in ("conversations", "turns", "rewrites", "characters"):
        typer.echo(f"{name}: {found[name]}")
    for name in ("verdicts", "examples", "tokens"):
        typer.echo(f"{name}: " + ", ".join(f"{count} {part}" for part, count in found[name].items()))
    for tag, counts in found["tags"].items():
        typer.echo(plain(f"tag {tag}: {counts['turns']} turns, {counts['examples']} examples"))
    for name, figures in (found["versions"] | found["weeks"]).items():
        distance = figures["edit_distance"]
        edits = "" if distance is None else f", edit distance {distance:.2f}"
        typer.echo(plain(f"{name}: {figures['judged']} judged, {figures['untouched']:.0%} untouched{edits}"))


def _corpus(ctx: typer.Context) -> Corpus:
    return Corpus(home_of(ctx).database)


def _chosen(corpus: Corpus, turns: list[int] | None, wanted: Filter, search: str | None) -> list[int]:
    """Return the turns that are named, else those that the options choose."""
    by_option = wanted != EVERYTHING or bool(search)
    if bool(turns) == by_option:
        raise typer.BadParameter("Name turns by their numbers, or choose them by options: one of the two.")
    chosen = turns or corpus.matching(search or "", wanted)
    if not chosen:
        raise CorpusError("No turn is like that: `socrates corpus list` takes the same options and shows which are.")
    return chosen


def _standard_input() -> str:
    try:
        return typer.get_binary_stream("stdin").read().decode()
    except UnicodeDecodeError as error:
        raise CorpusError("Standard input is not UTF-8: give the text as UTF-8.") from error


def _print_turns(turns: list[Turn], as_json: bool) -> None:
    if as_json:
        print_json({"turns": [asdict(turn) for turn in turns]})
        return
    for turn in turns:
        tags = "".join(f"  #{plain(tag)}" for tag in turn.tags)
        typer.echo(f"{turn.id:>6}  {turn.verdict:<10}  {_start(turn.prompt)}  →  {_start(turn.text)}{tags}")


def _print_text(title: str, text: str) -> None:
    typer.echo(f"\n{title}:\n{plain(text)}")


def _print_act(act: Act | None, as_json: bool, *, before: str = "", nothing: str = "") -> None:
    if as_json:
        print_json({"act": None if act is None else asdict(act)})
    elif act is None:
        typer.echo(nothing)
    else:
        subject, ids = ("turn", act.turns) if act.turns else ("conversation", act.conversations)
        if len(ids) > _NAMED:
            named = _counted(len(ids), subject)
        else:
            named = f"{subject}{'s' if len(ids) > 1 else ''} {', '.join(map(str, ids))}"
        typer.echo(f"{before}{_DONE[act.kind]} {named}.")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _spans(hit: Hit) -> dict[str, tuple[tuple[int, int], ...]]:
    return {"prompt": hit.prompt, "reply": hit.reply, "rewrite": hit.rewrite}


def _around(text: str, spans: tuple[tuple[int, int], ...]) -> str:
    """Return the line's length of ``text`` about the first hit, the hits in bold."""
    start = max(0, spans[0][0] - _START // 4)
    end = start + _START
    pieces = ["…" if start else ""]
    at = start
    for first, last in spans:
        if first >= end:
            break
        pieces += [_line(text[at:first]), typer.style(_line(text[first:last]), bold=True)]
        at = last
    return "".join([*pieces, _line(text[at:end]), "…" if end < len(text) else ""])


def _line(text: str) -> str:
    return plain(re.sub(r"\s", " ", text))


def _start(text: str) -> str:
    line = plain(" ".join(text.split()))
    return line if len(line) <= _START else line[: _START - 1] + "…"
