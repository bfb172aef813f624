"""The kinds of what a check of the corpus finds, as a reader is told them. Finding them is corpus.quality's work."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpus.quality import Kind

TITLES: "dict[Kind, str]" = {
    "leak": "Held-out leaks",
    "contradiction": "Contradictions",
    "duplicate": "Duplicates",
    "near-duplicate": "Near-duplicates",
    "rewrite": "Empty or unchanged",
    "language": "Other languages",
    "length": "Too long",
    "style": "Unlike the others",
}

MEANINGS: "dict[Kind, str]" = {
    "leak": "Training and held-out side have nearly the same; so the held-out loss tells too little.",
    "contradiction": "The same prompt is answered differently; a version learns neither well.",
    "duplicate": "The same example more than once counts more than once.",
    "near-duplicate": "Nearly the same examples count as often as there are of them.",
    "rewrite": "Targets without words, or rewrites that change no word.",
    "language": "Targets in another language than their prompts.",
    "length": "Longer than a training can read.",
    "style": "Few of the targets are like this.",
}
"""What a training would suffer from."""
