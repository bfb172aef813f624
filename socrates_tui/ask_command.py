"""`socrates ask`: one prompt and its reply, without the app. Nothing is stored."""

import sys
from dataclasses import asdict, replace
from typing import Annotated

import typer

from adapters.api import BASE, Chunk, Engine, Finished, Message, Sampling
from socrates_errors import VersionError
from socrates_tui.invocation import LARGEST_SEED, home_of, loadable_base_of, settings_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain
from socrates_tui.progress_line import ProgressLine


def ask(
    ctx: typer.Context,
    prompt: Annotated[str, typer.Argument(callback=valid_text, help="What is said to Socrates.", show_default=False)],
    *,
    version: Annotated[str | None, typer.Option(help="The version that replies, or base; else the active one.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_SEED, help="The same seed draws the same reply.")
    ] = None,
    greedy: Annotated[bool, typer.Option("--greedy", help="Always take the likeliest word.")] = False,
    max_new_tokens: Annotated[
        int | None, typer.Option(min=1, help="Longest reply, in tokens; at most the base's context.")
    ] = None,
    system: Annotated[
        str | None, typer.Option(callback=valid_text, help="The system text, in the place of the settings'.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document when the reply is whole.")] = False,
) -> None:
    """Ask once and print the reply as it comes; nothing is stored."""
    if not prompt.strip():
        raise typer.BadParameter("The prompt is empty: say something.", param_hint="PROMPT")
    settings = settings_of(ctx)
    sampling = settings.sampling.to_sampling()
    sampling = replace(
        sampling,
        seed=sampling.seed if seed is None else seed,
        temperature=0.0 if greedy else sampling.temperature,
        max_new_tokens=sampling.max_new_tokens if max_new_tokens is None else max_new_tokens,
    )
    engine = engine_of(ctx, version)
    room = engine.context_tokens
    if sampling.max_new_tokens > room:
        typer.echo(plain(f"The context of {engine.base} holds {room:,} tokens: no reply is longer."), err=True)
        sampling = replace(sampling, max_new_tokens=room)
    messages = conversation(prompt, settings.system_prompt if system is None else system)
    finished = speak(engine, messages, sampling, silent=json)
    if json:
        print_json(asdict(finished))


def conversation(prompt: str, system: str) -> list[Message]:
    """Return the messages that ask ``prompt``, under ``system`` if there is any."""
    messages: list[Message] = [{"role": "user", "content": prompt.strip()}]
    return [{"role": "system", "content": system.strip()}, *messages] if system.strip() else messages


def engine_of(ctx: typer.Context, version: str | None) -> Engine:
    """Load the base and put ``version`` on it; without one the active version, if it fits."""
    home, base = home_of(ctx), loadable_base_of(ctx)
    registry = home.registry()
    if version not in (None, BASE):
        registry.get(str(version))  # before the slow part
    from adapters.engine import load_engine

    progress = ProgressLine()
    try:
        engine: Engine = load_engine(home.models, base, registry, progress)
    finally:
        progress.clear()
    if version is not None:
        engine.use(version)
        return engine
    try:
        engine.use(registry.to_speak(base))
    except VersionError as error:
        typer.echo(plain(f"{error} The base speaks instead."), err=True)
    return engine


def speak(engine: Engine, messages: list[Message], sampling: Sampling, *, silent: bool) -> Finished:
    """Print the reply as it comes, unless ``silent``, and return its end."""
    terminal = sys.stdout.isatty()
    for piece in engine.reply(messages, sampling):
        match piece:
            case Chunk(text) if not silent:
                sys.stdout.write(plain(text) if terminal else text)
                sys.stdout.flush()
            case Finished():
                if not silent:
                    sys.stdout.write("\n")
                return piece
    raise AssertionError("an engine ends every reply with Finished")
