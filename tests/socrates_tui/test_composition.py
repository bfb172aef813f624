"""Tests of the composition root."""

import subprocess
import sys

from adapters import terms
from socrates_tui.compose import open_app
from socrates_tui.home import Home
from socrates_tui.settings import Settings
from tests.socrates_tui.stage import Stage

HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "huggingface_hub", "pandas")


def test_nothing_heavy_is_imported_before_the_engine_is_wanted(stage: Stage) -> None:
    program = (
        "import sys; from socrates_tui.compose import open_app; from socrates_tui.home import Home;"
        "from socrates_tui.settings import Settings; open_app(Home.open(), Settings(), 'embedded');"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_app_of_a_fresh_home_opens_and_asks_for_the_terms(stage: Stage) -> None:
    app = open_app(stage.home, Settings(), "embedded")
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.pause()
        await pilot.press("enter", "ctrl+q")
    assert not terms.accepted(stage.home.directory)


def test_a_local_base_needs_no_terms(stage: Stage) -> None:
    home = Home.open(stage.directory)
    app = open_app(home, Settings(), str(home.directory))
    assert app.parts.terms_accepted
    app.parts.corpus.close()
