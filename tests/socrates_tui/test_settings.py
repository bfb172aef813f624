from pathlib import Path

import pytest

from adapters.api import Sampling
from socrates_errors import SettingsError
from socrates_tui.settings import SamplingSettings, Settings


def load(tmp_path: Path, text: str) -> Settings:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return Settings.load(path)


def test_without_a_file_every_setting_has_its_default(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "config.toml")
    assert settings == Settings()
    assert (settings.base, settings.system_prompt, settings.preset) == ("embedded", "", "default")
    assert settings.sampling.to_sampling() == Sampling()


def test_settings_are_read_from_the_file(tmp_path: Path) -> None:
    settings = load(
        tmp_path, 'system_prompt = "問いで返せ。"\npreset = "quick"\n[sampling]\ntemperature = 1\nseed = 3\n'
    )
    assert (settings.system_prompt, settings.preset) == ("問いで返せ。", "quick")
    assert settings.sampling.to_sampling() == Sampling(temperature=1.0, seed=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('bas = "embedded"', "bas is no setting; the nearest is base."),
        ("[sampling]\ntemprature = 1.0", "sampling.temprature is no setting; the nearest is sampling.temperature."),
        ("top_k = 3", "top_k is no setting; the nearest is sampling.top_k."),
        ("base = 3", "base: input should be a valid string (it is 3)."),
        ("[sampling]\ntop_k = 1.5", "sampling.top_k"),
        ("[sampling]\ntop_k = true", "sampling.top_k"),
        ("[sampling]\ntop_p = 0.0", "sampling.top_p: input should be greater than 0 (it is 0.0)."),
        ("[sampling]\ntemperature = nan", "sampling.temperature"),
        ('preset = "best"', "preset: input should be 'default', 'quick' or 'seed' (it is 'best')."),
        ("sampling = 1", "sampling"),
        ("[sampling", "is not TOML"),
    ],
)
def test_a_wrong_setting_is_an_error_that_says_what_is_wrong(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, text)
    assert sentence in str(raised.value)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not TOML"):
        Settings.load(path)


def test_a_directory_in_the_files_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        Settings.load(tmp_path)


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    Settings().with_changes(system_prompt="問え。", sampling={"top_k": 3}).save(path)
    assert path.read_text(encoding="utf-8") == 'system_prompt = "問え。"\n\n[sampling]\ntop_k = 3\n'


def test_saving_keeps_comments_and_order(tmp_path: Path) -> None:
    settings = load(
        tmp_path, '# mine\ntheme = "nord"  # dark\nbase = "embedded"\n\n[sampling]\n# calm\ntemperature = 0.5\n'
    )
    settings.with_changes(theme="gruvbox").save(tmp_path / "config.toml")
    assert (tmp_path / "config.toml").read_text() == (
        '# mine\ntheme = "gruvbox"  # dark\nbase = "embedded"\n\n[sampling]\n# calm\ntemperature = 0.5\n'
    )


def test_a_setting_set_back_to_its_default_is_written_where_it_stood(tmp_path: Path) -> None:
    settings = load(tmp_path, "[sampling]\ntop_k = 3\nseed = 1\n")
    settings.with_changes(sampling={"top_k": 64, "seed": None}).save(tmp_path / "config.toml")
    assert (tmp_path / "config.toml").read_text() == "[sampling]\ntop_k = 64\n"


def test_saved_settings_are_read_back_alike(tmp_path: Path) -> None:
    settings = Settings().with_changes(
        base="google/gemma-2-2b-jpn-it",
        system_prompt='"""\\ 「君」\n',
        theme="nord",
        sampling={"temperature": 0.0, "top_k": 0, "seed": 2**32 - 1},
    )
    settings.save(tmp_path / "config.toml")
    assert Settings.load(tmp_path / "config.toml") == settings


def test_changes_are_checked_and_the_old_settings_stay(tmp_path: Path) -> None:
    settings = Settings()
    with pytest.raises(SettingsError, match=r"sampling\.max_new_tokens"):
        settings.with_changes(sampling={"max_new_tokens": 0})
    assert settings == Settings()


def test_every_setting_says_what_it_is() -> None:
    fields = {**Settings.model_fields, **SamplingSettings.model_fields}
    assert [name for name, field in fields.items() if not field.description] == []
