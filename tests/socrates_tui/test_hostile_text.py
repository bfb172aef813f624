"""Tests that text from models and files is shown and does nothing else."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from socrates_errors import EngineError
from socrates_tui.widgets.reply_markdown import ReplyMarkdown
from tests.socrates_tui.stage import Stage, notices, say, shown, text_of, until

HOSTILE = [
    ("[bold red]x[/] [@click=app.quit]x[/] [/nonsense]", "[bold red]x[/] [@click=app.quit]x[/] [/nonsense]"),
    ("\x1b]0;owned\x07", "␛]0;owned␇"),
    ("a \x1b[31mred\x1b[2J", "a ␛[31mred␛[2J"),
    ("a \x9b31m b", "a �31m b"),
    ("a \u202egnp\u202c \u2066b\u2069", "a �gnp� �b�"),
    ("a &#x202e;b &lt;", "a &#x202e;b &lt;"),
    ("[here](https://example.org/x) <https://example.org/y>", "[here](https://example.org/x) <https://example.org/y>"),
    ("![pic](https://example.org/p.png)", "![pic](https://example.org/p.png)"),
    ("a <script>alert(1)</script> <!-- b -->", "a <script>alert(1)</script> <!-- b -->"),
    ("[ref]: https://example.org/z", "[ref]: https://example.org/z"),
]


@pytest.mark.parametrize(("hostile", "harmless"), HOSTILE)
async def test_a_hostile_reply_is_shown_as_the_text_it_is(stage: Stage, hostile: str, harmless: str) -> None:
    stage.says(hostile)
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert harmless in shown(app)
        reply = app.chat.query_one(ReplyMarkdown)
        strips = reply.render_lines(reply.size.region)
        styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
        assert strips
        assert all("@click" not in style.meta for style in styles)


async def test_hostile_text_is_harmless_wherever_it_is_stored(stage: Stage) -> None:
    evil = "\x1b]0;owned\x07[bold]x[/] \u202e"
    harmless = "␛]0;owned␇[bold]x[/]"
    stage.base = "dir\x1b[2J[red]"
    with stage.corpus() as corpus:
        conversation = corpus.create_conversation(title=evil).id
        corpus.add_turn(conversation, parent=None, prompt=evil, reply=evil, version=evil)
        corpus.rewrite(1, f"better {evil}")
    stage.version(title=evil)
    async with stage.play((160, 50)) as (app, pilot):
        await app.chat.workers.wait_for_complete()
        screen = shown(app)
        assert screen.count(harmless) >= 4  # title, prompt, rewrite, the reply it replaced
        await pilot.press("f2")
        assert harmless in shown(app)
        await pilot.press("r")
        assert harmless in shown(app)
        await pilot.press("escape", "escape", "f3")
        assert harmless in shown(app)
        await pilot.press("escape", "ctrl+e")
        assert harmless in shown(app)
        assert not {character for character in shown(app) if character in "\x1b\x07\u202e"}


async def test_a_hostile_reason_is_told_as_text(stage: Stage) -> None:
    stage.says(EngineError("[@click=app.quit]x[/] \x1b]0;owned\x07"))
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        assert notices(app) == ["[@click=app.quit]x[/] ␛]0;owned␇"]
        await until(pilot, lambda: "[@click=app.quit]x[/]" in shown(app))


async def test_pasted_control_characters_become_visible(stage: Stage) -> None:
    from textual.events import Paste

    async with stage.play() as (app, pilot):
        app.chat.prompt.post_message(Paste("a\r\nb\rc\x1b[2J\u202e"))
        await pilot.pause()
        assert app.chat.prompt.text == "a\nb\nc␛[2J�"


async def test_line_breaks_of_a_reply_are_kept(stage: Stage) -> None:
    stage.says("一行目\n二行目")
    async with stage.play() as (app, pilot):
        await say(app, pilot, "Hi")
        lines = [line.strip() for line in shown(app).splitlines()]
        assert lines[lines.index("一行目") + 1] == "二行目"


PROGRAM = """
import sys
from pathlib import Path
from tests.socrates_tui.stage import Stage
stage = Stage(Path(sys.argv[1]))
with stage.corpus() as corpus:
    evil = "\\x1b]0;owned\\x07 \\x9b31m \\u202eevil [bold]x[/]"
    corpus.add_turn(corpus.create_conversation().id, parent=None, prompt=evil, reply=evil)
stage.app().run()
"""


def test_a_terminal_receives_no_sequence_from_stored_text(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", "LANG": "C.UTF-8"}
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "home")],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment,
        close_fds=True,
    )
    os.close(follower)
    received = b""
    deadline = time.monotonic() + 30
    try:
        while "owned␇".encode() not in received and time.monotonic() < deadline:
            if select.select([leader], [], [], 0.1)[0]:
                received += os.read(leader, 65536)
    finally:
        process.kill()
        process.wait()
        os.close(leader)
    assert "␛]0;owned␇".encode() in received
    assert b"\x1b]0;" not in received
    assert b"owned\x07" not in received
    assert "\x9b".encode() not in received
    assert "\u202e".encode() not in received


def test_the_status_line_shortens_a_directory_and_shows_a_hostile_base_plain(stage: Stage) -> None:
    from socrates_tui.widgets.status_line import StatusLine

    line = StatusLine()
    line.base = "/models/gemma\x1b[2J"
    assert text_of(line).startswith("gemma␛[2J · ")
