"""One report on the examples before a training: what repeats, contradicts, leaks or does not fit, and what to do."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, get_args

from corpus import clusters, openings
from corpus.database import one_line, reading
from corpus.outliers import outliers
from corpus.similar import letters, likeness
from corpus.sqlite import Database
from corpus.store import Corpus
from corpus.survey import Lengths, Mark, survey
from corpus.turns import turn

Kind = Literal["leak", "contradiction", "duplicate", "near-duplicate", "rewrite", "language", "length", "style"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAMED = 20
"""Turns that an advised command names; another check finds the rest."""
_START = 30
"""Characters of a prompt that are quoted."""


@dataclass(frozen=True)
class Finding:
    """Something in the corpus that a training would suffer from, or may."""

    kind: Kind
    turns: tuple[int, ...]
    what: str
    """A sentence."""
    advice: str
    """A sentence, with the command if there is one."""


@dataclass(frozen=True)
class Report:
    """What a check found."""

    train: int
    """Examples."""
    held_out: int
    tokens: int | None
    """Of the prompts and targets of all examples; None where lengths were not given."""
    findings: list[Finding]
    """By kind, then by turn."""


def check(corpus: Corpus, *, lengths: Lengths | None = None) -> Report:
    """Look at every example of both sides. Without ``lengths`` those that are too long are not found."""
    with reading(corpus.db):
        marks = list(survey(corpus.db, lengths))
        findings = sorted(
            _findings(corpus.db, marks, lengths), key=lambda finding: (KINDS.index(finding.kind), finding.turns)
        )
    held_out = sum(mark.held_out for mark in marks)
    return Report(
        train=len(marks) - held_out,
        held_out=held_out,
        tokens=sum(mark.tokens for mark in marks) if lengths else None,
        findings=findings,
    )


def _findings(db: Database, marks: Sequence[Mark], lengths: Lengths | None) -> Iterator[Finding]:
    near = clusters.near([mark.sketch for mark in marks], _letters_of(db, marks))
    yield from _repetitions(db, marks, near)
    yield from _contradictions(db, marks, near)
    yield from _openings(db, marks, near)
    yield from _rewrites(marks)
    yield from _languages(marks)
    yield from _styles(marks)
    if lengths:
        yield from _lengths(marks, lengths.limit)


def _repetitions(db: Database, marks: Sequence[Mark], near: clusters.Clusters) -> Iterator[Finding]:
    for places in near.larger():
        found = [marks[place] for place in places]
        if _on_both_sides(found):
            yield _leak(db, found, "are nearly the same")
            continue
        same = defaultdict(list)
        for mark in found:
            same[mark.whole].append(mark)
        for first, *others in same.values():
            if others:
                yield Finding(
                    "duplicate",
                    _ids([first, *others]),
                    f"Examples {_listed([first, *others])} are the same: {_quoted(db, first)}.",
                    f"{_command('drop', others)} keeps the oldest.",
                )
        first, *others = (alike[0] for alike in same.values())
        if others:
            yield Finding(
                "near-duplicate",
                _ids([first, *others]),
                f"Examples {_listed([first, *others])} are nearly the same: {_quoted(db, first)}.",
                f"{_command('drop', others)} keeps the oldest.",
            )


def _contradictions(db: Database, marks: Sequence[Mark], near: clusters.Clusters) -> Iterator[Finding]:
    for places in clusters.equal([mark.question for mark in marks]):
        found = [marks[place] for place in {near.of(place): place for place in places}.values()]
        if _on_both_sides(found):
            yield _leak(db, found, "answer the same prompt after the same turns")
        elif len(found) > 1:
            *others, newest = found
            yield Finding(
                "contradiction",
                _ids(found),
                f"Examples {_listed(found)} answer the same prompt differently: {_quoted(db, newest)}.",
                f"Keep the one that you mean: {_command('drop', others)} keeps the newest.",
            )


def _openings(db: Database, marks: Sequence[Mark], near: clusters.Clusters) -> Iterator[Finding]:
    """Yield leaks by prompts that are near in conversations that open alike, as far as they are not yielded already."""
    places = defaultdict(list)
    for place, mark in enumerate(marks):
        places[mark.conversation].append(place)
    for conversation, held_out in places.items():
        if marks[held_out[0]].held_out:
            for other in openings.alike(db, conversation):
                leaking = {
                    place
                    for one in held_out
                    for another in places.get(other, [])
                    if not marks[another].held_out
                    and near.of(one) != near.of(another)
                    and marks[one].question != marks[another].question
                    and likeness(letters(_texts(db, marks[one])[0]), letters(_texts(db, marks[another])[0]))
                    for place in (one, another)
                }
                if leaking:
                    found = [marks[place] for place in sorted(leaking)]
                    yield _leak(db, found, "answer nearly the same prompt in conversations that open alike")


def _rewrites(marks: Sequence[Mark]) -> Iterator[Finding]:
    if empty := [mark for mark in marks if mark.empty]:
        yield Finding(
            "rewrite",
            _ids(empty),
            f"The targets of {_listed(empty)} have neither letters nor digits.",
            f"Rewrite them, or {_command('drop', empty)}.",
        )
    if unchanged := [mark for mark in marks if mark.unchanged and not mark.empty]:
        yield Finding(
            "rewrite",
            _ids(unchanged),
            f"The rewrites of {_listed(unchanged)} differ from the reply in case, spacing or punctuation only.",
            f"Where that is not what you meant, rewrite again, or {_command('approve', unchanged)}.",
        )


def _languages(marks: Sequence[Mark]) -> Iterator[Finding]:
    counts = Counter(mark.language for mark in marks if mark.language)
    if not counts:
        return
    ((usual, count),) = counts.most_common(1)
    for language in counts.keys() - {usual}:
        if found := [mark for mark in marks if mark.language == language and mark.foreign]:
            yield Finding(
                "language",
                _ids(found),
                f"The targets of {_listed(found)} are {language}, unlike their prompts; "
                f"{_percent(count / counts.total())} of all targets are {usual}.",
                f"Rewrite them, or {_command('drop', found)}.",
            )


def _styles(marks: Sequence[Mark]) -> Iterator[Finding]:
    if written_out := [mark for mark in marks if mark.written_out]:
        yield Finding(
            "style",
            _ids(written_out),
            f"The targets of {_listed(written_out)} have line breaks written out as \\n, which would be learnt.",
            "Rewrite them, or mend the file that they came from and import it into a new home.",
        )
    spoken = defaultdict(list)
    for mark in marks:
        if mark.language:
            spoken[mark.language].append(mark)
    for language, of_language in spoken.items():
        for unlike in outliers([mark.features for mark in of_language], [mark.characters for mark in of_language]):
            found = [of_language[place] for place in unlike.places]
            share = _percent(len(found) / len(of_language))
            yield Finding(
                "style",
                _ids(found),
                f"Only {len(found)} of {len(of_language)} {language} targets ({share}) "
                f"come{'s' if len(found) == 1 else ''} {unlike.what}: {_listed(found)}.",
                f"Look at each, as with `socrates corpus show {found[0].id}`, and rewrite what is not meant so.",
            )


def _lengths(marks: Sequence[Mark], limit: int) -> Iterator[Finding]:
    if left_out := [mark for mark in marks if mark.fewest_tokens > limit]:
        yield Finding(
            "length",
            _ids(left_out),
            f"Prompt and target of {_listed(left_out)} have more than {limit} tokens: training leaves them out.",
            f"Rewrite them shorter, or {_command('drop', left_out)}.",
        )
    if cut := [mark for mark in marks if mark.fewest_tokens <= limit < mark.most_tokens]:
        yield Finding(
            "length",
            _ids(cut),
            f"With their context, {_listed(cut)} have more than {limit} tokens: training leaves out the oldest turns.",
            "Nothing need be done, unless the oldest turns matter.",
        )


def _leak(db: Database, found: Sequence[Mark], what: str) -> Finding:
    train = [mark for mark in found if not mark.held_out]
    held_out = [mark for mark in found if mark.held_out]
    return Finding(
        "leak",
        _ids(found),
        f"Examples {_listed(train)} of training and {_listed(held_out)} of the held-out side {what}: "
        f"{_quoted(db, held_out[0])}.",
        f"{_command('drop', train)} leaves it to the held-out side.",
    )


def _on_both_sides(found: Sequence[Mark]) -> bool:
    return len({mark.held_out for mark in found}) == 2


def _ids(found: Sequence[Mark]) -> tuple[int, ...]:
    return tuple(sorted(mark.id for mark in found))


def _listed(found: Sequence[Mark]) -> str:
    ids = _ids(found)
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(map(str, ids[:_NAMED])) + more


def _percent(share: float) -> str:
    return f"{100 * share:.2g}%" if share < 0.1 else f"{share:.1%}"


def _command(act: str, found: Sequence[Mark]) -> str:
    ids = _ids(found)
    return f"`socrates corpus {act} {' '.join(map(str, ids[:_NAMED]))}`"


def _letters_of(db: Database, marks: Sequence[Mark]) -> Callable[[int], str]:
    @lru_cache(4096)
    def of(place: int) -> str:
        return "".join(map(letters, _texts(db, marks[place])))

    return of


def _texts(db: Database, mark: Mark) -> tuple[str, str]:
    """Return the prompt and the target."""
    found = turn(db, mark.id)
    return found.prompt, found.text


def _quoted(db: Database, mark: Mark) -> str:
    prompt = one_line(_texts(db, mark)[0])
    return f"“{prompt if len(prompt) <= _START else prompt[: _START - 1] + '…'}”"
