"""Versions side by side on standard output: a table on a terminal, aligned plain lines elsewhere."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpus.picks import Tally
from socrates_language import marked, ngettext, tr
from socrates_tui.plain_text import plain

NOTHING = "–"
FIGURES: dict[str, Callable[[dict[str, Any]], str]] = {
    marked("held-out loss"): lambda told: _loss(told["held_out_loss"], told["interval"]),
    marked("held-out examples"): lambda told: _plain(told["held_out_examples"]),
    marked("pairs told apart"): lambda told: _share(told["pair_accuracy"], told["pairs"]),
    marked("chrF of replies"): lambda told: _plain(told["chrf"], ".1f"),
    marked("replies"): lambda told: _plain(told["replies"]),
    marked("empty"): lambda told: _plain(told["empty"]),
    marked("going in circles"): lambda told: _plain(told["repeating"]),
    marked("ending in a question"): lambda told: _plain(told["questions"]),
    marked("loss on neutral texts"): lambda told: _plain(told["neutral_loss"], ".3f"),
}
"""What was measured of a version (``adapters.figures.Record.told``), for a reader."""


def figure_rows(told: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return a row for each figure that is known of any version: its name, then a value for each version."""
    rows = [[tr(name), *(write(version) for version in told)] for name, write in FIGURES.items()]
    return [row for row in rows if set(row[1:]) != {NOTHING}]


def print_side_by_side(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print ``rows``, each a name and a value for each of the versions in ``head``."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD if terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in head:
        table.add_column(Text(plain(name)), overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain(value)) for value in row))
    console = Console(file=sys.stdout, width=None if terminal else 1000)
    with console.capture() as captured:
        console.print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines() if line.strip()))


def difference_sentence(first: str, second: str, difference: dict[str, Any] | None) -> str:
    """Say by how much the second's held-out loss differs from the first's."""
    if difference is None:
        return tr("{second} and {first} were not measured on the same held-out examples.").format(
            second=second, first=first
        )
    apart, interval = difference["loss_per_token"], difference["interval"]
    count = difference["examples"]
    told = {"second": second, "first": first, "apart": f"{apart:+.3f}", "number": count}
    if not interval:
        return ngettext(
            "{second} minus {first}: {apart} on the same {number} held-out example, too few to tell.",
            "{second} minus {first}: {apart} on the same {number} held-out examples, too few to tell.",
            count,
        ).format(**told)
    return ngettext(
        "{second} minus {first}: {apart} on the same {number} held-out example, between {low} and {high} at 95 %.",
        "{second} minus {first}: {apart} on the same {number} held-out examples, between {low} and {high} at 95 %.",
        count,
    ).format(**told, low=f"{interval[0]:+.3f}", high=f"{interval[1]:+.3f}")


def picks_sentence(first: str, second: str, tally: Tally | None) -> str:
    """Say how often the second's reply was picked over the first's; nothing where none was."""
    if tally is None or tally == Tally():
        return ""
    told: dict[str, Any] = {"second": second, "first": first, "neither": _times(tally.neither)}
    if tally.interval is None:
        return tr("Of {second} and {first}, {neither} neither was picked.").format(**told)
    low, high = tally.interval
    told |= {"won": tally.won, "times": _times(tally.decided), "share": f"{tally.share:.0%}"}
    told |= {"low": f"{low:.0%}", "high": f"{high:.0%}"}
    if not tally.neither:
        return tr(
            "{second} was picked {won} of {times} over {first} ({share}, between {low} and {high} at 95 %)."
        ).format(**told)
    return tr(
        "{second} was picked {won} of {times} over {first} ({share}, between {low} and {high} at 95 %), "
        "{neither} neither."
    ).format(**told)


def _times(count: int) -> str:
    return ngettext("{number} time", "{number} times", count).format(number=f"{count:,}")


def _plain(value: Any, form: str = "") -> str:
    return NOTHING if value is None else format(value, form)


def _loss(loss: float | None, interval: Sequence[float] | None) -> str:
    if loss is None or not interval:
        return _plain(loss, ".3f")
    return tr("{loss} ({low} to {high})").format(
        loss=f"{loss:.3f}", low=f"{interval[0]:.3f}", high=f"{interval[1]:.3f}"
    )


def _share(share: float | None, count: int | None) -> str:
    return NOTHING if share is None else tr("{share} of {count}").format(share=f"{share:.0%}", count=count)
