"""`socrates runs`: the history of the trainings, as the app shows it."""

import typer

from adapters.registry import Registry
from socrates_tui.invocation import Json, home_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain
from socrates_tui.runs import PastRun, course, past_runs


def runs(ctx: typer.Context, json: Json = False) -> None:
    """List the trainings that made a version, newest first: how they were made, and how they were judged."""
    found = past_runs(Registry(home_of(ctx).versions))
    if json:
        print_json({"runs": [run.told() for run in found]})
        return
    for run in found:
        typer.echo(plain(_line(run)))
        if run.reason:
            typer.echo(plain(f"    {run.reason}"))
    if not found:
        typer.echo("There was no training yet: `socrates train` begins one.")


def _line(run: PastRun) -> str:
    losses = ""
    if run.held_out_before is not None and run.held_out_after is not None:
        losses = f"held-out loss {run.held_out_before:.3f} -> {run.held_out_after:.3f}"
    mark = "*" if run.active else " "
    parts = [run.created[:16].replace("T", " "), *course(run), losses, run.judged if run.passed is not None else ""]
    return f"{mark} {run.version}  {', '.join(filter(None, parts))}"
