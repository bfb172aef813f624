"""The versions on disk and the pointer to the active one. Loading weights is the engine's work, making them a run's."""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from adapters.api import BASE
from adapters.files import replace_text, sync
from adapters.manifest import MANIFEST, as_json, from_elsewhere, json_object, now, plain_manifest
from adapters.servable import check_weights, refuse_unservable
from socrates_errors import VersionError
from socrates_language import tr

EVALUATION = "eval.json"
"""What was measured of a version, where something was; ``adapters.figures`` reads it."""
ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
"""The two files of a standard PEFT directory."""

STARTER = "v0000"
"""The version that a new home begins with."""
_NAME = re.compile(r"v\d{4,}")
_LOCK = ".lock"
_LAST_NUMBER = ".last-number"
"""The highest number ever given, so that a deleted version's number is not given again."""
_DRAFT = ".draft-"
_REMEMBERED = 20
"""How many names the history keeps besides the newest."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """One trained adapter, as its version.json tells it."""

    name: str
    title: str
    note: str
    parent: str
    """The version it was judged against and made from, or ``base``."""
    base: str
    """The base's id."""
    weights_hash: str
    """The hash of the base's weights; empty for an adapter that does not tell."""
    examples: int
    held_out_loss: float | None
    """Its own loss per token on the held-out examples."""
    created: str
    as_of: str
    """When its examples were read: ISO 8601, UTC; empty for an imported version, whose corpus is another."""
    directory: Path
    manifest: dict[str, Any]


class Registry:
    """The versions in ``directory``. Every write is atomic; several processes may share it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.pointer = directory.parent / "active"
        self.history = directory.parent / "active-before"
        """The names that the pointer had, each once, the newest last."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()

    # What there is

    def versions(self) -> list[Version]:
        """Return every whole version, oldest first."""
        return self._read()[0]

    def damaged(self) -> list[str]:
        """Return the names of directories that hold no readable version."""
        return self._read()[1]

    def get(self, name: str) -> Version:
        """Return the version called ``name``."""
        if _NAME.fullmatch(name) and (self.directory / name).is_dir():
            try:
                return _version(self.directory / name)
            except ValueError as error:
                raise VersionError(
                    tr(
                        "Version {version} is damaged: {reason}. Let another one speak (`socrates versions use base`), "
                        "then delete it."
                    ).format(version=name, reason=error)
                ) from error
        names = self._names()
        near = get_close_matches(name, names, n=3, cutoff=0.5) or names[-3:]
        if not near:
            raise VersionError(
                tr("There is no version {version}. There is none yet: train one first.").format(version=repr(name))
            )
        raise VersionError(
            tr("There is no version {version}. The nearest: {names}.").format(version=repr(name), names=", ".join(near))
        )

    @property
    def starter(self) -> Version | None:
        """The version that the home began with; None where it has none, or none that is whole."""
        try:
            return self.get(STARTER)
        except VersionError:
            return None

    @property
    def active(self) -> str:
        """The active version's name; ``base`` where nothing, or nothing that is there, was activated."""
        try:
            name = self.pointer.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return BASE
        return name if self._is_there(name) else BASE

    def active_for(self, base: str) -> str:
        """Return the active version's name if it is one of ``base``'s and whole, else ``base``."""
        try:
            return self.active if self.active != BASE and self.get(self.active).base == base else BASE
        except VersionError:
            return BASE

    @property
    def before(self) -> str | None:
        """The version that was active before the active one, of those that are still there; None where none was."""
        active = self.active
        return next((name for name in reversed(self._history()) if name != active and self._is_there(name)), None)

    def to_speak(self, base: str) -> str:
        """Return the active version's name, whosever it is; but ``base`` where it is another base's starter."""
        active = self.active
        return self.active_for(base) if active == STARTER else active

    def activate(self, name: str) -> None:
        """Make ``name`` (or ``base``) the active version, and remember the one before it."""
        if name != BASE:
            self.get(name)
        with self._locked():
            active = self.active
            if name != active:
                earlier = [known for known in self._history() if known not in (name, active)]
                with _writing(self.history):
                    replace_text(self.history, "".join(f"{known}\n" for known in [*earlier[-_REMEMBERED:], active]))
            with _writing(self.pointer):
                replace_text(self.pointer, name + "\n")

    # New versions

    @contextmanager
    def draft(self) -> Iterator[Path]:
        """Give an empty directory to write a version into; it is removed at the end unless it was published."""
        directory = Path(tempfile.mkdtemp(dir=self.directory, prefix=f"{_DRAFT}{os.getpid()}-"))
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def publish(self, draft: Path, manifest: dict[str, Any]) -> Version:
        """Turn the written ``draft`` into the next version: its manifest is written last, then it is renamed."""
        missing = [name for name in ADAPTER if not (draft / name).is_file()]
        if missing:
            raise VersionError(tr("The adapter has no {files}: nothing was published.").format(files=_none_of(missing)))
        with self._locked():
            return self._publish(draft, manifest, self._last_number() + 1)

    def _publish(self, draft: Path, manifest: dict[str, Any], number: int) -> Version:
        replace_text(self.directory / _LAST_NUMBER, f"{number}\n")
        name = f"v{number:04}"
        manifest = {"title": "", "note": ""} | manifest | {"name": name}
        manifest["title"] = _one_line(str(manifest["title"]))
        try:
            _parse(draft, manifest)
        except ValueError as error:
            raise VersionError(tr("Nothing was published: {reason}.").format(reason=error)) from error
        for path in draft.iterdir():
            sync(path)
        replace_text(draft / MANIFEST, as_json(manifest))
        draft.chmod(0o700)
        draft.rename(self.directory / name)
        sync(self.directory)
        return _version(self.directory / name)

    def begin_with(self, directory: Path) -> None:
        """Take in ``directory`` as the starter version, and activate it, where there has never been a version."""
        if self._begun():
            return
        with self.draft() as draft, self._locked(), _writing(draft):
            if not self._begun():  # by another program, meanwhile
                for file in (*ADAPTER, EVALUATION):
                    shutil.copyfile(directory / file, draft / file)
                self._publish(draft, from_elsewhere(json_object(directory / MANIFEST)), _number(STARTER))
                replace_text(self.pointer, STARTER + "\n")

    def _begun(self) -> bool:
        return self.pointer.exists() or (self.directory / _LAST_NUMBER).exists() or bool(self._names())

    # Care

    def rename(self, name: str, title: str) -> Version:
        """Give ``name`` another title, of one line; its name stays."""
        return self._amend(name, title=_one_line(title))

    def note(self, name: str, text: str) -> Version:
        """Write ``text`` beside ``name``, in the place of its earlier note."""
        return self._amend(name, note=text.strip())

    def why_kept(self, name: str) -> str | None:
        """Say why ``name`` cannot be deleted: it is active, or the parent of another; None where it can."""
        if name == self.active:
            return tr("{version} is active: activate another version first, then delete it.").format(version=name)
        children = [version.name for version in self.versions() if version.parent == name]
        if not children:
            return None
        return tr("{version} is the parent of {children}: delete those first.").format(
            version=name, children=", ".join(children)
        )

    def delete(self, name: str) -> None:
        """Remove ``name`` for good, unless something is the reason that it is kept."""
        with self._locked():
            if name not in self._names():
                self.get(name)
            if reason := self.why_kept(name):
                raise VersionError(reason)
            leaving = self.directory / f"{_DRAFT}{os.getpid()}-{name}"
            (self.directory / name).rename(leaving)
            sync(self.directory)
            shutil.rmtree(leaving, ignore_errors=True)

    # In and out

    def export_to(self, name: str, directory: Path) -> None:
        """Copy ``name`` to the new ``directory``, a standard PEFT directory with version.json beside it."""
        version = self.get(name)
        with _writing(directory):
            if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
                raise VersionError(
                    tr("{directory} is already there: name a new or an empty directory.").format(directory=directory)
                )
            directory.mkdir(parents=True, exist_ok=True)
            for file in (*ADAPTER, EVALUATION, MANIFEST):
                if (version.directory / file).exists():
                    shutil.copy2(version.directory / file, directory / file)

    def import_from(self, directory: Path) -> Version:
        """Take in an exported directory, or any PEFT LoRA directory that the engine can serve, under a new name."""
        try:
            missing = [name for name in ADAPTER if not (directory / name).is_file()]
            if missing:
                raise VersionError(
                    tr("{directory} has no {files}: name a PEFT adapter's directory.").format(
                        directory=directory, files=_none_of(missing)
                    )
                )
            config = json_object(directory / ADAPTER[0])
            told = json_object(directory / MANIFEST) if (directory / MANIFEST).is_file() else plain_manifest(config)
            refuse_unservable(config)
            check_weights(directory / ADAPTER[1])
        except OSError as error:
            raise VersionError(
                tr("{directory} cannot be read ({error}): name a directory that can.").format(
                    directory=directory, error=error.strerror
                )
            ) from error
        except ValueError as error:
            raise VersionError(
                tr("{directory} cannot be imported: {reason}.").format(directory=directory, reason=error)
            ) from error
        manifest = from_elsewhere(told) | {"imported": now()}
        with self.draft() as draft:
            with _writing(draft):
                for file in (*ADAPTER, EVALUATION):
                    if (directory / file).exists():
                        shutil.copyfile(directory / file, draft / file)
            return self.publish(draft, manifest)

    # Inside

    def _is_there(self, name: str) -> bool:
        return name == BASE or (bool(_NAME.fullmatch(name)) and (self.directory / name / MANIFEST).is_file())

    def _history(self) -> list[str]:
        try:
            return self.history.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            return []

    def _names(self) -> list[str]:
        names = (path.name for path in self.directory.iterdir() if path.is_dir())
        return sorted((name for name in names if _NAME.fullmatch(name)), key=_number)

    def _read(self) -> tuple[list[Version], list[str]]:
        whole, damaged = [], []
        for name in self._names():
            try:
                whole.append(_version(self.directory / name))
            except ValueError as error:
                log.warning("version %s is damaged: %s", name, error)
                damaged.append(name)
        return whole, damaged

    def _amend(self, name: str, **fields: str) -> Version:
        with self._locked():
            version = self.get(name)
            with _writing(version.directory):
                replace_text(version.directory / MANIFEST, as_json(version.manifest | fields))
        return self.get(name)

    def _last_number(self) -> int:
        last = self.directory / _LAST_NUMBER
        kept = last.read_text(encoding="utf-8").strip() if last.is_file() else ""
        return max([int(kept) if kept.isdecimal() else 0, *map(_number, self._names())])

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from filelock import FileLock

        with FileLock(self.directory / _LOCK):
            yield

    def _sweep(self) -> None:
        """Remove the drafts of processes that are no more."""
        for draft in self.directory.glob(f"{_DRAFT}*"):
            process = draft.name.removeprefix(_DRAFT).partition("-")[0]
            if not (process.isdecimal() and _alive(int(process))):
                shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Turn what the system says against writing ``path`` into a VersionError that says what to do."""
    try:
        yield
    except OSError as error:
        raise VersionError(
            tr("{path} cannot be written ({error}): make room and see that you may write there.").format(
                path=path, error=error.strerror
            )
        ) from error


def _version(directory: Path) -> Version:
    """Read the version in ``directory``; ValueError if it is not whole."""
    for file in ADAPTER:
        if not (directory / file).is_file():
            raise ValueError(tr("{file} is missing").format(file=file))
    return _parse(directory, json_object(directory / MANIFEST))


def _parse(directory: Path, manifest: dict[str, Any]) -> Version:
    try:
        loss = manifest["held_out"]["candidate"]
        datetime.fromisoformat(manifest["created"])
        return Version(
            name=directory.name,
            title=str(manifest["title"]),
            note=str(manifest["note"]),
            parent=str(manifest["parent"]),
            base=str(manifest["base"]["id"]),
            weights_hash=str(manifest["base"]["weights_hash"]),
            examples=int(manifest["corpus"]["examples"]),
            held_out_loss=None if loss is None else float(loss),
            created=str(manifest["created"]),
            as_of=str(manifest["corpus"]["as_of"]),
            directory=directory,
            manifest=manifest,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            tr("{file} does not tell what it must ({error})").format(file=MANIFEST, error=error)
        ) from error


def _none_of(files: Sequence[str]) -> str:
    """Return the names of one file, or of the two of ``ADAPTER``, as they stand behind "no"."""
    return tr("{file} and no {other}").format(file=files[0], other=files[1]) if len(files) > 1 else files[0]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _number(name: str) -> int:
    return int(name.removeprefix("v"))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
