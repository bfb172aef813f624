"""One retraining, from the corpus to a published version. Moving the active pointer is the caller's work.

A run that was killed is discarded, not resumed: what it had read and written is swept away, and the next one says so.
"""

import json
import logging
import math
import shutil
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.api import EMBEDDED, Event
from adapters.recipe import Recipe
from adapters.registry import Registry, Version
from adapters.runner import Job, Run
from corpus.backup import back_up_daily
from corpus.records import Example
from corpus.store import Corpus
from socrates_errors import CorpusError, TrainingError
from socrates_language import marked, ngettext, tr
from socrates_tui.home import Home

if TYPE_CHECKING:
    from corpus.quality import Report

TOKENS_PER_S = {EMBEDDED: 200.0}
"""Pace of a two-core CPU, until this machine's own is known; other bases are too unlike each other to guess."""

APART_S = 10.0
"""What a run takes apart from its steps, loading the base and judging, until this machine's own is known."""

_MOST_NAMED = 5

_TOO_LONG = marked("Turns too long to be learnt from: {turns}.")
_CUT = marked("Turns whose oldest context is left out: {turns}.")
UNFINISHED = marked("The last training was ended before it had finished; nothing of it was kept.")

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
    tokens: int | None = None
    """Of the training examples, each conversation read once; None where the base is not on this machine yet."""
    too_long: list[Any] = field(default_factory=list)
    """Ids of the examples that are too long to be learnt from."""
    cut: list[Any] = field(default_factory=list)
    """Ids of those whose context loses its oldest turns."""
    memory_bytes: int | None = None
    """About how much, as the last run took; None where nothing tells."""
    since: str | None = None
    """The moment after which an example is new; None where all are."""
    unfinished: bool = False
    """Whether the run before this one was ended before it had finished."""

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
        self._unfinished = False
        """Whether the run before this one was killed."""

    def preflight(self, corpus: Corpus | None = None) -> Preflight:
        """Say what a run would be made of. Without ``corpus`` the home's own is opened and closed again."""
        if any(self._home.runs.iterdir()):
            with suppress(TrainingError), self._alone():
                pass  # it is swept away, unless it is at work
        if corpus is None:
            with Corpus(self._home.database) as opened:
                return self._preflight(opened, list(opened.examples("train")))
        return self._preflight(corpus, list(corpus.examples("train")))

    def check(self) -> "Report":
        """Look for what the examples would suffer from; of many examples it takes seconds. Lengths are preflight's."""
        from corpus.quality import check  # not needed before the first screen

        with Corpus(self._home.database) as corpus:
            return check(corpus)

    def events(self) -> Generator[Event, None, None]:
        """Yield preflight, then the run's events; the last is published, refused or failed.

        Raises TrainingError while another run of this home is under way, and where the run's files cannot be written.
        """
        with self._alone() as directory:
            try:
                job, preflight = self._prepare(directory)
            except OSError as error:
                raise TrainingError(
                    tr(
                        "The training's files could not be written ({trouble}): free some disk space and train again."
                    ).format(trouble=error)
                ) from error
            yield preflight.event()
            if not preflight.ready:
                yield {"event": "refused", "reason": preflight.sentence}
                return
            run = Run(job, directory=directory, log=self._log(), command=self._command)
            self._run = run
            if self._cancelled:
                run.cancel()
            yield from run.events()

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
            return " " + tr("The corpus was not backed up first. {trouble}").format(trouble=error)
        return ""

    def _preflight(self, corpus: Corpus, examples: list[Example]) -> Preflight:
        newest = newest_own(self._registry, self._base)
        since = newest.as_of if newest else None
        new = corpus.count_examples("train", since=since)
        held_out = corpus.count_examples("held-out")
        told = newest.manifest if newest else {}
        tokens, too_long, cut = self._encoded(examples)
        seconds = None if tokens is None else self._seconds(tokens, told)
        memory_bytes = told.get("peak_memory_bytes")
        if not examples:
            ready, sentence = False, tr("There is nothing to train on yet: approve or rewrite a reply first.")
        elif not new and not self._force:
            ready = False
            sentence = tr(
                "Nothing is new since the last training: judge more replies, or train all the same with --force."
            )
        else:
            ready = True
            figures = _figures(len(examples), tokens, seconds, memory_bytes).format(
                number=len(examples),
                tokens=f"{tokens or 0:,}",
                new=new,
                held_out=held_out,
                time=roughly(seconds or 0),
                memory=f"{(memory_bytes or 0) / 1e9:.1f}",
            )
            sentence = " ".join([figures, *_named(too_long, _TOO_LONG), *_named(cut, _CUT)])
        if self._unfinished:
            sentence += f" {tr(UNFINISHED)}"
        return Preflight(
            examples=len(examples),
            new=new,
            held_out=held_out,
            seconds=seconds,
            sentence=sentence,
            ready=ready,
            tokens=tokens,
            too_long=too_long,
            cut=cut,
            memory_bytes=memory_bytes,
            since=since,
            unfinished=self._unfinished,
        )

    def _encoded(self, examples: list[Example]) -> tuple[int | None, list[Any], list[Any]]:
        """Count the examples' tokens as the run will; also return the ids of those too long, and of those cut."""
        from adapters.tokenizers_here import encoder_here  # not needed before the first screen

        encoder = encoder_here(self._base, self._home.models)
        if encoder is None:
            return None, [], []
        lines, limit = [example.line() for example in examples], self._recipe.max_tokens
        rows, too_long = encoder.rows(lines, limit, pairs=self._recipe.pair_weight > 0)
        longer = [line["id"] for line in lines if encoder.length(line["messages"]) > limit]
        cut = [name for name in longer if name not in too_long]
        return sum(len(row.ids) for row in rows), too_long, cut

    def _seconds(self, tokens: int, told: dict[str, Any]) -> float | None:
        """Estimate the run's length from the pace of the last one on this machine, whose manifest is ``told``."""
        tokens_per_s, apart_s = TOKENS_PER_S.get(self._base), APART_S
        last_tokens, last_epochs = told.get("corpus", {}).get("tokens"), told.get("recipe", {}).get("epochs_run")
        if last_tokens and last_epochs and told.get("step_seconds"):
            tokens_per_s = last_tokens * last_epochs / told["step_seconds"]
            apart_s = told["seconds"] - told["step_seconds"]
        if not tokens_per_s:
            return None
        steps = max(1, math.ceil(tokens / self._recipe.batch_tokens))
        epochs = max(self._recipe.epochs, math.ceil(self._recipe.min_steps / steps))
        return round(apart_s + tokens * epochs / tokens_per_s, 1)

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
            raise TrainingError(
                tr("A training is under way in this home: wait for it to end, or cancel it.")
            ) from error
        try:
            self._unfinished = self._unfinished or any(self._home.runs.iterdir())
            shutil.rmtree(self._home.runs, ignore_errors=True)
            self._home.runs.mkdir(mode=0o700)
            yield self._home.runs
        finally:
            for path in self._home.runs.iterdir():
                path.unlink()
            Registry(self._registry.directory)  # sweeps away the draft of a child that was killed
            lock.release()


def newest_own(registry: Registry, base: str) -> Version | None:
    """Return the newest version that was trained on this home's corpus for ``base``."""
    own = [version for version in registry.versions() if version.base == base and version.as_of]
    return own[-1] if own else None


def roughly(seconds: float) -> str:
    """Return a length of time as precisely as it can be estimated: 45 s, 3 min."""
    if seconds < 90:
        return tr("{seconds} s").format(seconds=max(1, round(seconds)))
    return tr("{minutes} min").format(minutes=round(seconds / 60))


def _write(path: Path, examples: Iterable[Example]) -> int:
    """Write one example a line; return how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for count, example in enumerate(examples, 1):  # noqa: B007
            file.write(json.dumps(example.line(), ensure_ascii=False) + "\n")
    return count


def _figures(examples: int, tokens: int | None, seconds: float | None, memory_bytes: int | None) -> str:
    """Return the sentence for the figures that are known."""
    if tokens is None:
        return ngettext(
            "{number} example, {new} new, {held_out} held out.",
            "{number} examples, {new} new, {held_out} held out.",
            examples,
        )
    if seconds is None:
        return ngettext(
            "{number} example ({tokens} tokens), {new} new, {held_out} held out.",
            "{number} examples ({tokens} tokens), {new} new, {held_out} held out.",
            examples,
        )
    if not memory_bytes:
        return ngettext(
            "{number} example ({tokens} tokens), {new} new, {held_out} held out, about {time}.",
            "{number} examples ({tokens} tokens), {new} new, {held_out} held out, about {time}.",
            examples,
        )
    return ngettext(
        "{number} example ({tokens} tokens), {new} new, {held_out} held out, about {time} and {memory} GB of memory.",
        "{number} examples ({tokens} tokens), {new} new, {held_out} held out, about {time} and {memory} GB of memory.",
        examples,
    )


def _named(ids: Sequence[Any], sentence: str) -> Iterator[str]:
    """Yield the sentence with these ids, if there are any."""
    if ids:
        named = ", ".join(map(str, ids[:_MOST_NAMED]))
        more = len(ids) - _MOST_NAMED
        yield tr(sentence).format(
            turns=tr("{ids} and {number} more").format(ids=named, number=more) if more > 0 else named
        )
