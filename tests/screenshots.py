"""The documentation's pictures, drawn by the real app on scripted replies; run as a program, it writes them all."""

import asyncio
import html
import os
import random
import re
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from rich.cells import cell_len
from textual.pilot import Pilot
from textual.widgets import TextArea

import socrates_language
from socrates_tui.app import SocratesApp
from tests.screenshot_content import REWRITE, lived_in, measured, taught, training, weighed
from tests.socrates_tui.stage import Stage, retrain, settled, shown, still, until

PICTURES = Path(__file__).parents[1] / "docs" / "screens"

FONTS = "Fira Code, Menlo, Consolas, DejaVu Sans Mono, Noto Sans Mono CJK JP, monospace"
TEXT = re.compile(
    r'<text class="([^"]*)" x="([^"]*)" y="([^"]*)" textLength="([^"]*)" clip-path="([^"]*)">([^<]*)</text>'
)

Play = Callable[[SocratesApp, Pilot[None]], Awaitable[None]]


@dataclass(frozen=True)
class Picture:
    """One screen: what is put into the home, and what is done until it is seen."""

    name: str
    play: Play
    home: Callable[[Stage], None]
    language: str = "en"
    theme: str = "textual-dark"
    size: tuple[int, int] = (112, 30)


def keys(*pressed: str) -> Play:
    """Return what presses ``pressed``, and lets the app come to rest after each."""

    async def play(app: SocratesApp, pilot: Pilot[None]) -> None:
        for key in pressed:
            await pilot.press(key)
            await settled(app, pilot)

    return play


async def rewriting(app: SocratesApp, pilot: Pilot[None]) -> None:
    """Open the last reply in the editor, and write what he should have said."""
    await keys("ctrl+e")(app, pilot)
    app.screen.query_one(TextArea).text = REWRITE
    app.screen.query_one(TextArea).move_cursor((0, len(REWRITE)))
    await pilot.pause(0.5)
    await settled(app, pilot)


async def running(app: SocratesApp, pilot: Pilot[None]) -> None:
    """Begin a training and wait until its script holds."""
    await keys("ctrl+b")(app, pilot)
    await retrain(app, pilot)
    await until(pilot, lambda: "64" in shown(app).partition("96")[0] and "96" in shown(app))


PROGRAM = [
    Picture("ask", keys("up"), lived_in),
    Picture("rewrite", rewriting, lived_in),
    Picture("train", running, training),
    Picture("versions", keys("f3"), measured),
    Picture("review", keys("f6", "o"), weighed),
    Picture("corpus", keys("f7", "space", "down", "space"), lived_in),
    Picture("preflight", keys("f5"), taught),
    Picture("run", keys("f12", "down", "enter"), measured),
    Picture("compare", keys("f3", "c", "enter"), measured),
    Picture("blind", keys("f3", "b", "enter", "ctrl+l"), measured),
    Picture("pins", keys("f3", "p"), measured),
    Picture("settings", keys("f4"), lived_in),
    Picture("help", keys("f1"), lived_in),
    Picture("ask-ja", keys("up"), lived_in, language="ja"),
    Picture("rewrite-ja", rewriting, lived_in, language="ja"),
    Picture("versions-ja", keys("f3"), measured, language="ja"),
    Picture("ask-light", keys("up"), lived_in, theme="textual-light"),
    Picture("versions-light", keys("f3"), measured, theme="textual-light"),
]


def _on_the_grid(tag: re.Match[str]) -> str:
    """Return a text as runs of characters of one width, each as wide as its cells, whatever the reader's fonts are.

    rich gives a text the width of so many characters, which is half of a Japanese text's.
    """
    style, left, top, width, clip, content = tag.groups()
    text = html.unescape(content)
    cell, x = float(width) / len(text), float(left)
    runs = []
    for cells, characters in groupby(text, key=cell_len):
        run = "".join(characters)
        length = cell * cells * len(run)
        if run.strip():
            at = f'x="{x:g}" y="{top}" textLength="{length:g}" lengthAdjust="spacingAndGlyphs"'
            at += ' font-size="21"' if cells == 2 else ""  # which leaves less to be stretched
            runs.append(f'<text class="{style}" {at} clip-path="{clip}">{_escaped(run)}</text>')
        x += length
    return "".join(runs)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("\xa0", "&#160;")


def local(svg: str) -> str:
    """Return ``svg`` without addresses, with names that stay, and with every text as wide as its cells."""
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.S)
    svg = re.sub(r"<!--.*?-->", "", svg)
    svg = re.sub(r"terminal-\d+", "socrates", svg)
    svg = svg.replace("Fira Code, monospace", FONTS).replace("font-variant-east-asian: full-width;", "")
    svg = TEXT.sub(_on_the_grid, svg)
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


@contextmanager
def spoken(language: str) -> Iterator[None]:
    """Speak ``language``, and afterwards English as before."""
    with patch.dict(os.environ):
        socrates_language.use(language)
        try:
            yield
        finally:
            socrates_language.use("en")


async def draw(picture: Picture, directory: Path) -> str:
    """Return the screen as SVG."""
    stage = Stage(directory)
    stage.settings = stage.settings.with_changes(theme=picture.theme, sampling={"seed": 7})
    picture.home(stage)
    in_order = patch.object(random, "sample", lambda names, count: sorted(names))
    with in_order, spoken(picture.language):
        async with stage.play(picture.size) as (app, pilot):
            app.animation_level = "none"
            app.clear_notifications()
            await pilot.pause()
            await picture.play(app, pilot)
            await still(app, pilot)
            svg = app.export_screenshot()
            stage.training.cancel()
    return local(svg)


def main() -> None:
    """Write the pictures that are named, or else all."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for picture in PROGRAM:
        if sys.argv[1:] and picture.name not in sys.argv[1:]:
            continue
        with TemporaryDirectory() as directory:
            svg = asyncio.run(draw(picture, Path(directory)))
        (PICTURES / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
        print(f"{picture.name}.svg")


if __name__ == "__main__":
    main()
