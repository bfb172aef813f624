"""The kinds of what a check of the corpus finds, as a reader is told them. Finding them is corpus.quality's work."""

from typing import TYPE_CHECKING

from socrates_language import marked

if TYPE_CHECKING:
    from corpus.quality import Kind

TITLES: "dict[Kind, str]" = {
    "leak": marked("Held-out leaks"),
    "contradiction": marked("Contradictions"),
    "duplicate": marked("Duplicates"),
    "near-duplicate": marked("Near-duplicates"),
    "rewrite": marked("Empty or unchanged"),
    "language": marked("Other languages"),
    "length": marked("Too long"),
    "style": marked("Unlike the others"),
}

MEANINGS: "dict[Kind, str]" = {
    "leak": marked("Training and held-out side have nearly the same; so the held-out loss tells too little."),
    "contradiction": marked("The same prompt is answered differently; a version learns neither well."),
    "duplicate": marked("The same example more than once counts more than once."),
    "near-duplicate": marked("Nearly the same examples count as often as there are of them."),
    "rewrite": marked("Targets without words, or rewrites that change no word."),
    "language": marked("Targets in another language than their prompts."),
    "length": marked("Longer than a training can read."),
    "style": marked("Few of the targets are like this."),
}
"""What a training would suffer from."""
