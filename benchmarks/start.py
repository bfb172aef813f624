"""Starting the app in a real terminal: first paint and ready to answer. Prints one JSON line.

    python benchmarks/start.py [--home DIR] [--repeat 5]

Needs a home whose base is converted already (run ``socrates --accept-gemma-terms ask hello`` once); without --home a
scratch one is made. The peer is the bare minimum: Python importing textual and painting an empty app.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.terminal import Terminal

ENTER, CTRL_N, CTRL_Q = "\r", "\x0e", "\x11"
EMPTY_APP = "from textual.app import App\nfrom textual.widgets import Label\nclass A(App):\n  def compose(self):\n" + (
    "    yield Label('painted')\nA().run()"
)


def environment(home: Path) -> dict[str, str]:
    """Return the environment of a person with a modern terminal."""
    return dict(os.environ) | {"SOCRATES_HOME": str(home), "TERM": "xterm-256color", "COLORTERM": "truecolor"}


def start(home: Path) -> tuple[float, float]:
    """Return the seconds from starting the process to its first paint, and to the first token of a reply."""
    with Terminal([str(Path(sys.executable).with_name("socrates"))], environment(home)) as terminal:
        terminal.wait_for("new example")
        painted = time.monotonic() - terminal.started
        terminal.press(CTRL_N)
        terminal.wait_for("New conversation")
        terminal.press("What is courage?", ENTER)
        terminal.wait_for("speaks …", 120)
        spoke = time.monotonic() - terminal.started
        terminal.press(CTRL_Q)
        terminal.wait_for_end(60)
        return painted, spoke


def peer() -> float:
    """Return the seconds that an empty textual app takes to its first paint."""
    with Terminal([sys.executable, "-c", EMPTY_APP], environment(Path("/nonexistent"))) as terminal:
        terminal.wait_for("painted")
        return time.monotonic() - terminal.started


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = arguments.home or Path(scratch)
        once = [sys.executable, "-m", "socrates_tui", "--accept-gemma-terms", "ask", "hello", "--max-new-tokens", "1"]
        subprocess.run(once, env=environment(home), check=True, capture_output=True)
        runs = [start(home) for _ in range(arguments.repeat)]
        print(
            json.dumps(
                {
                    "first_paint_s": round(statistics.median(painted for painted, _ in runs), 2),
                    "first_paint_worst_s": round(max(painted for painted, _ in runs), 2),
                    "first_token_s": round(statistics.median(spoke for _, spoke in runs), 2),
                    "first_token_worst_s": round(max(spoke for _, spoke in runs), 2),
                    "peer_empty_textual_app_paint_s": round(statistics.median(peer() for _ in range(5)), 2),
                }
            )
        )


if __name__ == "__main__":
    main()
