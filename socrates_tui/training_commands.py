"""`socrates train` and `socrates eval`: making a version and measuring versions, without the app."""

from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.api import BASE, Event
from adapters.recipe import Preset, recipe
from socrates_errors import SocratesError, TrainingError
from socrates_tui.invocation import LARGEST_SEED, home_of, loadable_base_of, settings_of, valid_text
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain
from socrates_tui.progress_line import ProgressLine
from socrates_tui.retraining import Retraining
from socrates_tui.side_by_side import figure_rows, print_side_by_side


def train(
    ctx: typer.Context,
    *,
    preset: Annotated[Preset | None, typer.Option(help="The recipe; else the settings'.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="How often each example is read, exactly.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_SEED, help="The same seed trains the same version.")
    ] = None,
    pair_weight: Annotated[
        float | None,
        typer.Option(min=0.0, max=10.0, help="How much a rejected reply is pushed away, beside learning its rewrite."),
    ] = None,
    no_activate: Annotated[bool, typer.Option("--no-activate", help="Leave the active version as it is.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Train though nothing is new, and activate though it is no better.")
    ] = False,
    title: Annotated[str, typer.Option(callback=valid_text, help="The new version's title.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line for each event.")] = False,
) -> None:
    """Train a version on everything approved and rewritten, and activate it unless it is worse."""
    home, show = home_of(ctx), print_json if json else _Story()
    try:
        base, named = loadable_base_of(ctx), preset or settings_of(ctx).preset
    except SocratesError as error:  # such as terms that are not accepted, or settings that cannot be read
        show({"event": "refused", "reason": str(error)})
        raise
    registry = home.registry()
    chosen = recipe(named, epochs=epochs, seed=seed, pair_weight=pair_weight)
    retraining = Retraining(home, base, registry, chosen, title=title, force=force)
    event: Event = {}
    try:
        for event in retraining.events():
            if event["event"] == "published":
                active = (event["better"] or force) and not no_activate
                if active:
                    registry.activate(event["version"])
                event["active"] = active
            show(event)
    except SocratesError as error:
        show({"event": "failed", "reason": str(error), "cancelled": False})
        raise
    except KeyboardInterrupt:
        if event.get("event") != "published":
            event = {"event": "failed", "reason": "The run was cancelled; nothing was changed.", "cancelled": True}
            show(event)
    if event.get("cancelled"):
        raise typer.Exit(130)
    if event["event"] != "published":
        raise TrainingError(event["reason"])


class _Story:
    """Tells a run's events to a reader: what will stay on standard output, the moment's progress on standard error."""

    def __init__(self) -> None:
        self._progress = ProgressLine()

    def __call__(self, event: Event) -> None:
        if event["event"] == "step":
            detail = f", loss {event['loss']:.3f}, about {event['seconds_left']:.0f} s left"
            self._progress("Training", event["step"] / event["steps"], detail)
            return
        self._progress.clear()
        if evaluation := event.get("evaluation"):
            versions = evaluation["versions"]
            print_side_by_side([told["version"] for told in versions], figure_rows(versions))
        sentence = _sentence(event)
        if sentence:
            typer.echo(plain(sentence))
        if event["event"] == "preflight" and event["ready"]:
            self._progress("Preparing", None)
        if event["event"] == "evaluated" and event["last"]:
            self._progress("Judging", None)


def _sentence(event: Event) -> str:
    """Return what a reader is told of an event; nothing where the error's sentence will tell it."""
    match event["event"]:
        case "preflight" if event["ready"]:
            return str(event["sentence"])
        case "started":
            return f"{event['tokens']} tokens, {event['steps']} steps, on {event['device']}, from {event['parent']}."
        case "evaluated" if event["held_out_loss"] is not None:
            when = f"Epoch {event['epoch']}" if event["epoch"] else "Before"
            return f"{when}: held-out loss {event['held_out_loss']:.3f}."
        case "published":
            state = "is active" if event["active"] else "is kept; `socrates versions use` activates it"
            return f"{event['version']} {state}. {event['reason']}"
        case _:
            return ""


def eval_(
    ctx: typer.Context,
    data: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Examples, JSON lines with messages.")],
    version: Annotated[
        list[str] | None, typer.Option(help="A version, or base; may be given again. Else base and the active one.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure the loss per target token of versions on a file of examples."""
    home, base = home_of(ctx), loadable_base_of(ctx)
    registry = home.registry()
    versions = list(dict.fromkeys(version or [BASE, registry.active_for(base)]))
    from adapters.evaluation import evaluate_file

    result: dict[str, Any] = evaluate_file(home.models, base, registry, data, versions)
    if json:
        print_json(result)
        return
    for figures in result["versions"]:
        loss = "no example" if figures["loss_per_token"] is None else f"{figures['loss_per_token']:.4f}"
        typer.echo(
            f"{figures['version']:<8}{loss}  loss per token, {figures['examples']} examples, {figures['tokens']} tokens"
        )
