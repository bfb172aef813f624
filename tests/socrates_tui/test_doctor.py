from pathlib import Path

import pytest

from socrates_tui import doctor
from socrates_tui.doctor import Check
from socrates_tui.home import Home
from tests.socrates_tui.commanding import socrates


def test_on_this_machine_everything_that_is_needed_works(own_home: Path) -> None:
    outcome = socrates("doctor", "--json")
    assert outcome.status == 0
    assert outcome.document["ok"] is True
    names = [check["name"] for check in outcome.document["checks"]]
    assert names == [
        "Python",
        "Terminal",
        "SQLite with FTS5 trigrams",
        "Home",
        "Disk space",
        "Corpus",
        "PyTorch",
        "NF4",
        "Base embedded",
        "Gemma's terms",
    ]


def test_whatever_is_not_well_says_how_to_mend_it(own_home: Path) -> None:
    document = socrates("doctor", "--json").document
    assert [check["name"] for check in document["checks"] if not check["ok"] and not check["mend"]] == []


def test_a_missing_need_ends_with_one(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "checks", lambda home, base: iter([Check("NF4", False, "broken", mend="Mend it.")]))
    outcome = socrates("doctor")
    assert (outcome.status, outcome.out) == (1, "NO  NF4: broken\n      Mend it.\n")


def test_what_is_only_advice_ends_with_nought(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    advice = Check("Terms", False, "not accepted", needed=False, mend="Accept them.")
    monkeypatch.setattr(doctor, "checks", lambda home, base: iter([advice]))
    assert socrates("doctor").status == 0


def found(home: Home, base: str, name: str) -> Check:
    return next(check for check in doctor.checks(home, base) if check.name == name)


def test_a_home_open_to_others_is_told(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.directory.chmod(0o755)
    check = found(home, "embedded", "Home")
    assert (check.ok, check.needed) == (False, False)
    assert "chmod 700" in check.mend


def test_a_database_that_is_none_is_told(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "home")
    home.database.write_bytes(b"no database" * 1000)
    check = found(home, "embedded", "Corpus")
    assert not check.ok
    assert check.mend


def test_a_base_that_was_never_fetched_is_told(tmp_path: Path) -> None:
    check = found(Home.open(tmp_path / "home"), "google/gemma-3-1b-it", "Base google/gemma-3-1b-it")
    assert (check.ok, check.needed, check.found) == (False, False, "not downloaded yet")
    assert "hf auth login" in check.mend


def test_a_directory_without_a_checkpoint_is_told_with_what_it_lacks(tmp_path: Path) -> None:
    check = found(Home.open(tmp_path / "home"), str(tmp_path), f"Base {tmp_path}")
    assert not check.ok
    assert "config.json, tokenizer.json, *.safetensors missing" in check.mend


def test_a_directory_of_another_model_is_told(tmp_path: Path) -> None:
    for name in ("tokenizer.json", "model.safetensors"):
        (tmp_path / name).touch()
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    check = found(Home.open(tmp_path / "home"), str(tmp_path), f"Base {tmp_path}")
    assert (check.ok, check.needed) == (False, True)
    assert "llama" in check.mend


@pytest.mark.parametrize("base", ["a/b/c", "gemma", "a b/c", "./gemma"])
def test_a_base_that_could_be_none_is_told_and_not_looked_for(tmp_path: Path, base: str) -> None:
    check = found(Home.open(tmp_path / "home"), base, f"Base {base}")
    assert (check.ok, check.needed) == (False, True)
    assert "existing directory" in check.mend


def test_a_check_that_fails_itself_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Home) -> Check:
        raise RuntimeError("boom")

    monkeypatch.setattr(doctor, "_space", fail)
    check = found(Home.open(tmp_path / "home"), "embedded", "Disk space")
    assert (check.ok, check.found) == (False, "RuntimeError: boom")
