"""`socrates versions blind`: two versions reply without their names, and one of the replies is picked."""

import sys
from dataclasses import replace
from typing import Annotated, cast

import typer

from adapters.api import Finished, Message
from corpus.database import LARGEST
from corpus.picks import Choice
from socrates_errors import SocratesError, VersionError
from socrates_tui.blind import SIDES, Question, Side
from socrates_tui.invocation import LARGEST_SEED, Json, base_of, corpus_of, settings_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain
from socrates_tui.side_by_side import picks_sentence

CHOICES: dict[str, Choice] = {"1": "left", "2": "right", "0": "neither"}


def blind(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="A version's name, or base.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.", show_default=False)],
    prompt: Annotated[
        str, typer.Argument(callback=valid_text, help="What both are asked; none with --turn.", show_default=False)
    ] = "",
    *,
    turn: Annotated[
        int | None, typer.Option(min=0, max=LARGEST, help="Ask the prompt of this turn, in its context.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=LARGEST_SEED, help="Both replies are drawn with it.")] = None,
    json: Json = False,
) -> None:
    """Show both replies without their names, ask which is better, and keep that; as JSON, tell all and keep nothing."""
    from socrates_tui.ask_command import engine_of

    if bool(prompt.strip()) == (turn is not None):
        raise typer.BadParameter("Give a prompt, or a turn by --turn: one of the two.", param_hint="PROMPT")
    if first == second:
        raise VersionError("A version cannot be told from itself: name two, or one and base.")
    if not json and not sys.stdin.isatty():
        raise SocratesError("Picking needs a terminal; --json prints both replies and keeps nothing.")
    settings = settings_of(ctx)
    sampling = settings.sampling.to_sampling()
    sampling = replace(sampling, seed=sampling.seed if seed is None else seed)
    messages = _messages(ctx, prompt, settings.system_prompt, turn)
    question = Question.put(messages, turn, (first, second), sampling)
    replies: dict[Side, str] = {}
    for side, item in question.ask(engine_of(ctx, question.versions[0])):
        if isinstance(item, Finished):
            replies[side] = item.reply
    if json:
        told = {side: {"version": version, "reply": replies[side]} for side, version in _sides(question)}
        print_json({"prompt": question.prompt, "seed": question.sampling.seed, **told})
        return
    for number, side in enumerate(SIDES, 1):
        typer.echo(plain(f"{number}: {replies[side]}\n"))
    chosen: Choice = typer.prompt("Which is better: 1, 2, or 0 for neither", value_proc=_choice)
    with corpus_of(ctx) as corpus:
        corpus.pick(question.pick(base_of(ctx), replies, chosen))
        tally = corpus.tallies(base_of(ctx)).get((second, first))
    typer.echo(f"1 was {question.versions[0]}, 2 was {question.versions[1]}.")
    typer.echo(picks_sentence(first, second, tally))


def _messages(ctx: typer.Context, prompt: str, system: str, turn: int | None) -> list[Message]:
    from socrates_tui.ask_command import conversation

    if turn is None:
        return conversation(prompt, system)
    with corpus_of(ctx) as corpus:
        found = corpus.turn(turn)
        context = cast("list[Message]", corpus.context(found.conversation, parent=found.parent))
    return [*context, Message(role="user", content=found.prompt)]


def _choice(typed: str) -> Choice:
    if typed.strip() not in CHOICES:
        raise typer.BadParameter("Say 1, 2 or 0.")
    return CHOICES[typed.strip()]


def _sides(question: Question) -> list[tuple[Side, str]]:
    return list(zip(SIDES, question.versions, strict=True))
