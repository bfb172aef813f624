"""`socrates versions pins`: what versions answer to the pinned prompts."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from corpus.pins import Pin
from corpus.store import Corpus
from socrates_tui.invocation import Json, corpus_of, settings_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain


def pins(
    ctx: typer.Context,
    *,
    answer: Annotated[
        str | None, typer.Option(metavar="V", help="Let this version, or base, first answer what it has not answered.")
    ] = None,
    json: Json = False,
) -> None:
    """Show the pinned prompts with the newest answer and the one before; `socrates corpus pin TURN` pins one."""
    with corpus_of(ctx) as corpus:
        if answer is not None and corpus.pins():
            _let_answer(ctx, corpus, answer)
        found = corpus.pins()
    if json:
        print_json({"pins": [_told(pin) for pin in found]})
        return
    if not found:
        typer.echo("Nothing is pinned: `socrates corpus pin TURN` lets every new version answer a prompt again.")
    for pin in found:
        typer.echo(plain(f"{pin.turn.id}  {' '.join(pin.turn.prompt.split())}"))
        answers = [(found.version, found.reply) for found in pin.answers[:2]]
        for name, reply in reversed([*answers, ("the turn", pin.turn.text)][:2]):
            typer.echo(plain(f"  {name}: {' '.join(reply.split())}"))


def _told(pin: Pin) -> dict[str, Any]:
    """Return what JSON tells of a pinned prompt."""
    return {
        "turn": pin.turn.id,
        "prompt": pin.turn.prompt,
        "text": pin.turn.text,
        "answers": [asdict(found) for found in pin.answers],
    }


def _let_answer(ctx: typer.Context, corpus: Corpus, version: str) -> None:
    from socrates_tui.ask_command import engine_of
    from socrates_tui.pins import answer_pins

    longest = settings_of(ctx).sampling.max_new_tokens
    for _ in answer_pins(corpus, engine_of(ctx, version), version, longest):
        pass
