"""What the README and architecture.md name exists."""

import asyncio
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding
from typer.main import get_command

from adapters.recipe import PRESETS
from socrates_tui.app import SocratesApp
from socrates_tui.cli import app
from socrates_tui.screens.chat import ChatScreen
from socrates_tui.screens.conversing import ConversingScreen
from socrates_tui.screens.rewrite import RewriteScreen
from socrates_tui.screens.teaching import TeachingScreen
from socrates_tui.widgets.prompt import Prompt
from socrates_tui.widgets.turn_view import TurnView
from tests.screenshots import PROGRAM, draw, local

ROOT = Path(__file__).parent.parent
SCREENS = (ROOT / "docs" / "screens.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^socrates .*$", README, re.M)) | set(re.findall(r"`(socrates [^`]*)`", README)))
NAMES = {"Esc": "escape", "U": "U"}
ARROWS = str.maketrans({"↑": "up", "↓": "down", "←": "left", "→": "right"})


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_is_understood(line: str) -> None:
    _, *words = shlex.split(line.partition("#")[0])
    command: Any = get_command(app)
    while hasattr(command, "commands") and words:
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def keys_of_the_readme() -> list[str]:
    table = README.partition("| key | what it does |")[2].partition("\n\n")[0]
    rows = [row for row in table.splitlines() if row.startswith("| `")]
    return sorted({key for row in rows for key in re.findall(r"`([^`]+)`", row)})


@pytest.mark.parametrize("key", keys_of_the_readme())
def test_a_key_of_the_readme_is_bound(key: str) -> None:
    bound = {
        name
        for place in (SocratesApp, ChatScreen, TeachingScreen, ConversingScreen, RewriteScreen, Prompt, TurnView)
        for binding in place.BINDINGS
        if isinstance(binding, Binding)
        for name in binding.key.split(",")
    }
    assert NAMES.get(key, key.lower()).translate(ARROWS) in bound


def test_the_presets_of_the_readme_are_all_there_are() -> None:
    line = README.partition("Presets: ")[2].partition("Choose one")[0]
    assert set(re.findall(r"`(\w+)`", line)) == set(PRESETS)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^):]+)\)", README))))
def test_a_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


def test_the_pictures_that_are_drawn_are_those_there_and_those_shown() -> None:
    there = {path.stem for path in (ROOT / "docs" / "screens").iterdir()}
    assert {picture.name for picture in PROGRAM} == there == set(re.findall(r"\]\(screens/([^)]+)\.svg\)", SCREENS))


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "screens").glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_loads_nothing(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
    assert "://" not in text
    assert "@font-face" not in text


def test_a_picture_is_the_same_each_time(tmp_path: Path) -> None:
    ask = next(picture for picture in PROGRAM if picture.name == "rewrite-ja")
    first, second = (asyncio.run(draw(ask, tmp_path / name)) for name in ("first", "second"))
    assert first == second


def test_japanese_characters_are_two_cells_wide() -> None:
    clip = 'clip-path="url(#c)"'
    drawn = local(f'<text class="r" x="0" y="20" textLength="36.6" {clip}>a正b</text>')
    places = re.findall(r'x="([\d.]+)" y="20" textLength="([\d.]+)"', drawn)
    assert [(float(x), float(width)) for x, width in places] == [(0, 12.2), (12.2, 24.4), (36.6, 12.2)]


@pytest.mark.parametrize(
    "module",
    [
        str(path.relative_to(ROOT))
        for package in ("corpus", "adapters", "socrates_tui")
        for path in (ROOT / package).glob("*.py")
        if not path.name.startswith("__")
    ],
)
def test_every_module_stands_in_the_architecture(module: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    name = Path(module).name
    assert f"`{name}`" in text or (name.endswith(("_command.py", "_commands.py")) and "_command(s).py" in text)


@pytest.mark.parametrize(
    "target",
    sorted(
        set(re.findall(r"(?:^|`)make ([a-z]+)", README + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.M))
    ),
)
def test_a_make_target_that_is_named_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.M)
