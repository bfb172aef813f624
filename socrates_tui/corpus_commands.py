"""`socrates corpus`: looking at conversations and turns. Changing them is act_commands'."""

import re
from dataclasses import asdict
from functools import partial
from typing import Annotated

import typer

from corpus.database import LARGEST
from corpus.filters import EVERYTHING, Filter
from corpus.records import Hit, Turn
from socrates_tui import (
    act_commands,
    check_command,
    corpus_file_commands,
    keeping_commands,
    meter_command,
    review_commands,
)
from socrates_tui.filter_options import takes_filter
from socrates_tui.invocation import Json, TurnId, corpus_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain, plain_start

app = typer.Typer(name="corpus", help="Conversations, rewrites and examples.", no_args_is_help=True)
for _part in (
    corpus_file_commands,
    review_commands,
    act_commands,
    check_command,
    keeping_commands,
    meter_command,
):
    app.add_typer(_part.app)

Limit = Annotated[int, typer.Option(min=1, max=LARGEST, help="Most to print.")]
Offset = Annotated[int, typer.Option(min=0, max=LARGEST, help="How many of the newest to pass over.")]

_START = 60
"""Characters of a text that a line of a list shows."""
_start = partial(plain_start, most=_START)


@app.command("list")
@takes_filter()
def list_(
    ctx: typer.Context,
    wanted: Filter,
    *,
    conversations: Annotated[bool, typer.Option("--conversations", help="List conversations, not turns.")] = False,
    archived: Annotated[bool, typer.Option("--archived", help="With --conversations: the archived ones too.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    json: Json = False,
) -> None:
    """List turns, newest first."""
    with corpus_of(ctx) as corpus:
        if not conversations:
            _print_turns(corpus.turns(wanted, limit=limit, offset=offset), json)
            return
        if wanted != EVERYTHING:
            raise typer.BadParameter("The options that choose turns do not choose conversations: leave them out.")
        threads = corpus.conversations(archived=archived, limit=min(limit + offset, LARGEST))[offset:]
    if json:
        print_json({"conversations": [asdict(thread) for thread in threads]})
        return
    for thread in threads:
        mark = "  (archived)" if thread.archived else ""
        typer.echo(f"{thread.id:>6}  {thread.turns:>4} turns  {thread.split:<8}  {_start(thread.title)}{mark}")


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
    with corpus_of(ctx) as corpus:
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
    with corpus_of(ctx) as corpus:
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
def propose(ctx: typer.Context, turn: TurnId, json: Json = False) -> None:
    """Print small changes that could be made to what a turn says; none of them is made."""
    from socrates_tui.proposals import proposals

    with corpus_of(ctx) as corpus:
        found = proposals(corpus.turn(turn).text)
    if json:
        print_json({"proposals": [asdict(proposal) for proposal in found]})
        return
    for proposal in found:
        _print_text(proposal.name, proposal.text)
    if not found:
        typer.echo("There is nothing to propose: it tells nothing, and asks one question in his way.")


@app.command()
def stats(ctx: typer.Context, json: Json = False) -> None:
    """Print the corpus in numbers, and how much of the replies had to be changed."""
    with corpus_of(ctx) as corpus:
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


def _print_turns(turns: list[Turn], as_json: bool) -> None:
    if as_json:
        print_json({"turns": [asdict(turn) for turn in turns]})
        return
    for turn in turns:
        tags = "".join(f"  #{plain(tag)}" for tag in turn.tags)
        typer.echo(f"{turn.id:>6}  {turn.verdict:<10}  {_start(turn.prompt)}  →  {_start(turn.text)}{tags}")


def _print_text(title: str, text: str) -> None:
    typer.echo(f"\n{title}:\n{plain(text)}")


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
