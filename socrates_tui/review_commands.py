"""`socrates corpus queue` and `weigh`: replies that nobody judged yet in the order of the review, and their losses."""

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer

from corpus.losses import Scales
from corpus.records import Turn
from socrates_tui.invocation import Json, base_of, corpus_of, home_of, settings_of
from socrates_tui.json_output import print_json
from socrates_tui.plain_text import plain_start
from socrates_tui.progress_line import ProgressLine
from socrates_tui.sitting import WINDOW, Figures, Order, Sitting
from socrates_tui.weighing import Weighed, scales_of, weigh

app = typer.Typer()

_start = partial(plain_start, most=40)


@app.command()
def queue(
    ctx: typer.Context,
    *,
    order: Annotated[
        Order | None, typer.Option(help="What comes first; without it, what the setting review_order says.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=WINDOW, help="Most to print.")] = 50,
    json: Json = False,
) -> None:
    """List the replies that nobody judged yet, those worth a minute first, with style, loss and disagreement."""
    registry, base = home_of(ctx).registry(), base_of(ctx)
    scales = scales_of(registry, base, registry.active_for(base))
    order = order or settings_of(ctx).review_order
    with corpus_of(ctx) as corpus:
        sitting = Sitting(corpus, lambda: scales, order)
        turns = sitting.queue()[:limit]
        found = list(zip(turns, sitting.figures(turns), strict=True))
        left, unweighed = sitting.left, sitting.unweighed
    if json:
        told = [_told(turn, figures) for turn, figures in found]
        print_json(
            {"order": order, "version": scales.version, "parent": scales.parent, "left": left, "unweighed": unweighed}
            | {"turns": told}
        )
        return
    if not found:
        typer.echo("Every reply is reviewed.")
        return
    typer.echo("  turn  style    loss  disagreement")
    for turn, figures in found:
        loss, disagreement = figures.weights
        columns = f"{turn.id:>6}  {figures.style:>5.0f}  {loss:>6}  {disagreement:>12}"
        typer.echo(f"{columns}  {_start(turn.prompt)} → {_start(turn.reply)}")
    if unweighed:
        typer.echo(
            f"{unweighed:,} of {left:,} not weighed by {_by(scales)}: `socrates corpus weigh` weighs them.", err=True
        )


@app.command("weigh")
def weigh_(ctx: typer.Context, json: Json = False) -> None:
    """Compute loss and disagreement of each reply that nobody judged yet, under the active version and its parent.

    It can be interrupted by Ctrl+C: what was computed is kept, and the next time goes on from there.
    """
    from socrates_tui.ask_command import engine_of

    weighed = Weighed(0, 0)
    engine = engine_of(ctx, None)
    scales = scales_of(home_of(ctx).registry(), engine.base, engine.version)
    progress = ProgressLine()
    try:
        with corpus_of(ctx) as corpus:
            for weighed in weigh(corpus, engine, scales):
                progress("Weighing", weighed.done / weighed.of, f"  {weighed.done:,} of {weighed.of:,}")
    finally:
        progress.clear()
    if json:
        told = {"weighed": weighed.done - weighed.too_long, "too_long": weighed.too_long}
        print_json({"version": scales.version, "parent": scales.parent} | told)
        return
    count = weighed.done - weighed.too_long
    typer.echo(f"Weighed {count:,} by {_by(scales)}: `socrates corpus queue --order loss` lists them.")
    if weighed.too_long:
        typer.echo(f"{weighed.too_long:,} longer than the context: they have no loss.")


def _told(turn: Turn, figures: Figures) -> dict[str, Any]:
    """Return what JSON tells of a reply."""
    loss = figures.loss
    return asdict(turn) | {
        "style": figures.style,
        "loss": None if loss is None else loss.loss,
        "disagreement": None if loss is None else loss.disagreement,
        "weighed_by": None if loss is None else [loss.scales.version, loss.scales.parent],
        "stale": figures.stale,
    }


def _by(scales: Scales) -> str:
    return scales.version if scales.version == scales.parent else f"{scales.version} and {scales.parent}"
