"""Opening what shows many turns, in milliseconds until it is drawn. Prints one JSON line.

    python -m benchmarks.screens [--turns 100000] [--conversations 10000] [--long 1000] [--repeat 5] [--scratch DIR]

The app runs without a terminal on a scripted engine; the corpora are made (a minute). The peer of the list of
conversations is textual's own table with as many rows.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual import events
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from benchmarks.made_corpus import EXCHANGES, make, said
from corpus.store import Corpus
from socrates_tui.app import SocratesApp
from socrates_tui.screens.conversations import ConversationsScreen
from socrates_tui.screens.corpus import CorpusScreen, FilterLine, TurnTable
from socrates_tui.screens.review import Queue, ReviewScreen
from socrates_tui.widgets.long_list import LongList
from socrates_tui.widgets.turn_card import SeenTurn
from tests.socrates_tui.stage import Stage, settled

SIZE = (160, 50)
Ready = Callable[[], object]


async def drawn(app: App[None], begin: Callable[[], object], ready: Ready) -> float:
    """Return the milliseconds from ``begin`` until ``ready`` is true and the screen is drawn anew."""
    started = time.perf_counter()
    begin()
    while not ready():
        await asyncio.sleep(0.0005)
    refreshed = asyncio.Event()
    app.screen.call_after_refresh(refreshed.set)
    await refreshed.wait()
    return (time.perf_counter() - started) * 1000


def press(app: SocratesApp, key: str) -> Callable[[], object]:
    """Return what presses a key."""
    return lambda: app.post_message(events.Key(key, key if len(key) == 1 else None))


def long_conversation(corpus: Corpus, turns: int) -> int:
    """Add a conversation of so many turns and return its id."""
    corpus.db.execute("PRAGMA synchronous = OFF")
    conversation = corpus.create_conversation(title="long").id
    parent = None
    for one in said(turns, seed=5):
        for prompt, reply in one.exchanges:
            parent = corpus.add_turn(conversation, parent=parent, prompt=prompt, reply=reply, version="v0001").id
    return conversation


async def of_turns(home: Path, turns: int, long: int) -> dict[str, float]:
    """Measure the screens over a corpus of so many turns."""
    stage = Stage(home)
    if not stage.home.database.exists():
        make(stage.home.database, turns)
    with stage.corpus() as corpus:
        titled = [conversation for conversation in corpus.conversations(limit=5) if conversation.title == "long"]
        chosen = titled[0] if titled else corpus.conversation(long_conversation(corpus, long))
        other = next(conversation for conversation in corpus.conversations(limit=2) if conversation != chosen)
    found = {}
    app = stage.app()
    async with app.run_test(size=SIZE) as pilot:
        await settled(app, pilot)

        def listed(screen: type, of: type[LongList]) -> Ready:
            return lambda: type(app.screen) is screen and any(shown.count for shown in app.screen.query(of))

        await app.chat.open(other)
        await settled(app, pilot)
        found["open_long_conversation"] = await drawn(
            app,
            lambda: app.chat.call_later(app.chat.open, chosen),
            lambda: len(app.chat.turns) == long and app.chat.transcript.view_of(app.chat.turns[-1].id),
        )
        await settled(app, pilot)
        middle = app.chat.turns[long // 2].id
        found["go_to_its_middle"] = await drawn(
            app, lambda: app.chat.call_later(app.chat.go_to, middle), lambda: app.chat.transcript.view_of(middle)
        )
        app.chat.prompt.focus()
        await settled(app, pilot)
        found["open_review"] = await drawn(
            app, press(app, "f6"), lambda: listed(ReviewScreen, Queue)() and app.screen.query(SeenTurn)
        )
        review = app.screen
        assert isinstance(review, ReviewScreen)
        await settled(app, pilot)
        first = review.turn
        found["next_reply"] = await drawn(
            app,
            press(app, "s"),
            lambda: review.turn != first and [seen.turn for seen in review.query(SeenTurn)] == [review.turn],
        )
        await pilot.press("escape")
        await settled(app, pilot)
        found["open_corpus"] = await drawn(
            app, press(app, "f7"), lambda: listed(CorpusScreen, TurnTable)() and app.screen.query(SeenTurn)
        )
        table = app.screen.query_one(TurnTable)
        await settled(app, pilot)
        found["last_page"] = await drawn(app, press(app, "end"), lambda: table.cursor == table.count - 1)
        await settled(app, pilot)
        every = table.count
        line = app.screen.query_one(FilterLine)
        found["filter_after_pause"] = await drawn(
            app,
            lambda: setattr(line, "value", "verdict:rewritten の"),
            lambda: table.count != every,
        )
    return found


async def of_conversations(home: Path, conversations: int) -> dict[str, float]:
    """Measure the list of so many conversations."""
    stage = Stage(home)
    if not stage.home.database.exists():
        make(stage.home.database, conversations * EXCHANGES)
    app = stage.app()
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(app, pilot)
        listed = await drawn(
            app,
            press(app, "f2"),
            lambda: type(app.screen) is ConversationsScreen and any(t.row_count for t in app.screen.query(DataTable)),
        )
    return {"open_conversations": listed}


class Peer(App[None]):
    """Textual's own table."""

    def compose(self) -> ComposeResult:
        """Lay out the table."""
        yield DataTable()


async def peer(home: Path, conversations: int) -> dict[str, float]:
    """Measure filling textual's table with the same conversations."""
    with Stage(home).corpus() as corpus:
        listed = corpus.conversations(limit=conversations)
    app = Peer()
    async with app.run_test(size=SIZE):
        table: DataTable[str] = app.query_one(DataTable)

        def fill() -> None:
            table.add_columns("Title", "Turns", "Last")
            for conversation in listed:
                table.add_row(conversation.title, str(conversation.turns), conversation.updated)

        return {"peer_data_table": await drawn(app, fill, lambda: True)}


async def median(measure: Callable[[], Awaitable[dict[str, float]]], repeat: int) -> dict[str, float]:
    """Return the median of each figure, and the least, which is what it takes while nothing else runs."""
    runs = [await measure() for _ in range(repeat)]
    figures = {}
    for name in runs[0]:
        figures[f"{name}_ms"] = round(statistics.median(run[name] for run in runs), 1)
        figures[f"{name}_least_ms"] = round(min(run[name] for run in runs), 1)
    return figures


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--long", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--scratch", type=Path, help="directory in which the made corpora stay for the next time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        scratch = arguments.scratch or Path(temporary)
        turns, conversations = scratch / "turns", scratch / "conversations"
        figures = {
            "turns": arguments.turns,
            "conversations": arguments.conversations,
            "long_conversation_turns": arguments.long,
            **await median(lambda: of_turns(turns, arguments.turns, arguments.long), arguments.repeat),
            **await median(lambda: of_conversations(conversations, arguments.conversations), arguments.repeat),
            **await median(lambda: peer(conversations, arguments.conversations), arguments.repeat),
            "load_average": round(os.getloadavg()[0], 2),
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
