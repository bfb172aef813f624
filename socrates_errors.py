"""The tree of errors whose message is a sentence for the user. It imports nothing, so every package may import it.

SocratesError
├── SettingsError     a setting that cannot be read or is not known
├── CorpusError       the corpus refuses an act, an import line or a database
│   ├── CorpusBusyError     another program is writing to the corpus
│   └── CorpusDamagedError  the file of the corpus is damaged
├── BaseUnavailableError  a base that cannot be had, read or used on this machine
├── VersionError      a version that is missing, damaged or does not fit the base
├── EngineError       a reply that cannot be given
└── TrainingError     a run that cannot start or failed
"""


class SocratesError(Exception):
    """A failure that the user can act on; its message says what to do."""


class SettingsError(SocratesError):
    """A setting cannot be read or is not known."""


class CorpusError(SocratesError):
    """The corpus refuses an act, an imported line or a database."""


class CorpusBusyError(CorpusError):
    """Another program has the corpus; the same act can be done once that has ended.

    ``reason`` says who, without the ``advice``.
    """

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason} {advice}")
        self.reason = reason


class CorpusDamagedError(CorpusError):
    """The file of the corpus is damaged."""


class BaseUnavailableError(SocratesError):
    """A base cannot be had, read or used on this machine."""


class VersionError(SocratesError):
    """A version is missing, damaged or does not fit the base."""


class EngineError(SocratesError):
    """A reply cannot be given."""


class TrainingError(SocratesError):
    """A run cannot start, or failed."""
