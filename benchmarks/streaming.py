"""What a reply that comes in costs on the screen, and how long a key waits meanwhile. Prints one JSON line.

    python benchmarks/streaming.py [--kind talk|paragraph|list|code] [--rate 90] [--columns 100] [--lines 30]

The app runs in a real terminal on an engine that computes nothing: it says a token, then sleeps. Just before each
point of the reply that is looked at, everything up to it is said at once. A key counts as done when the character that
it types has reached the terminal. The peer is textual's own streaming: a Markdown widget above a text area.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from asyncio import get_running_loop, run_coroutine_threadsafe
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from threading import Event
from typing import Any

from adapters.api import BASE, Chunk, Finished, Message, Sampling
from tests.terminal import Terminal

POINTS = (100, 1_000, 10_000)
WINDOW = 180
"""Tokens over which the cost is taken, from each point on."""
TYPED = "".join(map(chr, [*range(0xE0, 0xF7), *range(0x3B1, 0x3C9), *range(0x430, 0x450)]))
"""Characters that nothing else on the screen has."""
TALK = """\
君は**正義**という言葉を口にしたね。では、君にとって正義とは何かね？

1. 友人を助けることかね。
2. 敵を害することかね。

もしそうなら、友人が誰であるかを、君はどうやって知るのかね？ `例`を一つ挙げてみたまえ。

"""
KINDS = {
    "talk": TALK,
    "paragraph": "君は**正義**という言葉を口にしたね。では、君にとって正義とは何かね？ 例を一つ挙げてみたまえ。",
    "list": "- 友人を助けることが正義かね、それとも敵を害することかね？\n",
    "code": "    for virtue in virtues:\n        ask(virtue)  # 徳\n",
}
OPENING = {"code": "```python\n"}


def tokens(kind: str) -> Iterator[str]:
    """Yield a reply without end, two characters a token."""
    text = KINDS[kind]
    opening = OPENING.get(kind, "")
    yield from filter(None, [opening])
    characters = cycle(text)
    while True:
        yield "".join(islice(characters, 2))


class MetronomeEngine:
    """Says ``rate`` tokens a second, and notes what the process has computed meanwhile."""

    base, version, context_tokens, device = "embedded", BASE, 32_768, "cpu"

    def __init__(self, kind: str, rate: float, report: Path) -> None:
        self._kind, self._rate, self._report = kind, rate, report

    def reply(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> Iterator[Chunk | Finished]:
        """Yield the reply, and write at its end what each token cost."""
        said = tokens(self._kind)
        now = 0
        costs = {}
        for point in POINTS:
            yield Chunk("".join(islice(said, point - now - 20)))
            for _ in range(20):  # what was said at once is on the screen when the measurement begins
                time.sleep(0.1)
                yield Chunk(next(said))
            before, began = time.process_time(), time.monotonic()
            for number in range(WINDOW):
                time.sleep(max(0.0, began + number / self._rate - time.monotonic()))
                yield Chunk(next(said))
            costs[str(point)] = round((time.process_time() - before) / WINDOW * 1000, 2)
            now = point + WINDOW
        self._report.write_text(json.dumps(costs), encoding="utf-8")
        Event().wait()

    def losses(
        self,
        examples: Sequence[Sequence[Message]],
        versions: Sequence[str],
        stopped: Callable[[], bool] = lambda: False,
        beside: Callable[[], bool] = lambda: False,
    ) -> None:
        """Measure nothing."""

    def use(self, version: str) -> None:
        """Speak as before."""


def run_app(kind: str, rate: float, home: Path) -> None:
    """Run the app on the metronome, in this process."""
    from adapters.registry import Registry
    from corpus.store import Corpus
    from socrates_tui.compose import Parts, build_app
    from socrates_tui.drafts import Drafts
    from socrates_tui.home import Home
    from socrates_tui.settings import Settings
    from tests.socrates_tui.scripted import ScriptedTraining

    opened = Home.open(home)
    engine = MetronomeEngine(kind, rate, home / "costs.json")
    build_app(
        Parts(
            home=opened,
            settings=Settings(),
            base="embedded",
            corpus=Corpus(opened.database),
            registry=Registry(opened.versions),
            drafts=Drafts(opened.drafts),
            load_engine=lambda progress: engine,
            retraining=lambda preset, *, force: ScriptedTraining(),
            terms_accepted=True,
            accept_terms=lambda: None,
        )
    ).run()


def run_peer(kind: str, rate: float, home: Path) -> None:
    """Run textual's own streaming on the metronome, in this process."""
    from textual import work
    from textual.app import App, ComposeResult
    from textual.containers import VerticalScroll
    from textual.widgets import Markdown, Static, TextArea

    class Peer(App[None]):
        def compose(self) -> ComposeResult:
            with VerticalScroll() as page:
                page.anchor()
                yield Markdown()
            yield TextArea()
            yield Static("new example, speaks")

        def on_mount(self) -> None:
            self.query_one(TextArea).focus()
            self.query_one(TextArea).styles.height = 5
            self.stream = Markdown.get_stream(self.query_one(Markdown))
            self.loop = get_running_loop()
            self.listen()

        @work(thread=True)
        def listen(self) -> None:
            for item in MetronomeEngine(kind, rate, home / "costs.json").reply([], Sampling()):
                if isinstance(item, Chunk):
                    run_coroutine_threadsafe(self.stream.write(item.text), self.loop).result()

    Peer().run()


def measured(command: list[str], home: Path, columns: int, lines: int) -> dict[str, Any]:
    """Run a program in a terminal, type while it streams, and return what that took."""
    report = home / "costs.json"
    waits = []
    environment = dict(os.environ) | {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with Terminal(command, environment, columns, lines) as terminal:
        terminal.wait_for("new example")
        terminal.press("?\r")
        terminal.wait_for("speaks")
        for character in TYPED:
            terminal.wait(0.29)
            if report.exists():
                break
            waits.append(1000 * terminal.answered_s(character, 60))
        while not report.exists():
            terminal.wait(0.1)
        received = len(terminal.raw)
    return {
        "cpu_ms_per_token": json.loads(report.read_text(encoding="utf-8")),
        "key_ms_median": round(statistics.median(waits), 1),
        "key_ms_p95": round(statistics.quantiles(waits, n=20)[-1], 1),
        "keys": len(waits),
        "received_mib": round(received / 2**20, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=KINDS, default="talk")
    parser.add_argument("--rate", type=float, default=90)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--lines", type=int, default=30)
    parser.add_argument("--app", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--peer", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.app is not None:
        run_app(arguments.kind, arguments.rate, arguments.app)
        return
    if arguments.peer is not None:
        run_peer(arguments.kind, arguments.rate, arguments.peer)
        return
    figures: dict[str, Any] = {
        "kind": arguments.kind,
        "tokens_per_s": arguments.rate,
        "terminal": f"{arguments.columns}x{arguments.lines}",
    }
    options = ["--kind", arguments.kind, "--rate", str(arguments.rate)]
    for name, option in (("app", "--app"), ("peer_textual_markdown", "--peer")):
        with tempfile.TemporaryDirectory() as home:
            command = [sys.executable, "-m", "benchmarks.streaming", option, home, *options]
            figures[name] = measured(command, Path(home), arguments.columns, arguments.lines)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
