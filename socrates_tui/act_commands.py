"""`socrates corpus`: the acts of curation, the twins of those of the app. What they do is corpus.store's."""

import sys
from dataclasses import asdict, replace
from typing import Annotated

import typer

from corpus.database import LARGEST
from corpus.filters import EVERYTHING, Filter
from corpus.records import Act
from corpus.store import Corpus
from socrates_errors import CorpusError
from socrates_tui.act_sentences import act_sentence, counted
from socrates_tui.filter_options import approvable, takes_filter
from socrates_tui.invocation import Json, TurnId, corpus_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain

app = typer.Typer()


ConversationId = Annotated[
    int, typer.Argument(metavar="CONVERSATION", min=0, max=LARGEST, help="Its number, from `list --conversations`.")
]
TurnIds = Annotated[
    list[int], typer.Argument(metavar="TURN", min=0, max=LARGEST, help="Numbers of turns, from `list` or `search`.")
]
OptionalTurnIds = Annotated[
    list[int] | None,
    typer.Argument(metavar="TURN", min=0, max=LARGEST, help="Numbers of turns; none where options choose them."),
]
Search = Annotated[
    str | None, typer.Option("--search", metavar="TEXT", callback=valid_text, help="Only turns with these words.")
]
TagName = Annotated[str, typer.Argument(metavar="TAG", callback=valid_text, help="A short name of your own.")]


@app.command()
def rewrite(
    ctx: typer.Context,
    turn: TurnId,
    text: Annotated[str, typer.Argument(help="What the reply should have been; - reads standard input.")] = "-",
    *,
    answer: Annotated[
        str | None,
        typer.Option(metavar="V", help="The turn is pinned: rewrite what this version answered, in a turn of its own."),
    ] = None,
    json: Json = False,
) -> None:
    """Keep what the reply of a turn should have been."""
    with corpus_of(ctx) as corpus:
        written = _standard_input() if text == "-" else text
        if answer is None:
            _print_act(corpus.rewrite(turn, written), json)
            return
        kept = corpus.rewrite_pin(turn, answer, written)
    if json:
        print_json({"turn": asdict(kept)})
    else:
        typer.echo(plain(f"Kept as turn {kept.id} what {answer} should have answered."))


@app.command()
@takes_filter()
def approve(
    ctx: typer.Context, wanted: Filter, turns: OptionalTurnIds = None, search: Search = None, json: Json = False
) -> None:
    """Approve the replies of turns as they are. Options choose unreviewed turns, unless --verdict says otherwise."""
    if wanted != EVERYTHING or search:
        wanted = approvable(wanted)
    with corpus_of(ctx) as corpus:
        _print_act(corpus.approve(*_chosen(corpus, turns, wanted, search)), json)


@app.command()
@takes_filter()
def drop(
    ctx: typer.Context, wanted: Filter, turns: OptionalTurnIds = None, search: Search = None, json: Json = False
) -> None:
    """Leave turns out of training and out of the context of later turns."""
    with corpus_of(ctx) as corpus:
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
    with corpus_of(ctx) as corpus:
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
    with corpus_of(ctx) as corpus:
        _print_act(corpus.untag(name, *_chosen(corpus, turns, wanted, search)), json)


@app.command()
def note(
    ctx: typer.Context,
    turn: TurnId,
    text: Annotated[str, typer.Argument(help="What to remember of the turn; - reads standard input.")],
    json: Json = False,
) -> None:
    """Keep a note on a turn; an empty one takes it away."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.note(turn, _standard_input() if text == "-" else text), json)


@app.command()
def rename(
    ctx: typer.Context,
    conversation: ConversationId,
    title: Annotated[str, typer.Argument(callback=valid_text)],
    json: Json = False,
) -> None:
    """Give a conversation another title."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.rename_conversation(conversation, title), json, nothing="It has that title already.")


@app.command()
def system(
    ctx: typer.Context,
    conversation: ConversationId,
    text: Annotated[str, typer.Argument(callback=valid_text)],
    json: Json = False,
) -> None:
    """Set the system text of a conversation; an empty one takes it away."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.set_system(conversation, text), json, nothing="It has that system text already.")


@app.command()
def archive(ctx: typer.Context, conversation: ConversationId, json: Json = False) -> None:
    """Put a conversation out of sight; what was taught in it counts as before."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.archive(conversation), json, nothing="It is archived already.")


@app.command()
def unarchive(ctx: typer.Context, conversation: ConversationId, json: Json = False) -> None:
    """List an archived conversation again."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.unarchive(conversation), json, nothing="It is listed already.")


@app.command()
def fork(ctx: typer.Context, turn: TurnId, json: Json = False) -> None:
    """Begin a conversation with copies of the turns up to this one, which nobody has judged yet."""
    with corpus_of(ctx) as corpus:
        made = corpus.fork(turn)
    if json:
        print_json({"conversation": asdict(made)})
    else:
        typer.echo(plain(f"Began conversation {made.id}: {made.title}"))


@app.command()
def pin(ctx: typer.Context, turns: TurnIds, json: Json = False) -> None:
    """Let every new version answer the prompts of turns again; `socrates versions pins` shows what they say."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.pin(*turns), json)


@app.command()
def unpin(ctx: typer.Context, turns: TurnIds, json: Json = False) -> None:
    """Take the pin from turns."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.unpin(*turns), json)


@app.command()
def undo(ctx: typer.Context, json: Json = False) -> None:
    """Take back the newest act."""
    with corpus_of(ctx) as corpus:
        _print_act(corpus.undo(), json, before="Took back: ", nothing="There is nothing to undo.")


@app.command()
def redo(ctx: typer.Context, json: Json = False) -> None:
    """Do again what was taken back last."""
    with corpus_of(ctx) as corpus:
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
    with corpus_of(ctx) as corpus:
        planned = corpus.plan_purge(wanted)
        if not planned.turns:
            raise CorpusError("There is nothing to purge: only dropped turns are, and none of them is like that.")
        picks = f" and {counted(planned.picks, 'pick')}" if planned.picks else ""
        sentence = (
            f"For ever: {counted(len(planned.turns), 'dropped turn')} with {counted(planned.rewrites, 'rewrite')}"
            f"{picks}, and {counted(planned.conversations, 'conversation')} of which nothing else is left."
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


def _print_act(act: Act | None, as_json: bool, *, before: str = "", nothing: str = "") -> None:
    if as_json:
        print_json({"act": None if act is None else asdict(act)})
    elif act is None:
        typer.echo(nothing)
    else:
        typer.echo(f"{before}{act_sentence(act)}")
