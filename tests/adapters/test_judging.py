import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import judging
from adapters.api import BASE
from adapters.base import device, load_model, load_tokenizer
from adapters.encoding import Encoder
from adapters.evaluation import encoded, evaluate_file, target_losses
from adapters.figures import Evaluation, read_evaluation
from adapters.judging import Judge
from adapters.lora import make_adaptable, read_version, shapes
from adapters.registry import Registry
from adapters.training import train
from tests.adapters.making_versions import hash_of, make_version
from tests.adapters.test_training import job, write

REJECTED = "徳 徳 stronger ab 徳"
EXAMPLES: list[dict[str, Any]] = [
    {
        "id": number,
        "conversation": f"c{number // 2}",
        "messages": [
            {"role": "user", "content": f"What is {what}?"},
            {"role": "assistant", "content": "君はどう考えるかね？"},
        ],
    }
    | ({"rejected": REJECTED} if number % 2 else {})
    for number, what in enumerate(["justice", "courage", "virtue", "wisdom", "love", "a friend", "a city"])
]


class Stage:
    """A checkpoint with a registry, and runs on it whose candidates have random weights."""

    def __init__(self, directory: Path, checkpoint: Path):
        self.registry = Registry(directory / "versions")
        self.checkpoint = checkpoint
        self.encoder = Encoder(load_tokenizer(checkpoint))
        self.weights = hash_of(checkpoint)

    def judge(self, held_out: list[dict[str, Any]]) -> Judge:
        return Judge(self.encoder, self.registry, self.weights, examples=EXAMPLES, held_out=held_out, max_tokens=512)

    def run(self, candidate: str, parent: str = BASE, held_out: list[dict[str, Any]] = EXAMPLES) -> Evaluation:
        """Judge the published ``candidate`` as if it were the draft of a run."""
        model = load_model(self.checkpoint, trainable=True)
        judge = self.judge(held_out)
        adapter = None
        if parent != BASE:
            version, layers = self.registry.get(parent), make_adaptable(load_model(self.checkpoint, trainable=True))
            adapter = read_version(version, str(self.checkpoint), self.weights, shapes(layers), device())
        judge.before(model, parent, adapter)
        return judge.after(model, self.registry.get(candidate).directory)


@pytest.fixture
def stage(tmp_path: Path, gemma3: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(judging, "REPLY_TOKENS", 8)
    return Stage(tmp_path, gemma3)


def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return what is measured from now on."""
    done: list[str] = []
    for name in ("target_losses", "greedy_replies"):
        real = getattr(judging, name)

        def measure(*arguments: Any, name: str = name, real: Any = real) -> Any:
            done.append(name)
            return real(*arguments)

        monkeypatch.setattr(judging, name, measure)
    return done


def test_base_parent_and_candidate_are_measured_alike_and_kept(stage: Stage) -> None:
    first, second = (make_version(stage.registry, stage.checkpoint, seed=seed) for seed in (1, 2))
    evaluation = stage.run(second, parent=first)
    assert read_evaluation(stage.registry.get(second).directory) == evaluation
    assert [(record.role, record.version) for record in evaluation.versions] == [
        ("base", "base"),
        ("parent", first),
        ("candidate", ""),
    ]
    for record in evaluation.versions:
        told = record.told()
        assert None not in {value for key, value in told.items() if key != "interval"}
        assert (told["held_out_examples"], told["pairs"], told["replies"]) == (7, 3, 7)
    assert evaluation.difference is not None
    assert evaluation.drift is not None
    assert not evaluation.better, "random weights are worse than none"


def test_the_losses_are_those_of_socrates_eval(stage: Stage, tmp_path: Path) -> None:
    name = make_version(stage.registry, stage.checkpoint)
    evaluation = stage.run(name)
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(example) + "\n" for example in EXAMPLES))
    figures = evaluate_file(tmp_path / "models", str(stage.checkpoint), stage.registry, data, [BASE, name])["versions"]
    expected = [record.held_out.loss_per_token for record in evaluation.versions if record.held_out]
    assert [f["loss_per_token"] for f in figures] == pytest.approx(expected, rel=1e-6)


def test_losses_are_told_with_the_conversation_of_each(stage: Stage) -> None:
    apart = [{**example, "conversation": f"c{number % 6}"} for number, example in enumerate(EXAMPLES)]
    judge = stage.judge(apart)
    judge.before(load_model(stage.checkpoint, trainable=True), BASE, None)
    held_out = judge.records[0].held_out
    assert held_out is not None
    assert sorted(unit for unit, _, _ in held_out.losses) == [0, 0, 1, 2, 3, 4, 5]


def test_what_is_known_of_the_same_weights_on_the_same_examples_is_not_measured_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (make_version(stage.registry, stage.checkpoint, seed=seed) for seed in (1, 2))
    before = stage.run(first)
    done = counted(monkeypatch)
    after = stage.run(second, parent=first)
    assert done == ["target_losses", "target_losses", "target_losses", "greedy_replies"], "the candidate's alone"
    assert after.versions[0] == before.versions[0]
    assert after.versions[1].model_dump(exclude={"role", "version"}) == before.versions[1].model_dump(
        exclude={"role", "version"}
    )
    del done[:]
    stage.run(second, parent=first, held_out=EXAMPLES[:6])
    assert done.count("target_losses") == 3 * 2, "other examples; the neutral texts are the same"
    assert done.count("greedy_replies") == 3


def test_what_an_imported_version_tells_is_measured_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make_version(stage.registry, stage.checkpoint, as_of="")
    stage.run(first)
    done = counted(monkeypatch)
    stage.run(first)
    assert done.count("greedy_replies") == 2


def test_a_pair_is_told_apart_where_the_target_is_likelier_by_the_token(stage: Stage) -> None:
    model = load_model(stage.checkpoint, trainable=True)
    judge = stage.judge(EXAMPLES)
    judge.before(model, BASE, None)
    pairs = [example for example in EXAMPLES if "rejected" in example]
    turned = [
        {"messages": [e["messages"][0], {"role": "assistant", "content": text}]}
        for e in pairs
        for text in (e["messages"][1]["content"], REJECTED)
    ]
    measured = target_losses(model, encoded(stage.encoder, turned, 512)[0])
    costs = [loss / tokens for loss, tokens in measured]
    expected = sum(costs[i] < costs[i + 1] for i in range(0, len(costs), 2)) / len(pairs)
    held_out = judge.records[0].held_out
    assert held_out is not None
    assert held_out.pair_accuracy == expected


def test_many_pairs_are_sampled(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "PAIR_TOKENS", 1)
    judge = stage.judge(EXAMPLES)
    judge.before(load_model(stage.checkpoint, trainable=True), BASE, None)
    assert judge.records[0].told()["pairs"] == 1


def test_without_held_out_examples_training_prompts_are_replied_to(stage: Stage) -> None:
    name = make_version(stage.registry, stage.checkpoint)
    evaluation = stage.run(name, held_out=[])
    candidate = evaluation.versions[-1]
    assert (candidate.held_out, evaluation.difference) == (None, None)
    assert candidate.replies is not None
    assert (candidate.replies.replies, candidate.replies.chrf) == (7, None)
    assert candidate.neutral is not None


def test_a_kept_evaluation_that_cannot_be_read_is_measured_again(stage: Stage) -> None:
    name = make_version(stage.registry, stage.checkpoint)
    (stage.registry.get(name).directory / "eval.json").write_text('{"versions": [{}]}')
    evaluation = stage.run(name)
    assert read_evaluation(stage.registry.get(name).directory) == evaluation


def test_a_run_on_noise_is_kept_aside_and_says_why(tmp_path: Path, gemma3: Path) -> None:
    sound = [example | {"id": 10 + example["id"], "conversation": f"t{example['id']}"} for example in EXAMPLES]
    held_out = write(tmp_path / "judged.jsonl", EXAMPLES)
    taught = job(tmp_path, gemma3, train=write(tmp_path / "sound.jsonl", sound), held_out=held_out)
    good = list(train(taught))[-1]
    shuffle = random.Random(0)
    for example in sound:
        target = example["messages"][1]["content"]
        example["messages"] = [
            example["messages"][0],
            {"role": "assistant", "content": "".join(shuffle.sample(target, len(target)))},
        ]
    noise = write(tmp_path / "noise.jsonl", sound)
    last = list(train(replace(taught, train=noise, parent=good["version"])))[-1]
    assert (last["event"], last["better"]) == ("published", False)
    assert f"It is worse: held-out loss {last['held_out']['candidate']:.3f} against" in last["reason"]
    versions = last["evaluation"]["versions"]
    assert [told["version"] for told in versions] == [BASE, good["version"], last["version"]]
    assert last["evaluation"]["difference"]["interval"][0] > 0


def test_the_neutral_texts_are_as_many_japanese_as_english_and_differ() -> None:
    texts = [json.loads(line) for line in judging.NEUTRAL.read_text(encoding="utf-8").splitlines()]
    assert len({text["text"] for text in texts}) == len(texts)
    languages = [text["language"] for text in texts]
    assert languages.count("ja") == languages.count("en") == 30
