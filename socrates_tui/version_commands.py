"""`socrates versions`: the acts of the app on versions, as commands."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.api import BASE, Sampling
from adapters.registry import Registry, Version
from socrates_errors import VersionError
from socrates_tui import blind_command, pins_command
from socrates_tui.comparison import Comparison
from socrates_tui.invocation import Json, base_of, home_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain
from socrates_tui.side_by_side import print_side_by_side

app = typer.Typer(
    name="versions", help="Trained versions: list, switch, name, compare, carry.", invoke_without_command=True
)
app.command("blind")(blind_command.blind)
app.command("pins")(pins_command.pins)

Name = Annotated[str, typer.Argument(metavar="V", help="A version's name, such as v0001.", show_default=False)]
Text = Annotated[str, typer.Argument(callback=valid_text, show_default=False)]
NameOrBase = Annotated[str, typer.Argument(metavar="V", help="A version's name, or base.", show_default=False)]


@app.callback()
def versions(ctx: typer.Context, json: Json = False) -> None:
    """List, switch, name, compare and carry versions; without a command, list them."""
    if ctx.invoked_subcommand is None:
        list_(ctx, json)
    elif json:
        ctx.default_map = {ctx.invoked_subcommand: {"json": True}}


@app.command("list")
def list_(ctx: typer.Context, json: Json = False) -> None:
    """List the versions, oldest first; the active one is marked."""
    registry = _registry(ctx)
    active, found, damaged = registry.active, registry.versions(), registry.damaged()
    if json:
        print_json({"active": active, "versions": [_told(version, active) for version in found], "damaged": damaged})
        return
    typer.echo(f"{'*' if active == BASE else ' '} {BASE}")
    for version in found:
        loss = "" if version.held_out_loss is None else f"  held-out loss {version.held_out_loss:.3f}"
        mark = "*" if version.name == active else " "
        typer.echo(
            plain(
                f"{mark} {version.name}  {version.created[:16].replace('T', ' ')}  {version.examples} examples{loss}"
                f"  {version.base}  {version.title}"
            ).rstrip()
        )
    for name in damaged:
        typer.echo(f"! {name}  damaged: `socrates versions delete {name}` removes it")


@app.command()
def use(ctx: typer.Context, name: NameOrBase, json: Json = False) -> None:
    """Make a version the active one, or go back to the base."""
    registry = _registry(ctx)
    registry.activate(name)
    if json:
        print_json({"active": name})
        return
    typer.echo(f"{name} is active.")
    base = base_of(ctx)
    if name != BASE and registry.get(name).base != base:
        typer.echo(plain(f"It was trained on {registry.get(name).base}, and the base is {base} now."), err=True)


@app.command()
def rollback(ctx: typer.Context, json: Json = False) -> None:
    """Make the version active again that was active before; once more leads back."""
    before = _registry(ctx).before
    if before is None:
        raise VersionError("No version was active before: `socrates versions` lists those there are.")
    use(ctx, before, json)


@app.command()
def rename(ctx: typer.Context, name: Name, title: Text, json: Json = False) -> None:
    """Give a version another title; its name stays."""
    renamed = _registry(ctx).rename(name, title)
    _show(renamed, json, f"{name} is titled {renamed.title!r}.")


@app.command()
def note(ctx: typer.Context, name: Name, text: Text, json: Json = False) -> None:
    """Write a note beside a version, in the place of its earlier one."""
    _show(_registry(ctx).note(name, text), json, f"Noted beside {name}.")


@app.command()
def delete(ctx: typer.Context, name: Name, json: Json = False) -> None:
    """Remove a version for good; the active one and the parent of another stay."""
    _registry(ctx).delete(name)
    if json:
        print_json({"deleted": name})
    else:
        typer.echo(f"{name} is deleted.")


@app.command()
def export(
    ctx: typer.Context,
    name: Name,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.", show_default=False)],
    json: Json = False,
) -> None:
    """Copy a version into a directory that PEFT, and `import`, can read."""
    _registry(ctx).export_to(name, directory)
    if json:
        print_json({"version": name, "directory": str(directory)})
    else:
        typer.echo(plain(f"{name} is in {directory}."))


@app.command("import")
def import_(
    ctx: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A PEFT LoRA adapter.", show_default=False)],
    json: Json = False,
) -> None:
    """Take in an exported version, or another PEFT LoRA adapter, under a new name."""
    version = _registry(ctx).import_from(directory)
    _show(version, json, f"{version.name} is imported; `socrates versions use {version.name}` activates it.")


@app.command()
def compare(
    ctx: typer.Context,
    first: Annotated[str, typer.Argument(metavar="A", help="A version's name, or base.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another.", show_default=False)],
    prompt: Annotated[
        str | None, typer.Option(callback=valid_text, help="Also let both reply to this, greedily.")
    ] = None,
    json: Json = False,
) -> None:
    """Set two versions side by side: their figures and, with a prompt, their replies."""
    comparison = Comparison.of(_registry(ctx), home_of(ctx).database, first, second)
    replies = [] if prompt is None else _replies(ctx, comparison.names, prompt)
    if json:
        told = comparison.told()
        for side, reply in zip(told["versions"], replies, strict=False):
            side["reply"] = reply
        print_json(told)
        return
    print_side_by_side(comparison.names, comparison.rows)
    for sentence in comparison.sentences:
        typer.echo(sentence)
    for name, reply in zip(comparison.names, replies, strict=False):
        typer.echo(plain(f"\n{name}: {reply}"))


def _registry(ctx: typer.Context) -> Registry:
    return home_of(ctx).registry()


def _told(version: Version, active: str) -> dict[str, Any]:
    """Return what JSON tells of a version; the rest is in its version.json."""
    told = asdict(version)
    del told["manifest"]
    return told | {"directory": str(version.directory), "active": version.name == active}


def _show(version: Version, json: bool, sentence: str) -> None:
    if json:
        print_json({key: value for key, value in _told(version, "").items() if key != "active"})
    else:
        typer.echo(plain(sentence))


def _replies(ctx: typer.Context, names: Sequence[str], prompt: str) -> list[str]:
    from socrates_tui.ask_command import conversation, engine_of, speak
    from socrates_tui.invocation import settings_of

    settings = settings_of(ctx)
    sampling = Sampling(temperature=0.0, max_new_tokens=settings.sampling.max_new_tokens, seed=0)
    engine = engine_of(ctx, names[0])
    replies = []
    for name in names:
        engine.use(name)
        replies.append(speak(engine, conversation(prompt, settings.system_prompt), sampling, silent=True).reply)
    return replies
