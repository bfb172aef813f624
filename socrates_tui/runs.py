"""The runs that made the versions of this home, as the versions tell them. A run without a version leaves nothing."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.registry import Registry, Version
from socrates_language import marked, ngettext, tr

if TYPE_CHECKING:
    from adapters.figures import Evaluation


@dataclass(frozen=True)
class PastRun:
    """What is known of one run; None for what its version does not tell."""

    version: str
    title: str
    created: str
    base: str
    parent: str
    """The version that it was judged against."""
    examples: int
    preset: str | None
    epochs: int | None
    """Those that were run, of which the best was kept."""
    held_out_before: float | None
    """The parent's loss per token on the held-out examples."""
    held_out_after: float | None
    """The new version's on the same."""
    seconds: float | None
    device: str | None
    active: bool
    """Whether the version is the active one now."""
    passed: bool | None
    """Whether it could become active by itself, or was kept aside."""
    reason: str
    """In English, as its version keeps it."""
    directory: Path

    @property
    def judged(self) -> str:
        """What came of it, in a word or two of English."""
        return {True: marked("passed"), False: marked("kept aside"), None: "–"}[self.passed]

    @property
    def reason_told(self) -> str:
        """Why it was judged so, in the language that is spoken."""
        from adapters.gate import reason_told  # not needed before the first screen

        return reason_told(self.reason)

    def told(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        return asdict(self) | {"directory": str(self.directory)}

    def evaluation(self) -> "Evaluation | None":
        """Return what was measured at its end, of the base, the parent and the new version."""
        from adapters.figures import read_evaluation

        return read_evaluation(self.directory)


def past_runs(registry: Registry) -> list[PastRun]:
    """Return the runs of this home, newest first; imported versions are not of them."""
    active = registry.active
    return [_run(version, active) for version in reversed(registry.versions()) if version.as_of]


def past_run(registry: Registry, version: str) -> PastRun:
    """Return the run that made ``version``; VersionError where there is none of that name."""
    return _run(registry.get(version), registry.active)


def course(run: PastRun) -> Sequence[str]:
    """Return how it was made, a few words each."""
    told = [
        ngettext("{number} example", "{number} examples", run.examples).format(number=f"{run.examples:,}"),
        "" if run.preset is None else tr("preset {name}").format(name=run.preset),
        ""
        if run.epochs is None
        else ngettext("{number} epoch", "{number} epochs", run.epochs).format(number=run.epochs),
        "" if run.seconds is None else duration(run.seconds),
        "" if run.device is None else tr("on {device}").format(device=run.device),
    ]
    return [words for words in told if words]


def duration(seconds: float) -> str:
    """Return ``seconds`` as a person says it: 45 s, 3 min 20 s, 2 h 5 min."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{seconds} s").format(seconds=whole)
    if whole < 3600:
        return tr("{minutes} min {seconds} s").format(minutes=whole // 60, seconds=whole % 60)
    return tr("{hours} h {minutes} min").format(hours=whole // 3600, minutes=whole % 3600 // 60)


def _run(version: Version, active: str) -> PastRun:
    from adapters.figures import read_evaluation  # not needed before the first screen

    manifest = version.manifest
    recipe, held_out = manifest.get("recipe") or {}, manifest.get("held_out") or {}
    evaluation = read_evaluation(version.directory)
    return PastRun(
        version=version.name,
        title=version.title,
        created=version.created,
        base=version.base,
        parent=version.parent,
        examples=version.examples,
        preset=recipe.get("preset"),
        epochs=recipe.get("epochs_run"),
        held_out_before=held_out.get("parent"),
        held_out_after=version.held_out_loss,
        seconds=manifest.get("seconds"),
        device=manifest.get("device"),
        active=version.name == active,
        passed=None if evaluation is None else evaluation.better,
        reason="" if evaluation is None else evaluation.reason,
        directory=version.directory,
    )
