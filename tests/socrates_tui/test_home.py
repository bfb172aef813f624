import logging
import os
import warnings
from pathlib import Path

import pytest

from socrates_errors import SettingsError
from socrates_tui.home import Home, log_to_file
from tests.socrates_tui.commanding import own_logging


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_the_given_directory_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCRATES_HOME", str(tmp_path / "environment"))
    assert Home.at(tmp_path / "given").directory == tmp_path / "given"


def test_without_one_the_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCRATES_HOME", str(tmp_path / "environment"))
    assert Home.at().directory == tmp_path / "environment"


def test_without_either_it_is_the_platforms_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOCRATES_HOME")
    assert Home.at().directory == Path(os.environ["XDG_DATA_HOME"]).absolute() / "socrates"


def test_finding_a_home_makes_nothing(tmp_path: Path) -> None:
    assert not Home.at(tmp_path / "home").directory.exists()


def test_a_new_home_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "deep" / "home")
    parts = [home.directory, home.versions, home.models, home.logs, home.runs, home.drafts]
    assert [mode(part) for part in parts] == [0o700] * 6


def test_an_empty_directory_becomes_a_home_of_its_owner_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode(Home.open(tmp_path).directory) == 0o700


def test_a_home_that_was_opened_to_others_is_closed_again(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.database.touch()
    home.directory.chmod(0o755)
    assert mode(Home.open(home.directory).directory) == 0o700


def test_a_directory_that_holds_other_things_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    tmp_path.chmod(0o755)
    assert mode(Home.open(tmp_path).directory) == 0o755


def test_a_home_that_cannot_be_made_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="--home"):
        Home.open(tmp_path / "file" / "home")


def test_logs_and_warnings_go_to_the_file_and_not_to_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = Home.open(tmp_path / "home")
    with own_logging():
        log_to_file(home)
        logging.getLogger("library").warning("of a library")
        warnings.warn("a warning", stacklevel=1)
    assert capfd.readouterr() == ("", "")
    assert "WARNING library: of a library" in home.log.read_text()
    assert "a warning" in home.log.read_text()


def test_nothing_is_logged_where_nothing_happens(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    with own_logging():
        log_to_file(home)
    assert not home.log.exists()
