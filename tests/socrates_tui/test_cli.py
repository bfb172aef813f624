import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from adapters import terms
from socrates_errors import CorpusError, SocratesError
from socrates_tui import cli
from socrates_tui.home import Home
from tests.socrates_tui.commanding import socrates

HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "textual", "pandas", "datasets")
COMMANDS = (
    (),
    ("ask",),
    ("train",),
    ("eval",),
    ("doctor",),
    ("versions",),
    *(("versions", act) for act in ("list", "use", "rename", "note", "delete", "export", "import", "compare")),
    *(("corpus", act) for act in ("import", "export", "list", "search", "show", "rewrite", "approve", "drop")),
)


@pytest.mark.parametrize(
    "module", ["socrates_tui.cli", "adapters.api", "adapters.registry", "adapters.runner", "socrates_tui.retraining"]
)
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    script = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_both_packages_with_common_names_are_this_projects() -> None:
    script = (
        "import adapters, corpus, socrates_errors; print(adapters.__file__, corpus.__file__, socrates_errors.__file__)"
    )
    found = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True, check=True)
    adapters, corpus, errors = map(Path, found.stdout.split())
    assert adapters.parent.parent == corpus.parent.parent == errors.parent


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_says_what_it_does_and_makes_nothing_for_that(command: tuple[str, ...], own_home: Path) -> None:
    outcome = socrates(*command, "--help")
    assert outcome.status == 0
    assert re.search(r"[A-Z][^.]+\.", outcome.out)
    assert not own_home.exists()


def test_a_help_option_that_is_text_opens_the_home(own_home: Path) -> None:
    assert socrates("corpus", "search", "--", "-h").status == 0
    assert own_home.exists()


@pytest.mark.parametrize("command", [("ask", "hello"), ("train",)], ids=lambda command: command[0])
def test_a_seed_over_32_bits_is_wrong_usage(command: tuple[str, ...]) -> None:
    assert socrates(*command, "--seed", str(2**32)).status == 2


@pytest.mark.parametrize(
    "command",
    [
        ("ask", "\udcff"),
        ("ask", "hello", "--system", "\udcff"),
        ("train", "--title", "\udcff"),
        ("versions", "rename", "v0001", "\udcff"),
        ("versions", "note", "v0001", "\udcff"),
        ("versions", "compare", "base", "base", "--prompt", "\udcff"),
    ],
    ids=" ".join,
)
def test_text_that_is_no_unicode_is_wrong_usage(command: tuple[str, ...]) -> None:
    assert socrates(*command).status == 2


def test_python_m_is_the_same_command() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "socrates_tui", "--version"], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"socrates \d+\.\d+\.\d+\n", found.stdout)


def test_a_wrong_command_is_a_usage_error() -> None:
    assert socrates("nope").status == 2


def test_without_a_terminal_the_app_does_not_open_and_names_its_twins() -> None:
    outcome = socrates()
    assert outcome.status == 1
    assert "terminal" in outcome.err
    assert "`socrates ask`" in outcome.err


class App:
    """Stands in for the app."""

    return_code = 0
    failure = None
    loading_engine = False

    def run(self) -> None:
        """Open and close."""


def stand_in(monkeypatch: pytest.MonkeyPatch, opened: list[Any]) -> None:
    def open_app(*arguments: Any) -> App:
        opened.append(arguments)
        return App()

    module = ModuleType("socrates_tui.compose")
    vars(module)["open_app"] = open_app
    monkeypatch.setitem(sys.modules, "socrates_tui.compose", module)


def test_on_a_terminal_the_app_opens_on_the_home_the_settings_and_the_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    stand_in(monkeypatch, opened)
    home = Home.open(tmp_path / "home")
    home.config.write_text('base = "google/gemma-3-1b-it"\ntheme = "nord"\n')
    assert socrates("--home", str(home.directory), terminal=True).status == 0
    assert socrates("--home", str(home.directory), "--base", "embedded", terminal=True).status == 0
    (first, settings, base), (_, _, other) = opened
    assert (first, settings.theme, base, other) == (home, "nord", "google/gemma-3-1b-it", "embedded")


def test_a_directory_as_base_is_known_by_its_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    stand_in(monkeypatch, opened)
    (tmp_path / "gemma").mkdir()
    monkeypatch.chdir(tmp_path)
    socrates("--base", "./gemma", terminal=True)
    assert opened[0][2] == str((tmp_path / "gemma").resolve())


def test_a_wrong_setting_is_one_sentence(own_home: Path) -> None:
    Home.open(own_home).config.write_text("bas = 1\n")
    outcome = socrates("ask", "hello")
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == "config.toml: bas is no setting; the nearest is base.\n"


def test_an_error_sentence_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise CorpusError("\x1b[2J")

    monkeypatch.setattr(cli, "settings_of", fail)
    assert socrates(terminal=True).err == "␛[2J\n"


def test_what_nobody_expected_goes_to_the_log_and_the_log_is_named(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr(cli, "settings_of", fail)
    outcome = socrates(terminal=True)
    log = own_home / "logs" / "socrates.log"
    assert (outcome.status, outcome.err) == (1, f"Something unexpected went wrong; {log} tells what.\n")
    assert "RuntimeError: boom" in log.read_text()


def test_an_interrupt_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "settings_of", interrupt)
    assert socrates(terminal=True).status == 130


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "socrates_tui", "versions", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ,
        text=True,
    )
    assert command.stdout is not None
    command.stdout.close()
    assert command.stderr is not None
    assert command.stderr.read() == ""
    command.wait()


@pytest.mark.parametrize("command", [("ask", "hello"), ("train",), ("eval", "--data", __file__)], ids=lambda c: c[0])
def test_what_loads_googles_gemma_wants_its_terms_accepted_first(command: tuple[str, ...], own_home: Path) -> None:
    outcome = socrates(*command)
    assert outcome.status == 1
    assert "--accept-gemma-terms" in outcome.err
    assert not terms.accepted(own_home)


def test_terms_are_accepted_by_the_option_and_stay_accepted(own_home: Path) -> None:
    assert "terms" not in socrates("--accept-gemma-terms", "train").err
    assert terms.accepted(own_home)
    assert "terms" not in socrates("train").err


def test_terms_are_accepted_by_the_environment(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCRATES_ACCEPT_GEMMA_TERMS", "1")
    socrates("versions")
    assert terms.accepted(own_home)


def test_every_error_of_the_tree_is_a_socrates_error() -> None:
    import socrates_errors

    errors = [value for value in vars(socrates_errors).values() if isinstance(value, type)]
    assert all(issubclass(error, SocratesError) for error in errors)
