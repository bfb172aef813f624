"""What keeps the developer's own home, tokens and network out of every test."""

from pathlib import Path

import pytest

_PRIVATE = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_TOKEN_PATH",
    "HF_DATASETS_CACHE",
    "TRANSFORMERS_CACHE",
)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home and no way to the network; return the home's directory, which is not made yet."""
    user = tmp_path_factory.mktemp("user")
    for name in _PRIVATE:
        monkeypatch.delenv(name, raising=False)
    for name, directory in (
        ("HOME", "."),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_STATE_HOME", "state"),
        ("SOCRATES_HOME", "socrates"),
    ):
        monkeypatch.setenv(name, str(user / directory))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    return user / "socrates"
