"""Versions side by side on standard output: a table on a terminal, aligned plain lines elsewhere."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from corpus.picks import Tally
from socrates_tui.plain_text import plain

NOTHING = "–"
FIGURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "held-out loss": lambda told: _loss(told["held_out_loss"], told["interval"]),
    "held-out examples": lambda told: _plain(told["held_out_examples"]),
    "pairs told apart": lambda told: _share(told["pair_accuracy"], told["pairs"]),
    "chrF of replies": lambda told: _plain(told["chrf"], ".1f"),
    "replies": lambda told: _plain(told["replies"]),
    "empty": lambda told: _plain(told["empty"]),
    "going in circles": lambda told: _plain(told["repeating"]),
    "ending in a question": lambda told: _plain(told["questions"]),
    "loss on neutral texts": lambda told: _plain(told["neutral_loss"], ".3f"),
}
"""What was measured of a version (``adapters.figures.Record.told``), for a reader."""


def figure_rows(told: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return a row for each figure that is known of any version: its name, then a value for each version."""
    rows = [[name, *(write(version) for version in told)] for name, write in FIGURES.items()]
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
        return f"{second} and {first} were not measured on the same held-out examples."
    apart, interval = difference["loss_per_token"], difference["interval"]
    within = f", between {interval[0]:+.3f} and {interval[1]:+.3f} at 95 %" if interval else ", too few to tell"
    count = difference["examples"]
    return (
        f"{second} minus {first}: {apart:+.3f} on the same {count} held-out example{'' if count == 1 else 's'}{within}."
    )


def picks_sentence(first: str, second: str, tally: Tally | None) -> str:
    """Say how often the second's reply was picked over the first's; nothing where none was."""
    if tally is None or tally == Tally():
        return ""
    neither = f"{_times(tally.neither)} neither"
    if tally.interval is None:
        return f"Of {second} and {first}, {neither} was picked."
    low, high = tally.interval
    share = f"{tally.share:.0%}, between {low:.0%} and {high:.0%} at 95 %"
    besides = f", {neither}" if tally.neither else ""
    return f"{second} was picked {tally.won} of {_times(tally.decided)} over {first} ({share}){besides}."


def _times(count: int) -> str:
    return f"{count:,} time{'' if count == 1 else 's'}"


def _plain(value: Any, form: str = "") -> str:
    return NOTHING if value is None else format(value, form)


def _loss(loss: float | None, interval: Sequence[float] | None) -> str:
    return _plain(loss, ".3f") + (f" ({interval[0]:.3f} to {interval[1]:.3f})" if interval else "")


def _share(share: float | None, count: int | None) -> str:
    return NOTHING if share is None else f"{share:.0%} of {count}"
