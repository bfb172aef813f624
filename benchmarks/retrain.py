"""From the key to the new version speaking, in the application, on a corpus of some examples. Prints one JSON line.

    python -m benchmarks.retrain --models DIR --data FILE [--examples 50]

The application runs in a pseudo-terminal in an empty home with the converted base. Each line of FILE is an examples
line and stands alone; about a sixth is held out, so that more lines are read than are trained on.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from adapters import terms
from adapters.registry import Registry
from benchmarks.experiments import read, write
from corpus.store import Corpus
from tests.terminal import Terminal

SOCRATES = [str(Path(sys.executable).with_name("socrates"))]
ENTER, CTRL_N, CTRL_Q, F5 = "\r", "\x0e", "\x11", "\x1b[15~"
PROMPT = "幸せとは何ですか？"


def home_with(directory: Path, models: Path, examples: list[dict[str, Any]], count: int) -> None:
    """Fill a home with the base and with as many examples as give ``count`` to train on."""
    directory.mkdir()
    (directory / "models").symlink_to(models.resolve())
    (directory / "config.toml").write_text("[sampling]\nseed = 7\nmax_new_tokens = 32\n")
    terms.accept(directory)
    for taken in range(count, len(examples)):
        named = [{"conversation": f"c{number}"} | example for number, example in enumerate(examples[:taken])]
        file = write(directory / "examples.jsonl", named)
        subprocess.run([*SOCRATES, "--home", str(directory), "corpus", "import", str(file)], check=True, stdout=2)
        with Corpus(directory / "corpus.db") as corpus:
            if corpus.count_examples("train") >= count:
                return


def main() -> None:
    """Press the key, wait, speak, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True, help="directory of converted bases")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--examples", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        home_with(home, arguments.models, read(arguments.data, 2 * arguments.examples), arguments.examples)
        environment = os.environ | {"TERM": "xterm-256color", "SOCRATES_HOME": str(home)}
        with Terminal(SOCRATES, environment) as terminal:
            terminal.wait_for("Ask, or answer", 60)
            terminal.press(PROMPT, ENTER)  # so that the base is loaded before the clock starts
            terminal.wait_for("not reviewed", 120)
            terminal.press(F5)
            terminal.wait_for("held out")
            began = time.perf_counter()
            terminal.press(ENTER)
            terminal.wait_for("embedded · v0001", 900)
            swapped = time.perf_counter()
            terminal.press(CTRL_N)
            terminal.wait_for("New conversation")
            terminal.press(PROMPT, ENTER)
            terminal.wait_for(lambda screen: "tok/s" in screen and "not reviewed" in screen, 120)
            spoken = time.perf_counter()
            terminal.press(CTRL_Q)
            terminal.wait_for_end(60)
        (version,) = Registry(home / "versions").versions()
        told = version.manifest
        print(
            json.dumps(
                {
                    "examples": told["corpus"]["examples"],
                    "tokens": told["corpus"]["tokens"],
                    "held_out": told["held_out"],
                    "key_to_active_s": round(swapped - began, 1),
                    "key_to_whole_reply_s": round(spoken - began, 1),
                    "steps_s": told["step_seconds"],
                    "run_s": told["seconds"],
                }
            )
        )


if __name__ == "__main__":
    main()
