"""How long a key waits until it is drawn: idle, while a reply streams, while a run trains, and while both do.

    python -m benchmarks.keys [--home DIR] [--keys 200] [--columns 100] [--lines 30]

Prints one JSON line. The app runs in a real terminal with the embedded Gemma, speaks at length, and trains on F5; the
four situations of the same window are each other's peers. A key counts only if its situation holds before and after it.
The home is a scratch one, made by the program's own commands; the converted base of ``--home`` is used if given.
"""

import argparse
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.terminal import Terminal

EXAMPLES = Path(__file__).parents[1] / "corpus" / "starter" / "words-1.ja.jsonl"
PROMPTS = cycle(
    [
        "Tell me the whole life of Socrates, from his birth to his death, in many long paragraphs.",
        "Write a long story about a ship, its captain and its crew, in many chapters.",
        "Explain in great detail how bread, cheese and wine are made, one step after the other.",
    ]
)
TYPED = "".join(map(chr, [*range(0x561, 0x587), *range(0x10D0, 0x10F1)]))
"""Armenian and Georgian letters, which nothing else on the screen has."""
LINE = 30
"""Letters after which the prompt is emptied, long before one of them comes again."""
RHYTHM_S = (0.1, 0.2)
"""Least and longest time from an answer to the next key."""
PATIENCE_S = 300.0
"""The longest that a situation may take to come about, and its keys to be pressed."""
ENTER, F5, CTRL_U = "\r", "\x1b[15~", "\x15"
READY = re.compile(r"context \S*/\d")
STEP = re.compile(r"step [\d,]+ of [\d,]+")


def speaks(screen: str) -> bool:
    """Say whether a reply comes in: the last line tells how to stop it."""
    return "Stop" in screen.rpartition("\n")[2]


def trains(screen: str) -> bool:
    """Say whether a run takes its steps."""
    return STEP.search(screen) is not None and "Judging" not in screen and "is trained" not in screen


def prepare(home: Path, models: Path | None) -> dict[str, str]:
    """Make a home with examples and a base that speaks at length; return the environment to run in."""
    home.mkdir()
    if models is not None:
        (home / "models").symlink_to(models.resolve())
    own = {"SOCRATES_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment = dict(os.environ) | own
    for arguments in (
        ["settings", "set", "language", "en"],
        ["settings", "set", "sampling.max_new_tokens", "2000"],
        ["corpus", "import", str(EXAMPLES)],
        ["versions", "use", "base"],  # the starter has learnt to be brief
        ["--accept-gemma-terms", "ask", "hello", "--max-new-tokens", "1"],
    ):
        command = [sys.executable, "-m", "socrates_tui", *arguments]
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise SystemExit(f"`socrates {' '.join(arguments)}` failed: {ran.stderr.strip()}")
    return environment


def say(terminal: Terminal) -> None:
    """Ask for a long reply, and wait until it begins."""
    prompt = next(PROMPTS)
    terminal.press(CTRL_U)
    terminal.wait(0.5)
    terminal.press(prompt)
    terminal.wait_for(prompt[-20:])
    terminal.press(ENTER)
    terminal.wait_for(speaks, PATIENCE_S)
    terminal.wait(0.5)


def begin_training(terminal: Terminal) -> None:
    """Start a run from the app, and wait for its first step."""
    terminal.press(F5)
    terminal.wait_for("would learn from", PATIENCE_S)
    terminal.press(ENTER)
    terminal.wait_for(trains, PATIENCE_S)


def typed(
    terminal: Terminal, keys: int, holds: Callable[[str], bool], go_on: Callable[[Terminal], object]
) -> list[float]:
    """Type until ``keys`` were answered while the situation held; return their milliseconds.

    ``go_on`` brings the situation about again where it can be.
    """
    rhythm, letters = random.Random(5), cycle(TYPED)
    waits: list[float] = []
    ends = time.monotonic() + PATIENCE_S
    screen, pressed = terminal.text, 0
    while len(waits) < keys:
        if time.monotonic() > ends:
            raise SystemExit(f"Only {len(waits)} of {keys} keys could be pressed within {PATIENCE_S:.0f} s.")
        if not holds(screen):
            go_on(terminal)
            pressed = 0
        elif pressed % LINE == 0:
            terminal.press(CTRL_U)
            terminal.wait(0.5)
        before = holds(terminal.text)
        waited = terminal.answered_s(next(letters), PATIENCE_S)
        pressed += 1
        terminal.wait(rhythm.uniform(*RHYTHM_S))
        screen = terminal.text
        if before and holds(screen):
            waits.append(1000 * waited)
    terminal.press(CTRL_U)
    return waits


def ended(terminal: Terminal) -> None:
    """Say that a run is over, which cannot be brought about again."""
    raise SystemExit(f"The run ended before the keys were pressed; ask for fewer. The screen:\n{terminal.text}")


def told(waits: list[float]) -> dict[str, float]:
    """Return what is said of one situation's keys."""
    return {
        "keys": len(waits),
        "p50_ms": round(statistics.median(waits), 1),
        "p95_ms": round(statistics.quantiles(waits, n=20)[-1], 1),
        "worst_ms": round(max(waits), 1),
    }


def measured(terminal: Terminal, keys: int) -> dict[str, Any]:
    """Bring each situation about and type in it."""

    def speak_again(_terminal: Terminal) -> None:
        if training and not trains(terminal.text):
            ended(terminal)
        say(terminal)

    training = False
    terminal.wait_for(lambda screen: READY.search(screen) is not None, PATIENCE_S)
    terminal.wait(3)
    figures: dict[str, Any] = {}
    figures["idle"] = told(typed(terminal, keys, lambda screen: not speaks(screen), lambda _: terminal.wait(1)))
    figures["reply"] = told(typed(terminal, keys, speaks, speak_again))
    terminal.press("\x1b")  # stops the reply
    terminal.wait_for(lambda screen: not speaks(screen), PATIENCE_S)
    begin_training(terminal)
    training = True
    figures["run"] = told(typed(terminal, keys, lambda screen: trains(screen) and not speaks(screen), ended))
    figures["both"] = told(typed(terminal, keys, lambda screen: trains(screen) and speaks(screen), speak_again))
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--keys", type=int, default=200, help="in each situation")
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=30)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The measurement was ended."))  # and the app with it
    with tempfile.TemporaryDirectory() as scratch:
        environment = prepare(Path(scratch) / "home", arguments.home and arguments.home / "models")
        before = os.getloadavg()[0]
        command = [sys.executable, "-m", "socrates_tui"]
        with Terminal(command, environment, arguments.columns, arguments.lines) as terminal:
            try:
                figures = measured(terminal, arguments.keys)
            except AssertionError as error:
                raise SystemExit(str(error)) from error
    size = f"{arguments.columns}x{arguments.lines}"
    loads = [round(load, 2) for load in (before, os.getloadavg()[0])]
    machine = {"cores": os.cpu_count(), "load_before_and_after": loads, "terminal": size}
    print(json.dumps(machine | figures))


if __name__ == "__main__":
    main()
