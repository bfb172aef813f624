"""The corpus as a whole: any texts, any order of acts. What stands afterwards is compared with a plain model of it."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from corpus import search
from corpus.exporting import export_file
from corpus.filters import Filter
from corpus.importing import import_file
from corpus.records import Act, ActKind, Turn
from socrates_errors import CorpusError
from tests.corpus.talk import quick

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    st.text(st.sampled_from("正義とは何かaB \n\0\"'%_!*\\👩🏽‍🏫שלום"), max_size=12),
    st.sampled_from(
        [
            "徳とは何ですか",
            "君はどう思うかね？",
            "x",
            "\0",
            "a\0b",
            "İıſß",
            "e\u0301",
            "\u202eabc",
            "長い" * 3000,
            " \n",
        ]
    ),
)
TAGS = st.sampled_from(["virtue", "徳", " 良い  問い ", 'a"b', "\0", "", "t" * 101])
FILTERS = st.builds(
    Filter,
    verdict=st.sampled_from([None, "unreviewed", "approved", "rewritten", "dropped"]),
    version=st.sampled_from([None, None, "v0001", "v0002"]),
    tags=st.sampled_from([(), (), ("virtue",), ("徳", "良い 問い")]),
    source=st.sampled_from([None, None, "chat", "standard input"]),
    split=st.sampled_from([None, None, "train", "held-out"]),
    min_length=st.sampled_from([None, None, 1, 5]),
    max_length=st.sampled_from([None, None, 0, 10]),
    has_rewrite=st.sampled_from([None, None, True, False]),
)
ANY = st.integers(0, 1_000)
"""Which one of those there are."""
MANY = st.lists(ANY, min_size=1, max_size=4)
JUDGEMENT = ("verdict", "rewrite", "judged", "tags", "note")
"""The fields of a turn that acts change."""
ALL = 10**6

Titles = dict[int, tuple[str, str]]
"""Title and system text of each conversation."""


@dataclass(frozen=True)
class Done:
    """An act with what it changed, before and after."""

    act: Act
    turns: dict[int, tuple[Turn, Turn]] = field(default_factory=dict)
    conversations: dict[int, tuple[tuple[str, str], tuple[str, str]]] = field(default_factory=dict)


class WholeCorpus(RuleBasedStateMachine):
    """Does to a corpus what a person may do, and keeps beside it what must come of that."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = TemporaryDirectory()
        self.path = Path(self.directory.name) / "corpus.db"
        self.corpus = quick(self.path)
        self.turns: dict[int, Turn] = {}
        self.conversations: Titles = {}
        self.as_added: dict[int, Turn] = {}
        self.as_begun: Titles = {}
        self.rewrites: dict[int, list[str]] = {}
        self.done: list[Done] = []
        self.undone: list[Done] = []
        self.patch = pytest.MonkeyPatch()

    @initialize(most=st.sampled_from([0, 400]), system=TEXTS, replies=st.lists(TEXTS, min_size=3, max_size=3))
    def begin_a_conversation(self, most: int, system: str, replies: list[str]) -> None:
        """Short words are asked of the index, or looked for in the texts, as ``most`` says."""
        self.patch.setattr(search, "_MOST_TRIGRAMS", most)
        self.begin(system)
        for number, reply in enumerate(replies):
            self.speak(0, number - 1 if number else None, f"徳とは何ですか {number}", reply)

    def teardown(self) -> None:
        self.undo_everything_and_do_it_again()
        self.corpus.close()
        self.directory.cleanup()
        self.patch.undo()

    # What is no act: it stays when everything is undone.

    @rule(system=TEXTS)
    def begin(self, system: str) -> None:
        begun = self.corpus.create_conversation(system=system)
        self.conversations[begun.id] = (begun.title, begun.system)
        assert begun.system == stored(system)

    @precondition(lambda self: self.conversations)
    @rule(which=ANY, after=st.one_of(st.none(), ANY), prompt=TEXTS, reply=TEXTS)
    def speak(self, which: int, after: int | None, prompt: str, reply: str) -> None:
        conversation = pick(self.conversations, which)
        before = [turn for turn in self.turns.values() if turn.conversation == conversation]
        parent = before[after % len(before)].id if before and after is not None else None
        if not stored(prompt):
            with pytest.raises(CorpusError, match="prompt is empty"):
                self.corpus.add_turn(conversation, parent=parent, prompt=prompt, reply=reply)
            return
        added = self.corpus.add_turn(conversation, parent=parent, prompt=prompt, reply=reply, version="v0001")
        assert (added.prompt, added.reply, added.parent) == (stored(prompt), stored(reply), parent)
        assert (added.verdict, added.rewrite, added.judged, added.tags, added.note) == (
            "unreviewed",
            None,
            None,
            (),
            "",
        )
        self.add([added])

    @precondition(lambda self: self.turns)
    @rule(which=ANY, reply=TEXTS)
    def regenerate(self, which: int, reply: str) -> None:
        turn = self.turns[pick(self.turns, which)]
        added = self.corpus.add_turn(turn.conversation, parent=turn.parent, prompt=turn.prompt, reply=reply)
        self.add([added])
        assert {turn.id, added.id} <= {sibling.id for sibling in self.corpus.siblings(turn.id)}

    @precondition(lambda self: self.turns)
    @rule(which=ANY)
    def show(self, which: int) -> None:
        turn = self.turns[pick(self.turns, which)]
        self.corpus.show(turn.id)
        assert turn.id in [shown.id for shown in self.corpus.thread(turn.conversation)]

    @rule(
        key=st.sampled_from(["k1", "k2", None]),
        prompts=st.lists(TEXTS, min_size=1, max_size=2),
        reply=TEXTS,
        tags=st.lists(TAGS, max_size=2),
        note=TEXTS,
    )
    def import_messages(self, key: str | None, prompts: list[str], reply: str, tags: list[str], note: str) -> None:
        messages = []
        for prompt in prompts:
            messages += [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
        self.import_record({"conversation": key, "messages": messages, "tags": tags, "note": note})

    @rule(prompt=TEXTS, chosen=TEXTS, rejected=TEXTS)
    def import_pair(self, prompt: str, chosen: str, rejected: str) -> None:
        self.import_record({"prompt": prompt, "chosen": chosen, "rejected": rejected})

    @rule()
    def import_what_was_exported(self) -> None:
        stream = BytesIO()
        if export_file(self.corpus, stream, format="messages"):
            stream.seek(0)
            report = import_file(self.corpus, stream)
            assert (report.conversations, report.turns, report.refused) == (0, 0, [])

    def import_record(self, record: dict[str, Any]) -> None:
        with suppress(CorpusError):  # a text that is empty
            report = import_file(self.corpus, BytesIO(json.dumps(record).encode()))
            added = [turn for turn in self.corpus.turns(limit=ALL) if turn.id not in self.turns]
            assert len(added) == report.turns
            self.add(added)

    def add(self, added: list[Turn]) -> None:
        for turn in added:
            self.turns[turn.id] = self.as_added[turn.id] = turn
            self.rewrites[turn.id] = self.corpus.rewrites(turn.id)
            assert self.rewrites[turn.id] == ([] if turn.rewrite is None else [turn.rewrite])
            found = self.corpus.conversation(turn.conversation)
            begun = (found.title, found.system)
            assert self.conversations.get(found.id, begun) in (begun, ("", found.system))
            self.conversations[found.id] = begun
            self.as_begun.setdefault(found.id, begun)

    @rule()
    def close_and_open(self) -> None:
        self.corpus.close()
        self.corpus = quick(self.path)
        for conversation in self.conversations.keys() - self.as_begun.keys():
            del self.conversations[conversation]

    # Acts.

    @precondition(lambda self: self.turns)
    @rule(which=MANY)
    def approve(self, which: list[int]) -> None:
        chosen = [pick(self.turns, one) for one in which]
        changed = {
            turn: {"verdict": "approved", "rewrite": None} for turn in chosen if self.verdict(turn) != "approved"
        }
        if any(not self.turns[turn].reply for turn in changed):
            changed = {}
        self.act("approve", lambda: self.corpus.approve(*chosen), changed)

    @precondition(lambda self: self.turns)
    @rule(which=MANY)
    def drop(self, which: list[int]) -> None:
        chosen = [pick(self.turns, one) for one in which]
        changed = {turn: {"verdict": "dropped", "rewrite": None} for turn in chosen if self.verdict(turn) != "dropped"}
        self.act("drop", lambda: self.corpus.drop(*chosen), changed)

    @precondition(lambda self: self.turns)
    @rule(which=ANY, text=TEXTS)
    def rewrite(self, which: int, text: str) -> None:
        turn = self.turns[pick(self.turns, which)]
        wanted = stored(text)
        refused = wanted in ("", turn.text, turn.reply)
        changed = {} if refused else {turn.id: {"verdict": "rewritten", "rewrite": wanted}}
        self.act("rewrite", lambda: self.corpus.rewrite(turn.id, text), changed)
        if not refused:
            self.rewrites[turn.id].insert(0, wanted)

    @precondition(lambda self: self.turns)
    @rule(which=MANY, tag=TAGS, kind=st.sampled_from(["tag", "untag"]))
    def tag(self, which: list[int], tag: str, kind: Literal["tag", "untag"]) -> None:
        chosen = [pick(self.turns, one) for one in which]
        name = one_line(tag)
        changed = {}
        if 0 < len(name) <= 100:
            for turn in chosen:
                tags = set(self.turns[turn].tags)
                if (name in tags) == (kind == "untag"):
                    changed[turn] = {"tags": tuple(sorted(tags ^ {name}))}
        self.act(kind, lambda: getattr(self.corpus, kind)(tag, *chosen), changed)

    @precondition(lambda self: self.turns)
    @rule(which=ANY, text=TEXTS)
    def note(self, which: int, text: str) -> None:
        turn = self.turns[pick(self.turns, which)]
        changed = {} if stored(text) == turn.note else {turn.id: {"note": stored(text)}}
        self.act("note", lambda: self.corpus.note(turn.id, text), changed)

    def act(self, kind: ActKind, do: Callable[[], Act], changed: dict[int, dict[str, Any]]) -> None:
        """Do it and expect that just these turns are changed so, or a sentence where none is."""
        if not changed:
            with pytest.raises(CorpusError):
                do()
            return
        act = do()
        assert (act.kind, act.turns, act.conversations) == (kind, tuple(sorted(changed)), ())
        before = {turn: self.turns[turn] for turn in changed}
        for turn, fields in changed.items():
            found = self.corpus.turn(turn)
            if "verdict" in fields:
                assert found.judged is not None
                assert found.judged >= found.created
                fields["judged"] = found.judged
            self.turns[turn] = replace(self.turns[turn], **fields)
        self.done.append(Done(act, {turn: (before[turn], self.turns[turn]) for turn in changed}))
        self.undone.clear()

    @precondition(lambda self: self.conversations)
    @rule(which=ANY, text=TEXTS, kind=st.sampled_from(["rename", "system text"]))
    def change_conversation(self, which: int, text: str, kind: Literal["rename", "system text"]) -> None:
        conversation = pick(self.conversations, which)
        title, system = before = self.conversations[conversation]
        if kind == "rename" and not one_line(text):
            with pytest.raises(CorpusError, match="title is empty"):
                self.corpus.rename_conversation(conversation, text)
            return
        if kind == "rename":
            act = self.corpus.rename_conversation(conversation, text)
            after = (one_line(text), system)
        else:
            act = self.corpus.set_system(conversation, text)
            after = (title, stored(text))
        self.conversations[conversation] = after
        if before == after or conversation not in self.as_begun:
            assert act is None
        else:
            assert act is not None
            assert (act.kind, act.turns, act.conversations) == (kind, (), (conversation,))
            self.done.append(Done(act, conversations={conversation: (before, after)}))
            self.undone.clear()

    @rule()
    def undo(self) -> None:
        act = self.corpus.undo()
        assert act == (self.done[-1].act if self.done else None)
        if self.done:
            self.move(self.done.pop(), 0, self.undone)

    @rule()
    def redo(self) -> None:
        act = self.corpus.redo()
        assert act == (self.undone[-1].act if self.undone else None)
        if self.undone:
            self.move(self.undone.pop(), 1, self.done)

    def move(self, done: Done, to: Literal[0, 1], where: list[Done]) -> None:
        for turn, sides in done.turns.items():
            judged = {name: getattr(sides[to], name) for name in JUDGEMENT}
            self.turns[turn] = replace(self.turns[turn], **judged)
        for conversation, texts in done.conversations.items():
            self.conversations[conversation] = texts[to]
        where.append(done)

    @rule()
    def undo_everything_and_do_it_again(self) -> None:
        while self.undone:
            self.redo()
        self.what_stands_is_what_was_done()
        turns, conversations = dict(self.turns), dict(self.conversations)
        while self.done:
            self.undo()
        assert (self.turns, {c: self.conversations[c] for c in self.as_begun}) == (self.as_added, self.as_begun)
        self.what_stands_is_what_was_done()
        while self.undone:
            self.redo()
        assert (self.turns, self.conversations) == (turns, conversations)
        self.what_stands_is_what_was_done()

    # The one thing that is not taken back.

    @precondition(lambda self: any(turn.verdict == "dropped" for turn in self.turns.values()))
    @rule()
    def purge(self) -> None:
        doomed = {turn.id for turn in self.turns.values() if turn.verdict == "dropped"}
        planned = self.corpus.plan_purge()
        assert set(planned.turns) == doomed
        assert planned.rewrites == sum(len(self.rewrites[turn]) for turn in doomed)
        self.corpus.purge(planned)
        for turns in (self.turns, self.as_added):
            turns.update({turn: replace(found, parent=self.standing(turn, doomed)) for turn, found in turns.items()})
        for turn in doomed:
            del self.turns[turn], self.as_added[turn], self.rewrites[turn]
        left = {turn.conversation for turn in self.turns.values()}
        emptied = self.as_begun.keys() - left
        assert planned.conversations == len(emptied)
        for conversation in emptied:
            del self.conversations[conversation], self.as_begun[conversation]
        self.done = without(self.done, doomed, emptied)
        self.undone = without(self.undone, doomed, emptied)

    def standing(self, turn: int, doomed: set[int]) -> int | None:
        """Return the nearest turn before ``turn`` that is not doomed."""
        parent = self.turns[turn].parent
        return parent if parent not in doomed else self.standing(parent, doomed)

    # What is always true.

    @invariant()
    def what_stands_is_what_was_done(self) -> None:
        assert {turn.id: turn for turn in self.corpus.turns(limit=ALL)} == self.turns
        found = [self.corpus.conversation(conversation) for conversation in self.conversations]
        assert {one.id: (one.title, one.system) for one in found} == self.conversations
        assert {one.id for one in self.corpus.conversations()} == self.as_begun.keys()

    @invariant()
    def no_rewrite_is_lost(self) -> None:
        assert {turn: self.corpus.rewrites(turn) for turn in self.turns} == self.rewrites

    @invariant()
    def the_file_is_sound(self) -> None:
        db = self.corpus.db
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        db.execute("INSERT INTO turns_fts (turns_fts, rank) VALUES ('integrity-check', 1)")
        db.conn.commit()

    @invariant()
    def the_figures_are_those_of_the_turns(self) -> None:
        judged = {turn.id for turn in self.turns.values() if turn.verdict in ("approved", "rewritten")}
        assert {example.id for example in self.corpus.examples(None)} == judged
        stats = self.corpus.stats()
        assert (stats["turns"], sum(stats["examples"].values())) == (len(self.turns), len(judged))
        assert stats["rewrites"] == sum(map(len, self.rewrites.values()))
        tags = [tag for turn in self.turns.values() for tag in turn.tags]
        assert self.corpus.tags() == {tag: tags.count(tag) for tag in sorted(set(tags))}

    @precondition(lambda self: self.turns)
    @rule(which=ANY, start=ANY, length=st.sampled_from([1, 2, 3, 4, 50]))
    def any_part_of_a_text_finds_it(self, which: int, start: int, length: int) -> None:
        turn = self.turns[pick(self.turns, which)]
        for text in filter(None, texts(turn)):
            first = start % len(text)
            for part in {text[at : at + length] for at in range(first, first + 8)}:
                if part.strip():
                    hits = {hit.turn.id: hit for hit in self.corpus.search(part, limit=ALL)}
                    assert turn.id in hits
                    for hit in hits.values():
                        assert hit.turn == self.turns[hit.turn.id]
                        assert hit.prompt or hit.reply or hit.rewrite

    @rule(wanted=FILTERS, which=ANY)
    def a_filter_leaves_those_of_which_it_is_true(self, wanted: Filter, which: int) -> None:
        if self.conversations and which % 2:
            wanted = replace(wanted, conversation=pick(self.conversations, which))
        expected = [turn for _, turn in sorted(self.turns.items(), reverse=True) if self.is_left(wanted, turn)]
        assert self.corpus.turns(wanted, limit=ALL) == expected
        assert self.corpus.turns(wanted, limit=1, offset=1) == expected[1:2]
        assert self.corpus.matching("", wanted) == [turn.id for turn in expected]
        both = {hit.turn.id for hit in self.corpus.search("何", wanted, limit=ALL)}
        assert both == {turn.id for turn in expected if any("何" in (text or "") for text in texts(turn))}

    def is_left(self, wanted: Filter, turn: Turn) -> bool:
        conversation = self.corpus.conversation(turn.conversation)
        return (
            wanted.verdict in (None, turn.verdict)
            and wanted.version in (None, turn.version)
            and wanted.conversation in (None, turn.conversation)
            and wanted.source in (None, conversation.source)
            and wanted.split in (None, conversation.split)
            and set(wanted.tags) <= set(turn.tags)
            and (wanted.min_length is None or len(turn.text) >= wanted.min_length)
            and (wanted.max_length is None or len(turn.text) <= wanted.max_length)
            and wanted.has_rewrite in (None, bool(self.rewrites[turn.id]))
        )

    def verdict(self, turn: int) -> str:
        return self.turns[turn].verdict


def stored(text: str) -> str:
    return text.replace("\0", "\ufffd").strip()


def one_line(text: str) -> str:
    return " ".join(stored(text).split())


def texts(turn: Turn) -> tuple[str, str, str | None]:
    return turn.prompt, turn.reply, turn.rewrite


def pick(those: dict[int, Any], which: int) -> int:
    return sorted(those)[which % len(those)]


def without(acts: list[Done], turns: set[int], conversations: set[int]) -> list[Done]:
    """Return the acts as they are once these are gone; one that changed nothing else is gone too."""
    left = [
        Done(
            replace(
                done.act,
                turns=tuple(turn for turn in done.act.turns if turn not in turns),
                conversations=tuple(one for one in done.act.conversations if one not in conversations),
            ),
            {turn: sides for turn, sides in done.turns.items() if turn not in turns},
            {one: sides for one, sides in done.conversations.items() if one not in conversations},
        )
        for done in acts
    ]
    return [done for done in left if done.turns or done.conversations]


TestWholeCorpus = WholeCorpus.TestCase
TestWholeCorpus.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
