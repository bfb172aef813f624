"""Draw the README's picture: the real app on a real home, after one real question. Needs rsvg-convert and a CJK font.

python docs/screenshot.py HOME QUESTION
"""

import asyncio
import subprocess
import sys
from pathlib import Path

from socrates_tui.app import SocratesApp
from socrates_tui.compose import open_app
from socrates_tui.home import Home
from socrates_tui.settings import Settings
from socrates_tui.widgets.turn_view import TurnView

PICTURE = Path(__file__).with_name("screenshot.png")


async def draw(app: SocratesApp, question: str) -> str:
    """Ask, wait for the reply and return the screen as SVG."""
    async with app.run_test(size=(100, 18)) as pilot:
        await pilot.pause(1)
        await pilot.press("ctrl+n")
        await pilot.pause(1)
        app.chat.prompt.text = question
        await pilot.press("enter")
        while app.chat.last is None:
            await pilot.pause(0.5)
        app.chat.query(TurnView).last().focus()
        await pilot.pause(1)
        return app.export_screenshot()


def main() -> None:
    """Write the picture."""
    home = Home.open(Path(sys.argv[1]))
    settings = Settings.load(home.config)
    svg = asyncio.run(draw(open_app(home, settings, settings.base), sys.argv[2]))
    drawing = PICTURE.with_suffix(".svg")
    drawing.write_text(svg.replace("Fira Code", "Noto Sans Mono CJK JP"), encoding="utf-8")
    subprocess.run(["rsvg-convert", "--width", "1600", str(drawing), "--output", str(PICTURE)], check=True)
    drawing.unlink()


if __name__ == "__main__":
    main()
