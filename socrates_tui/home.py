"""Where everything lies: one home directory, its parts, and the log."""

import logging
import os
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path

import platformdirs

import adapters
from adapters.registry import Registry
from corpus import shelf
from socrates_errors import SettingsError
from socrates_language import tr

LOG_BYTES = 1_000_000
LOGS_KEPT = 3


@dataclass(frozen=True)
class Home:
    """One user's conversations, versions and settings. ``open`` makes what is missing."""

    directory: Path

    @classmethod
    def at(cls, directory: Path | None = None) -> "Home":
        """Return the home in ``directory``, else in SOCRATES_HOME, else where the platform keeps data; make nothing."""
        if directory is None:
            given = os.environ.get("SOCRATES_HOME")
            directory = Path(given) if given else platformdirs.user_data_path("socrates", appauthor=False)
        return cls(directory.expanduser().absolute())

    @classmethod
    def open(cls, directory: Path | None = None) -> "Home":
        """Return the home that ``at`` finds, made and readable by its owner alone."""
        home = cls.at(directory)
        try:
            home.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if home.database.exists() or not any(home.directory.iterdir()):  # what holds other things keeps its mode
                home.directory.chmod(0o700)
            for part in (home.versions, home.models, home.logs, home.runs, home.drafts):
                part.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                tr("The home {directory} cannot be made ({error}): give another with --home.").format(
                    directory=home.directory, error=error.strerror
                )
            ) from error
        return home

    @property
    def database(self) -> Path:
        """The corpus."""
        return self.directory / "corpus.db"

    @property
    def backups(self) -> Path:
        """Backups of the corpus; the directory need not exist."""
        return shelf.directory(self.database)

    @property
    def config(self) -> Path:
        """The settings; the file need not exist."""
        return self.directory / "config.toml"

    @property
    def versions(self) -> Path:
        """The registry's directory."""
        return self.directory / "versions"

    def registry(self) -> Registry:
        """Return the versions; a new home begins with the starter version."""
        registry = Registry(self.versions)
        registry.begin_with(Path(adapters.__file__).parent / "starter")
        return registry

    @property
    def models(self) -> Path:
        """Converted bases."""
        return self.directory / "models"

    @property
    def logs(self) -> Path:
        """Rotated logs, without text of conversations."""
        return self.directory / "logs"

    @property
    def log(self) -> Path:
        """The application's log."""
        return self.logs / "socrates.log"

    @property
    def drafts(self) -> Path:
        """What was written and not yet said."""
        return self.directory / "drafts"

    @property
    def runs(self) -> Path:
        """Job files of the run under way."""
        return self.directory / "runs"


def log_to_file(home: Home) -> None:
    """Send every log record and warning of this process to the home's log, so that none is drawn on the terminal."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    handler = RotatingFileHandler(home.log, maxBytes=LOG_BYTES, backupCount=LOGS_KEPT, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.captureWarnings(True)
