"""What is in the homes of the documentation's pictures: conversations, versions and trainings as they could be."""

import json
import math
from typing import Any

from adapters.figures import Record, difference, fingerprint
from adapters.registry import ADAPTER, EVALUATION, Version
from corpus.losses import Loss
from corpus.quality import Finding
from corpus.store import Corpus
from socrates_tui.curve import RUN
from socrates_tui.weighing import scales_of
from tests.adapters.manifests import publish, record, write_evaluation
from tests.socrates_tui.scripted import EVALUATED, HOLD, STARTED, UNTRAINED, ScriptedTraining, step
from tests.socrates_tui.stage import Stage

REWRITE = "友人と話すとき幸せだと言うのだね。では、君を幸せにするのは、話すことかね？ それとも、その友人かね？"

HAPPINESS = [
    ("こんにちは。この頃、何のために働くのか分かりません。", "分からなくなったのは、何が変わってからかね？"),
    ("たぶん、幸せのためだと思っていたのですが。", "その幸せという言葉で、君は何を思い浮かべるかね？"),
    ("幸せとは何ですか？", "君は、どんなときに自分を幸せだと感じるかね？"),
    (
        "友人と話しているときです。",
        "友人と話すことは、とても大切なことです。幸せとは、人とのつながりの中で生まれるものです。",
    ),
]
COURAGE = [
    ("What is courage?", "Courage is the ability to act in spite of fear."),
    ("So a soldier who stays at his post is brave?", "And one who retreats to save his men: is he a coward?"),
]
STUDY = [
    (
        "試験に落ちました。もう勉強する意味がない気がします。",
        "意味がない、と君に言わせたのは、試験かね、それとも君かね？",
    ),
    ("親の期待に応えられなかったのが悔しいです。", "元気を出してください。次はきっとうまくいきます。"),
    ("期待に応えたいのは、認めてほしいからだと思います。", "認められたら、君は何を手に入れるのかね？"),
]
PROMISE = [
    ("Is it ever right to break a promise?", "It depends on the situation. There are three things to consider."),
    ("嘘をつくのは悪いことですか？", "友人の命を救う嘘も、悪いことだろうか？"),
]


def _talk(corpus: Corpus, title: str, exchanges: list[tuple[str, str]], version: str = "v0002") -> list[int]:
    conversation = corpus.create_conversation(title=title).id
    turns: list[int] = []
    for prompt, reply in exchanges:
        parent = turns[-1] if turns else None
        turn = corpus.add_turn(
            conversation,
            parent=parent,
            prompt=prompt,
            reply=reply,
            version=version,
            prompt_tokens=40 + 60 * len(turns),
            reply_tokens=len(reply),
        )
        turns.append(turn.id)
    return turns


def _still(corpus: Corpus) -> None:
    """Give everything the same moment, whenever it is drawn."""
    corpus.db.execute("UPDATE turns SET created = '2026-01-05T09:30:00.000000+00:00'")
    corpus.db.execute("UPDATE conversations SET updated = '2026-01-05T09:30:00.000000+00:00'")
    corpus.db.commit()


def _conversations(stage: Stage) -> None:
    with stage.corpus() as corpus:
        promise = _talk(corpus, "Promises", PROMISE)
        study = _talk(corpus, "試験に落ちて", STUDY)
        courage = _talk(corpus, "What is courage?", COURAGE)
        happiness = _talk(corpus, "幸せについて", HAPPINESS, "v0003")
        corpus.rewrite(courage[0], "Tell me of someone whom you call brave. What did he do?")
        corpus.approve(courage[1], study[0], *happiness[:3])
        corpus.rewrite(study[1], "悔しいのは、期待に応えられなかったことかね、それとも応えたかった自分がいることかね？")
        corpus.tag("勇気", *courage)
        corpus.tag("勉強", *study)
        corpus.pin(promise[0], happiness[2])
        corpus.answer_pin(
            promise[0], version="v0003", base="embedded", reply="Whose promise do you have in mind, and to whom?"
        )
        _still(corpus)


def _version(stage: Stage, day: int, losses: list[float], **fields: object) -> Version:
    held_out = {"examples": 6, "tokens": 240, "base": 3.1, "parent": 2.4, "candidate": sum(losses) / len(losses)}
    as_of = f"2026-01-0{day}T09:00:00.000000+00:00"
    told = {"digest": "sha256:c", "examples": 20 * day, "ids": list(range(20 * day)), "as_of": as_of}
    created = f"2026-01-0{day}T09:30:00+00:00"
    recipe = {"preset": "default", "rank": 16, "learning_rate": 2e-4, "epochs_run": 3}
    known = {"held_out": held_out, "corpus": told, "created": created, "recipe": recipe, "seconds": 94.0}
    version = publish(stage.registry, **(known | {"device": "cpu"} | fields))
    lines: list[dict[str, object]] = [{"step": 0, "epoch": 0, "train_loss": None, "held_out_loss": 2.92}]
    for number in range(1, 97):
        epoch = 1 + (number - 1) // 32
        lines.append({"step": number, "epoch": epoch, "loss": _loss(number)})
        if number % 32 == 0:
            loss = held_out["candidate"] + (0.3, 0.1, 0.0)[epoch - 1]
            lines.append({"step": number, "epoch": epoch, "train_loss": loss - 0.1, "held_out_loss": loss})
    (version.directory / RUN).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return version


def _loss(number: int) -> float:
    """Return the loss of one step: it falls, and not evenly."""
    return round(1.5 + 1.4 * math.exp(-number / 28) + 0.09 * math.sin(number * 1.7), 3)


def _versions(stage: Stage) -> None:
    """Publish four versions, each measured beside the base and what it came of; the third speaks."""
    plan = [
        ("はじめての授業", "base", [2.4, 2.5, 2.2, 2.6, 2.4, 2.3], 5),
        ("Questions, not answers", "v0001", [1.9, 2.1, 1.8, 2.2, 2.0, 1.9], 6),
        ("問いを短く", "v0002", [1.7, 1.9, 1.6, 2.1, 1.8, 1.7], 8),
        ("English only", "v0002", [2.3, 2.5, 2.2, 2.6, 2.4, 2.3], 4),
    ]
    measured = {"base": _measured(record("base", "base", "", [3.0, 3.2, 3.1, 2.9, 3.3, 3.1]), 1)}
    for day, (title, parent, losses, questions) in enumerate(plan, 1):
        version = _version(stage, day, losses, title=title, parent=parent)
        _distinguish(version)
        weights = fingerprint(version.directory, "sha256:w")
        own = _measured(record("candidate", "", weights, losses), questions)
        above = [] if parent == "base" else [measured[parent] | {"role": "parent", "version": parent}]
        write_evaluation(version, measured["base"], *above, own)
        measured[version.name] = own
        path = version.directory / EVALUATION
        before, after = (measured[name]["held_out"]["loss_per_token"] for name in (parent, version.name))
        better = after < before
        apart = difference(Record.model_validate(own), Record.model_validate(measured[parent]))
        verdict = "better" if better else "worse"
        told = json.loads(path.read_text()) | {
            "better": better,
            "reason": f"It is {verdict}: held-out loss {after:.3f} against {before:.3f} of {parent}.",
            "drift": 0.02,
            "difference": None if apart is None else apart.model_dump(),
        }
        path.write_text(json.dumps(told))
    stage.registry.note("v0003", "例を求める問いが増えた。")
    for name in ("v0001", "v0002", "v0003"):
        stage.registry.activate(name)


def _measured(told: dict[str, Any], questions: int) -> dict[str, Any]:
    """Return a record of a version so many of whose replies end in a question."""
    replies = told["replies"] | {
        "questions": questions,
        "chrf": 12.5 + 1.5 * questions,
        "repeating": int(questions < 3),
    }
    apart = {"pairs": 8, "pair_accuracy": questions / 8}
    return told | {"replies": replies, "held_out": told["held_out"] | apart}


def _distinguish(version: Version) -> None:
    """Give a version weights of its own, as two with the same are taken for one."""
    weights = version.directory / ADAPTER[1]
    weights.write_bytes(weights.read_bytes()[:-2] + bytes([int(version.name[1:]), 0]))


def lived_in(stage: Stage) -> None:
    """Fill the home with conversations in both languages, and with versions."""
    _versions(stage)
    _conversations(stage)


def weighed(stage: Stage) -> None:
    """Weigh what waits for a verdict."""
    lived_in(stage)
    scales = scales_of(stage.registry, "embedded", "v0003")
    with stage.corpus() as corpus:
        waiting = [turn for turn, _ in corpus.unweighed(scales)]
        figures = [(1.62 + 0.41 * (place % 5), 1.9 + 0.73 * (place % 3)) for place in range(len(waiting))]
        corpus.keep_losses([Loss(turn, scales, *each) for turn, each in zip(waiting, figures, strict=True)])


def measured(stage: Stage) -> None:
    """Let two versions reply to one prompt, beside what is there."""
    lived_in(stage)
    stage.says(
        "友人と話すとき、君の中で何が変わるのかね？",
        "幸せとは、友人と過ごす時間のことです。大切にしてください。",
    )


def taught(stage: Stage) -> None:
    """Let the check before a training find something."""
    lived_in(stage)
    stage.training = ScriptedTraining(sentence="64 examples, 7 new, 11 held out, about 2 min.")
    stage.training.figures = {
        "examples": 64,
        "new": 7,
        "held_out": 11,
        "tokens": 6120,
        "seconds": 112.0,
        "since": "2026-01-03T09:00:00.000000+00:00",
    }
    stage.training.findings = [
        Finding(
            "contradiction", (2, 7), "Examples 2, 7 answer the same prompt differently.", "Keep the one that you mean."
        )
    ]


def training(stage: Stage) -> None:
    """Let a training stand at two thirds."""
    lived_in(stage)
    script = [STARTED | {"examples": 64, "held_out": 11, "tokens": 6120, "steps": 96, "epochs": 3, "parent": "v0003"}]
    script.append(UNTRAINED | {"held_out_loss": 2.92})
    for number in range(1, 65):
        told = {"steps": 96, "epoch": 1 + (number - 1) // 32, "seconds_left": 1.4 * (96 - number)}
        told |= {"elapsed_s": 1.4 * number, "tokens_per_s": 305.0}
        script.append(step(number, _loss(number)) | told)
        if number == 32:
            script.append(EVALUATED | {"step": 32, "held_out_loss": 2.1, "train_loss": 2.0})
    stage.training = ScriptedTraining([*script, HOLD])
