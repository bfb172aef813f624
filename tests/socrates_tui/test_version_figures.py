"""Tests of what is known of how good each version is."""

import json
from pathlib import Path

from adapters.figures import Difference
from adapters.registry import Registry, Version
from corpus.store import Corpus
from socrates_tui.home import Home
from socrates_tui.version_figures import VersionFigures, version_figures
from tests.adapters.manifests import publish, record, write_evaluation


def judge(version: Version, apart: float) -> None:
    """Write down that ``version`` was judged, and differs from its parent by ``apart``."""
    write_evaluation(version, record("base", "base", "", [3.0]), record("candidate", "", "", [3.0 + apart]))
    path = version.directory / "eval.json"
    told = Difference(loss_per_token=apart, interval=(apart - 0.1, apart + 0.1), examples=5).model_dump()
    path.write_text(json.dumps(json.loads(path.read_text()) | {"difference": told}))


def test_figures_are_read_of_versions_and_corpus(own_home: Path) -> None:
    home = Home.open(own_home)
    registry = Registry(home.versions)
    judge(publish(registry), -1.75)
    publish(registry, parent="v0001", held_out={"candidate": None})
    with Corpus(home.database) as corpus:
        conversation = corpus.create_conversation().id
        turn = corpus.add_turn(conversation, parent=None, prompt="a", reply="abcd", version="v0001").id
        corpus.rewrite(turn, "abcX")
        corpus.drop(corpus.add_turn(conversation, parent=turn, prompt="b", reply="x", version="base").id)
    figures = version_figures(registry, home.database, "embedded")
    sentence = "v0001 minus base: -1.750 on the same 5 held-out examples, between -1.850 and -1.650 at 95 %."
    assert figures == {
        "base": VersionFigures(3.0, "", 1, 0.0, None),
        "v0001": VersionFigures(1.25, sentence, 1, 0.0, 0.25),
        "v0002": VersionFigures(),
    }
    assert figures["v0001"].edits == "1 reply judged, 0% left as said; on average 25% of a reply was changed."
    assert figures["base"].edits == "1 reply judged, 0% left as said."
    assert figures["v0002"].edits == ""
