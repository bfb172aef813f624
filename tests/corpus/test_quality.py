from pathlib import Path

from corpus.database import rows
from corpus.quality import Finding, Kind, check
from corpus.records import Split, Turn
from corpus.split import drawn_key
from corpus.store import Corpus
from corpus.survey import Lengths
from tests.corpus.talk import quick, talk

ONE = "あなたにとって正義とは何ですか？"
NEAR = "あなたにとっての正義とは、何ですか。"
OTHER = "昨日の会議で上司に叱られました。謝るべきでしょうか。"
REPLY = "では、君にとって、友に借りた剣を返すことは、いつでも正しいことかね？"
ANOTHER = "叱られたとき、君は何を守ろうとしていたのかね？"


def judged(corpus: Corpus, *exchanges: tuple[str, str], side: Split = "train", system: str = "") -> list[Turn]:
    turns = talk(corpus, *exchanges, key=drawn_key(side), system=system)
    corpus.approve(*(turn.id for turn in turns))
    return turns


def move(corpus: Corpus, turn: Turn, side: Split) -> None:
    """Put a conversation on a side, as if no older one had decided it."""
    corpus.db.execute("UPDATE conversations SET split = ? WHERE id = ?", [side, turn.conversation])
    corpus.db.conn.commit()


def found(corpus: Corpus, lengths: Lengths | None = None) -> list[tuple[Kind, tuple[int, ...]]]:
    return [(finding.kind, finding.turns) for finding in check(corpus, lengths=lengths).findings]


def test_an_empty_corpus_has_nothing_to_find(corpus: Corpus) -> None:
    report = check(corpus)
    assert (report.train, report.held_out, report.tokens, report.findings) == (0, 0, None, [])


def test_examples_that_have_nothing_in_common_are_not_found(corpus: Corpus) -> None:
    judged(corpus, (ONE, REPLY), (OTHER, ANOTHER))
    judged(corpus, ("徳は教えられるものだとお考えですか。", "君は誰から徳を学んだのかね？"), side="held-out")
    report = check(corpus)
    assert (report.train, report.held_out, report.findings) == (2, 1, [])


def test_the_same_example_twice_is_a_duplicate(corpus: Corpus) -> None:
    for _ in range(3):
        judged(corpus, (ONE, REPLY))
    (finding,) = check(corpus).findings
    assert finding == Finding(
        "duplicate",
        (1, 2, 3),
        f"Examples 1, 2, 3 are the same: “{ONE}”.",
        "`socrates corpus drop 2 3` keeps the oldest.",
    )


def test_examples_that_differ_little_are_near_duplicates(corpus: Corpus) -> None:
    judged(corpus, (ONE, REPLY))
    judged(corpus, (OTHER, ANOTHER), (NEAR, REPLY.replace("、", "")))
    assert found(corpus) == [("near-duplicate", (1, 3))]


def test_only_judged_turns_are_examined(corpus: Corpus) -> None:
    judged(corpus, (ONE, REPLY))
    talk(corpus, (ONE, REPLY))
    assert found(corpus) == []


def test_different_targets_of_the_same_prompt_after_the_same_turns_contradict(corpus: Corpus) -> None:
    judged(corpus, (OTHER, REPLY), (ONE, REPLY))
    judged(corpus, (OTHER, REPLY), (ONE, ANOTHER))
    (duplicate, contradiction) = sorted(check(corpus).findings, key=lambda finding: finding.turns)
    assert (duplicate.kind, duplicate.turns) == ("duplicate", (1, 3))
    assert (contradiction.kind, contradiction.turns) == ("contradiction", (2, 4))
    assert contradiction.advice == "Keep the one that you mean: `socrates corpus drop 2` keeps the newest."


def test_approved_siblings_contradict(corpus: Corpus) -> None:
    (turn,) = judged(corpus, (ONE, REPLY))
    sibling = corpus.add_turn(turn.conversation, parent=None, prompt=ONE, reply=ANOTHER)
    corpus.approve(sibling.id)
    assert found(corpus) == [("contradiction", (turn.id, sibling.id))]


def test_the_same_prompt_after_other_turns_or_under_another_system_text_is_no_contradiction(corpus: Corpus) -> None:
    judged(corpus, (ONE, REPLY))
    judged(corpus, (ONE, ANOTHER), system="君はソクラテスだ。")
    judged(
        corpus,
        (OTHER, "徳とは何かね、君は考えたことがあるかね？"),
        (ONE, "急ぐことはない。もう一度、初めから考えてみよう。"),
    )
    assert found(corpus) == []


def test_a_near_duplicate_on_the_other_side_is_a_leak(corpus: Corpus) -> None:
    (train,) = judged(corpus, (ONE, REPLY))
    _, held_out = judged(corpus, (OTHER, ANOTHER), (NEAR, REPLY), side="held-out")
    (finding,) = check(corpus).findings
    assert (finding.kind, finding.turns) == ("leak", (train.id, held_out.id))
    assert finding.what == f"Examples 1 of training and 3 of the held-out side are nearly the same: “{NEAR}”."
    assert finding.advice == "`socrates corpus drop 1` leaves it to the held-out side."


def test_another_answer_to_a_held_out_prompt_is_a_leak(corpus: Corpus) -> None:
    (train,) = judged(corpus, (ONE, REPLY))
    (held_out,) = judged(corpus, (ONE, ANOTHER))
    move(corpus, held_out, "held-out")
    assert found(corpus) == [("leak", (train.id, held_out.id))]


def test_near_prompts_in_conversations_that_open_alike_on_two_sides_are_a_leak(corpus: Corpus) -> None:
    train = judged(corpus, (ONE, REPLY), ("もう少し詳しく説明していただけますか。", "何が分からないのかね、君は？"))
    held_out = judged(corpus, (NEAR, ANOTHER), ("もう少し詳しく説明していただけますか？", "君は何を知りたいのか。"))
    move(corpus, held_out[0], "held-out")
    assert found(corpus) == [("leak", tuple(turn.id for turn in train + held_out))]


def test_a_conversation_that_opens_like_two_on_different_sides_is_told_of(corpus: Corpus) -> None:
    judged(corpus, ("君にとって善い生き方とは何か、この私にどうか教えてください。", REPLY))
    (held_out,) = judged(
        corpus, ("あなたにとって善い生き方とは何か、この私にぜひ教えてください。", ANOTHER), side="held-out"
    )
    assert found(corpus) == []
    (between,) = judged(
        corpus, ("あなたにとって善い生き方とは何か、この私にどうか教えてください。", "君こそ、どう生きたいのかね？")
    )
    assert corpus.conversation(between.conversation).split == "train"
    assert found(corpus) == [("leak", (held_out.id, between.id))]


def test_rewrites_that_change_nothing_that_counts_and_targets_without_letters_are_found(corpus: Corpus) -> None:
    first, second = talk(corpus, (ONE, REPLY), (OTHER, ANOTHER))
    corpus.rewrite(first.id, REPLY.replace("？", "。"))
    corpus.rewrite(second.id, "……")
    assert found(corpus) == [("rewrite", (first.id,)), ("rewrite", (second.id,))]


def test_targets_in_another_language_than_their_prompt_and_most_targets_are_found(corpus: Corpus) -> None:
    judged(corpus, (ONE, REPLY), (OTHER, "What were you protecting when you were scolded?"))
    judged(corpus, ("Can virtue be taught, do you think?", "Who taught you the virtue that you have?"))
    judged(
        corpus, ("徳は教えられるものですか、先生。", "```python\nprint('virtue')\n```\nこれを見て、君は何と言うかね？")
    )
    assert found(corpus) == [("language", (2,))]


def test_targets_that_lack_what_most_have_in_common_are_found_with_the_share(corpus: Corpus) -> None:
    draws = [f"{'一二三四五六七八九十'[number % 10] * (number // 10 + 3)}について" for number in range(40)]
    judged(corpus, *((f"{draw}聞かせてください", f"{draw}、{draw}、君はどう考えるかね？") for draw in draws))
    (turn,) = judged(corpus, ("真理について聞かせてください、先生。", "真理とは、\n- 美しいもの\n- 善いものです。"))
    findings = [finding for finding in check(corpus).findings if finding.kind == "style"]
    assert [finding.turns for finding in findings] == [(turn.id,)] * 4
    assert findings[0].what == f"Only 1 of 41 Japanese targets (2.4%) comes without a question at the end: {turn.id}."


def test_examples_that_training_cuts_or_leaves_out_are_listed(corpus: Corpus) -> None:
    turns = judged(corpus, (ONE, REPLY), (OTHER, ANOTHER), ("長い話をしてください。", "昔の話だが、" * 40))
    characters = Lengths(lambda messages: sum(len(message["content"]) for message in messages), limit=80)
    report = check(corpus, lengths=characters)
    assert [(finding.kind, finding.turns) for finding in report.findings] == [
        ("length", (turns[1].id,)),
        ("length", (turns[2].id,)),
    ]
    assert report.tokens == sum(len(turn.prompt) + len(turn.reply) for turn in turns)


def test_a_check_changes_nothing(path: Path) -> None:
    with quick(path) as corpus:
        judged(corpus, (ONE, REPLY))
        before = rows(corpus.db, "SELECT * FROM openings")
        check(corpus)
        assert rows(corpus.db, "SELECT * FROM openings") == before
        assert not corpus.db.conn.in_transaction


def test_what_another_program_purges_during_a_check_is_still_in_it(corpus: Corpus, path: Path) -> None:
    (first,) = judged(corpus, (ONE, REPLY))
    judged(corpus, (ONE, REPLY))

    def purging(messages: object) -> int:
        with Corpus(path, patience_s=0) as other:
            if other.turns(limit=9)[1:]:
                other.drop(first.id)
                other.purge(other.plan_purge())
        return 1

    assert found(corpus, Lengths(purging, limit=80)) == [("duplicate", (1, 2))]
    assert found(corpus) == []


def test_a_sentence_names_twenty_turns_and_the_finding_all(corpus: Corpus) -> None:
    for _ in range(25):
        judged(corpus, (ONE, REPLY))
    (finding,) = check(corpus).findings
    assert finding.turns == tuple(range(1, 26))
    assert " 19, 20 and 5 more are the same" in finding.what
