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
from socrates_language import marked, ngettext, tr

Kind = Literal["leak", "contradiction", "duplicate", "near-duplicate", "rewrite", "language", "length", "style"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_NAMED = 20
"""Turns that an advised command names; another check finds the rest."""
_START = 30
"""Characters of a prompt that are quoted."""

_NEARLY_THE_SAME = marked(
    "Examples {train} of training and {held_out} of the held-out side are nearly the same: {prompt}."
)
_SAME_PROMPT = marked(
    "Examples {train} of training and {held_out} of the held-out side answer the same prompt after the same turns: "
    "{prompt}."
)
_NEAR_PROMPT = marked(
    "Examples {train} of training and {held_out} of the held-out side answer nearly the same prompt in conversations "
    "that open alike: {prompt}."
)


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
            yield _leak(db, found, _NEARLY_THE_SAME)
            continue
        same = defaultdict(list)
        for mark in found:
            same[mark.whole].append(mark)
        for first, *others in same.values():
            if others:
                yield Finding(
                    "duplicate",
                    _ids([first, *others]),
                    tr("Examples {examples} are the same: {prompt}.").format(
                        examples=_listed([first, *others]), prompt=_quoted(db, first)
                    ),
                    tr("{command} keeps the oldest.").format(command=_command("drop", others)),
                )
        first, *others = (alike[0] for alike in same.values())
        if others:
            yield Finding(
                "near-duplicate",
                _ids([first, *others]),
                tr("Examples {examples} are nearly the same: {prompt}.").format(
                    examples=_listed([first, *others]), prompt=_quoted(db, first)
                ),
                tr("{command} keeps the oldest.").format(command=_command("drop", others)),
            )


def _contradictions(db: Database, marks: Sequence[Mark], near: clusters.Clusters) -> Iterator[Finding]:
    for places in clusters.equal([mark.question for mark in marks]):
        found = [marks[place] for place in {near.of(place): place for place in places}.values()]
        if _on_both_sides(found):
            yield _leak(db, found, _SAME_PROMPT)
        elif len(found) > 1:
            *others, newest = found
            yield Finding(
                "contradiction",
                _ids(found),
                tr("Examples {examples} answer the same prompt differently: {prompt}.").format(
                    examples=_listed(found), prompt=_quoted(db, newest)
                ),
                tr("Keep the one that you mean: {command} keeps the newest.").format(command=_command("drop", others)),
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
                    yield _leak(db, found, _NEAR_PROMPT)


def _rewrites(marks: Sequence[Mark]) -> Iterator[Finding]:
    if empty := [mark for mark in marks if mark.empty]:
        yield Finding(
            "rewrite",
            _ids(empty),
            tr("The targets of {examples} have neither letters nor digits.").format(examples=_listed(empty)),
            tr("Rewrite them, or {command}.").format(command=_command("drop", empty)),
        )
    if unchanged := [mark for mark in marks if mark.unchanged and not mark.empty]:
        yield Finding(
            "rewrite",
            _ids(unchanged),
            tr("The rewrites of {examples} differ from the reply in case, spacing or punctuation only.").format(
                examples=_listed(unchanged)
            ),
            tr("Where that is not what you meant, rewrite again, or {command}.").format(
                command=_command("approve", unchanged)
            ),
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
                tr(
                    "The targets of {examples} are {language}, unlike their prompts; "
                    "{share} of all targets are {usual}."
                ).format(
                    examples=_listed(found),
                    language=tr(language),
                    share=_percent(count / counts.total()),
                    usual=tr(usual),
                ),
                tr("Rewrite them, or {command}.").format(command=_command("drop", found)),
            )


def _styles(marks: Sequence[Mark]) -> Iterator[Finding]:
    if written_out := [mark for mark in marks if mark.written_out]:
        yield Finding(
            "style",
            _ids(written_out),
            tr("The targets of {examples} have line breaks written out as \\n, which would be learnt.").format(
                examples=_listed(written_out)
            ),
            tr("Rewrite them, or mend the file that they came from and import it into a new home."),
        )
    spoken = defaultdict(list)
    for mark in marks:
        if mark.language:
            spoken[mark.language].append(mark)
    for language, of_language in spoken.items():
        for unlike in outliers([mark.features for mark in of_language], [mark.characters for mark in of_language]):
            found = [of_language[place] for place in unlike.places]
            yield Finding(
                "style",
                _ids(found),
                ngettext(
                    "Only {number} of {count} {language} targets ({share}) comes {unlike}: {examples}.",
                    "Only {number} of {count} {language} targets ({share}) come {unlike}: {examples}.",
                    len(found),
                ).format(
                    number=len(found),
                    count=len(of_language),
                    language=tr(language),
                    share=_percent(len(found) / len(of_language)),
                    unlike=unlike.what,
                    examples=_listed(found),
                ),
                tr("Look at each, as with {command}, and rewrite what is not meant so.").format(
                    command=_command("show", found[:1])
                ),
            )


def _lengths(marks: Sequence[Mark], limit: int) -> Iterator[Finding]:
    if left_out := [mark for mark in marks if mark.fewest_tokens > limit]:
        yield Finding(
            "length",
            _ids(left_out),
            tr("Prompt and target of {examples} have more than {limit} tokens: training leaves them out.").format(
                examples=_listed(left_out), limit=limit
            ),
            tr("Rewrite them shorter, or {command}.").format(command=_command("drop", left_out)),
        )
    if cut := [mark for mark in marks if mark.fewest_tokens <= limit < mark.most_tokens]:
        yield Finding(
            "length",
            _ids(cut),
            tr(
                "With their context, {examples} have more than {limit} tokens: training leaves out the oldest turns."
            ).format(examples=_listed(cut), limit=limit),
            tr("Nothing need be done, unless the oldest turns matter."),
        )


def _leak(db: Database, found: Sequence[Mark], sentence: str) -> Finding:
    train = [mark for mark in found if not mark.held_out]
    held_out = [mark for mark in found if mark.held_out]
    return Finding(
        "leak",
        _ids(found),
        tr(sentence).format(train=_listed(train), held_out=_listed(held_out), prompt=_quoted(db, held_out[0])),
        tr("{command} leaves it to the held-out side.").format(command=_command("drop", train)),
    )


def _on_both_sides(found: Sequence[Mark]) -> bool:
    return len({mark.held_out for mark in found}) == 2


def _ids(found: Sequence[Mark]) -> tuple[int, ...]:
    return tuple(sorted(mark.id for mark in found))


def _listed(found: Sequence[Mark]) -> str:
    ids = _ids(found)
    named = ", ".join(map(str, ids[:_NAMED]))
    return tr("{ids} and {number} more").format(ids=named, number=len(ids) - _NAMED) if len(ids) > _NAMED else named


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
