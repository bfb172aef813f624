"""One retraining, from the corpus to a published version. Moving the active pointer is the caller's work."""

import json
import logging
import math
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from adapters.api import EMBEDDED, Event
from adapters.recipe import Recipe
from adapters.registry import Registry, Version
from adapters.runner import Job, Run
from corpus.backup import back_up_daily
from corpus.records import Example
from corpus.store import Corpus
from socrates_errors import CorpusError, TrainingError
from socrates_tui.home import Home

TOKENS_PER_S = {EMBEDDED: 200.0}
"""Pace of a two-core CPU, until this machine's own is known; other bases are too unlike each other to guess."""

APART_S = 10.0
"""What a run takes apart from its steps: loading the base, and judging."""

TOKENS_PER_CHARACTER = 0.5
"""Of Japanese text, until the corpus tells its own."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Preflight:
    """What a run would be made of, before it starts."""

    examples: int
    """Training examples."""
    new: int
    """Training examples judged since the newest version of this base."""
    held_out: int
    seconds: float | None
    """About how long at most; None where nothing tells."""
    sentence: str
    """The figures, or why there is nothing to train and what to do."""
    ready: bool

    def event(self) -> Event:
        """Return the first event of a run."""
        return {"event": "preflight"} | asdict(self)


class Retraining:
    """One run for ``base``. ``events`` may be iterated, and ``cancel`` called, in any thread."""

    def __init__(
        self,
        home: Home,
        base: str,
        registry: Registry,
        recipe: Recipe,
        *,
        title: str = "",
        force: bool = False,
        command: Sequence[str] | None = None,
    ) -> None:
        """``command`` stands in for the training process; the job's path is appended to it."""
        self._home = home
        self._base = base
        self._registry = registry
        self._recipe = recipe
        self._title = title
        self._force = force
        self._command = command
        self._run: Run | None = None
        self._cancelled = False

    def preflight(self, corpus: Corpus | None = None) -> Preflight:
        """Say what a run would be made of. Without ``corpus`` the home's own is opened and closed again."""
        if corpus is None:
            with Corpus(self._home.database) as opened:
                return self._preflight(opened, list(opened.examples("train")))
        return self._preflight(corpus, list(corpus.examples("train")))

    def events(self) -> Generator[Event, None, None]:
        """Yield preflight, then the run's events; the last is published, refused or failed.

        A published event tells by ``activate`` whether the version should become active. Raises TrainingError while
        another run of this home is under way.
        """
        with self._alone() as directory:
            job, preflight = self._prepare(directory)
            yield preflight.event()
            if not preflight.ready:
                yield {"event": "refused", "reason": preflight.sentence}
                return
            run = Run(job, directory=directory, log=self._log(), command=self._command)
            self._run = run
            if self._cancelled:
                run.cancel()
            for event in run.events():
                if event["event"] == "published":
                    yield event | {"activate": bool(event["better"]) or self._force}
                else:
                    yield event

    def cancel(self) -> None:
        """End the run; nothing it did is kept."""
        self._cancelled = True
        if self._run is not None:
            self._run.cancel()

    def _prepare(self, directory: Path) -> tuple[Job, Preflight]:
        as_of = datetime.now(UTC).isoformat(timespec="microseconds")  # before reading: what is judged meanwhile is new
        with Corpus(self._home.database) as corpus:
            examples = list(corpus.examples("train"))
            preflight = self._preflight(corpus, examples)
            held_out = _write(directory / "held_out.jsonl", corpus.examples("held-out"))
        _write(directory / "train.jsonl", examples)
        job = Job(
            base=self._base,
            models=str(self._home.models),
            versions=str(self._registry.directory),
            train=str(directory / "train.jsonl"),
            held_out=str(directory / "held_out.jsonl"),
            recipe=self._recipe.to_json(),
            parent=self._registry.active_for(self._base),
            title=self._title,
            as_of=as_of,
        )
        trouble = self._back_up() if preflight.ready else ""
        return job, replace(preflight, held_out=held_out, sentence=preflight.sentence + trouble)

    def _back_up(self) -> str:
        """Back the corpus up, once a day; return why that was not possible, which keeps no training from starting."""
        try:
            back_up_daily(self._home.database)
        except CorpusError as error:
            log.warning("no backup before the training: %s", error)
            return f" The corpus was not backed up first. {error}"
        return ""

    def _preflight(self, corpus: Corpus, examples: list[Example]) -> Preflight:
        newest = newest_own(self._registry, self._base)
        new = corpus.count_examples("train", since=newest.as_of if newest else None)
        held_out = corpus.count_examples("held-out")
        seconds = self._seconds(examples, newest)
        if not examples:
            ready, sentence = False, "There is nothing to train on yet: approve or rewrite a reply first."
        elif not new and not self._force:
            ready = False
            sentence = "Nothing is new since the last training: judge more replies, or train again with force."
        else:
            ready = True
            sentence = f"{_count(len(examples))}, {new} new, {held_out} held out{_about(seconds)}."
        return Preflight(len(examples), new, held_out, seconds, sentence, ready)

    def _seconds(self, examples: list[Example], newest: Version | None) -> float | None:
        """Estimate the run's length from the pace of the last one on this machine."""
        tokens_per_s, tokens_per_character = TOKENS_PER_S.get(self._base), TOKENS_PER_CHARACTER
        told = newest.manifest if newest else {}
        tokens, epochs = told.get("corpus", {}).get("tokens"), told.get("recipe", {}).get("epochs_run")
        if tokens and epochs and told.get("seconds"):
            tokens_per_s = tokens * epochs / max(1.0, told["seconds"] - APART_S)
            ids = set(told["corpus"]["ids"])
            known = _characters(example for example in examples if example.id in ids)
            tokens_per_character = tokens / known if known else tokens_per_character
        if not tokens_per_s:
            return None
        tokens = _characters(examples) * tokens_per_character
        steps = max(1, math.ceil(tokens / self._recipe.batch_tokens))
        epochs = max(self._recipe.epochs, math.ceil(self._recipe.min_steps / steps))
        return round(APART_S + tokens * epochs / tokens_per_s, 1)

    def _log(self) -> Path:
        """Return the file for the run's diagnostics, fresh; the last run's is kept beside it."""
        log = self._home.logs / "training.log"
        if log.is_file():
            log.replace(log.with_suffix(".log.1"))
        return log

    @contextmanager
    def _alone(self) -> Iterator[Path]:
        """Give a fresh directory for the job's files, for as long as this is the home's only run."""
        from filelock import FileLock, Timeout

        lock = FileLock(self._home.directory / "training.lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout as error:
            raise TrainingError("A training is under way in this home: wait for it to end, or cancel it.") from error
        try:
            shutil.rmtree(self._home.runs, ignore_errors=True)  # what a killed run left
            self._home.runs.mkdir(mode=0o700)
            yield self._home.runs
        finally:
            for path in self._home.runs.iterdir():
                path.unlink()
            lock.release()


def newest_own(registry: Registry, base: str) -> Version | None:
    """Return the newest version that was trained on this home's corpus for ``base``."""
    own = [version for version in registry.versions() if version.base == base and version.as_of]
    return own[-1] if own else None


def _characters(examples: Iterable[Example]) -> int:
    """Count the characters of prompts and targets; the turns before them are other examples' and are read once."""
    return sum(len(message["content"]) for example in examples for message in example.messages[-2:])


def _write(path: Path, examples: Iterable[Example]) -> int:
    """Write one example a line; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, example in enumerate(examples, 1):  # noqa: B007
            file.write(json.dumps(example.line(), ensure_ascii=False) + "\n")
    return count


def _count(examples: int) -> str:
    return f"{examples} example{'' if examples == 1 else 's'}"


def _about(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {max(1, round(seconds))} s" if seconds < 90 else f", about {round(seconds / 60)} min"
