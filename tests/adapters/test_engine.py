from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters.api import BASE, Chunk, Finished, Message, Sampling
from adapters.base import device
from adapters.decoder import Decoder
from adapters.engine import GemmaEngine, load_engine
from adapters.recipe import PRESETS
from adapters.registry import Registry
from adapters.weights import indistinguishable
from socrates_errors import EngineError, VersionError
from tests.adapters.making_versions import make_version

GREEDY = Sampling(temperature=0, repetition_penalty=1, max_new_tokens=12)

HOT = Sampling(temperature=2.0, top_k=0, top_p=1.0, max_new_tokens=12)


def user(text: str) -> Message:
    return Message(role="user", content=text)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    return Registry(tmp_path_factory.mktemp("home") / "versions")


@pytest.fixture(scope="module", params=["decoder", "modules"])
def loaded(
    request: pytest.FixtureRequest, checkpoint: Path, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GemmaEngine]:
    """The engine as it is on this machine, and as it is where bitsandbytes has no kernel for the CPU."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "modules":
            patch.setattr("adapters.engine.computable", lambda _model: False)
        models = tmp_path_factory.mktemp("models")
        yield load_engine(models, str(checkpoint), registry, lambda _text, _fraction: None)


@pytest.fixture
def engine(loaded: GemmaEngine) -> GemmaEngine:
    """Return the engine as it is after loading."""
    loaded.use(BASE)
    return loaded


def finished(items: Iterator[Chunk | Finished]) -> Finished:
    last = list(items)[-1]
    assert isinstance(last, Finished)
    return last


def test_the_chunks_together_are_the_reply(engine: GemmaEngine) -> None:
    *chunks, last = engine.reply([user("What is justice?")], GREEDY)
    assert isinstance(last, Finished)
    assert "".join(chunk.text for chunk in chunks if isinstance(chunk, Chunk)).strip() == last.reply
    assert last.reply_tokens > 0


def test_a_reply_tells_what_it_took(engine: GemmaEngine) -> None:
    last = finished(engine.reply([user("Why?")], GREEDY))
    assert (last.version, last.turns_left_out) == (BASE, 0)
    assert last.prompt_tokens == len(engine._encoder.prompt([user("Why?")]))
    assert last.ttft_s > 0
    assert last.stopped_by in ("length", "end_of_turn")


def test_a_stopped_reply_keeps_what_was_said(engine: GemmaEngine) -> None:
    said: list[int] = []

    def stopped() -> bool:
        said.append(1)
        return len(said) > 4

    last = finished(engine.reply([user("What is justice?")], GREEDY, stopped))
    assert (last.stopped_by, last.reply_tokens) == ("user", 4)


def test_the_same_seed_gives_the_same_reply_and_another_seed_another(engine: GemmaEngine) -> None:
    first, again, other = (finished(engine.reply([user("Why?")], replace(HOT, seed=seed))).reply for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_reply_without_a_seed_tells_the_seed_that_repeats_it(engine: GemmaEngine) -> None:
    first = finished(engine.reply([user("Why?")], HOT))
    assert finished(engine.reply([user("Why?")], replace(HOT, seed=first.seed))).reply == first.reply


def test_a_conversation_that_goes_on_replies_as_if_it_were_read_anew(engine: GemmaEngine) -> None:
    messages = [user("What is justice? " * 3)]
    finished(engine.reply(messages, GREEDY))
    # What the cache holds is the prompt and the reply's ids, so the reply is put in as those ids decode.
    said = engine._encoder.tokenizer.decode(engine._reader.now.ids[len(engine._encoder.prompt(messages)) :])
    longer = [*messages, Message(role="assistant", content=said), user("And courage?")]
    reused = finished(engine.reply(longer, GREEDY)).reply
    engine.use(BASE)
    assert finished(engine.reply(longer, GREEDY)).reply == reused


def test_what_was_read_is_read_again_only_where_the_prompt_differs(engine: GemmaEngine) -> None:
    messages = [user("What is justice?")]
    prompt = engine._encoder.prompt(messages)
    finished(engine.reply(messages, GREEDY))
    cached = list(engine._reader.now.ids)
    assert len(cached) > len(prompt)
    assert engine._reader.resume([*cached, 7, 8]) == [7, 8]
    again = prompt[-1:] if isinstance(engine._decoder, Decoder) else prompt
    assert engine._reader.resume(prompt) == again
    assert engine._reader.now.ids == prompt[: len(prompt) - len(again)]


def test_a_reply_spoken_again_is_the_same_reply(engine: GemmaEngine) -> None:
    first, second = (finished(engine.reply([user("What is justice?")], replace(HOT, seed=5))) for _ in range(2))
    assert first.reply == second.reply
    other = finished(engine.reply([user("What is courage?")], GREEDY)).reply
    engine.use(BASE)
    assert finished(engine.reply([user("What is courage?")], GREEDY)).reply == other


@pytest.mark.skipif(device() == "cuda", reason="a GPU is shared by its driver")
def test_beside_a_training_half_of_the_threads_speak(engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_threads", 4)
    training, threads = [True], []
    for piece in engine.reply([user("What is justice?")], replace(HOT, seed=3), beside=lambda: training[0]):
        threads.append(torch.get_num_threads())
        training[0] = isinstance(piece, Finished) or len(threads) < 3
    assert threads[:3] == [2, 2, 2]
    assert set(threads[3:]) == {4}


def test_a_conversation_longer_than_the_context_loses_its_oldest_turns_and_says_so(engine: GemmaEngine) -> None:
    long = [user("one " * 60), Message(role="assistant", content="two " * 60)] * 3
    last = finished(engine.reply([*long, user("three")], GREEDY))
    assert last.turns_left_out > 0
    assert last.prompt_tokens + last.reply_tokens <= engine.context_tokens


def test_a_message_longer_than_the_context_is_refused_with_its_length(engine: GemmaEngine) -> None:
    with pytest.raises(EngineError, match="shorten it"):
        next(engine.reply([user("word " * 600)], GREEDY))


def logits(engine: GemmaEngine) -> torch.Tensor:
    engine._reader.now.ids = []
    prompt = engine._encoder.prompt([user("What is justice?")])
    scores = engine._reader.go_on(engine._reader.resume(prompt))
    every = scores.every.cpu()
    # What is not exact is of no consequence.
    return torch.zeros_like(every).index_copy(0, scores.best, scores.of_best) if len(scores.best) else every


def test_a_version_is_swapped_in_and_out_and_changes_what_is_said(
    engine: GemmaEngine, checkpoint: Path, registry: Registry
) -> None:
    name = make_version(registry, checkpoint)
    before = logits(engine)
    engine.use(name)
    during = logits(engine)
    engine.use(BASE)
    assert engine.version == BASE
    torch.testing.assert_close(logits(engine), before, rtol=0, atol=0)
    assert (during - before).abs().max() > 0.01


def test_a_swap_leaves_nothing_of_what_was_read(engine: GemmaEngine, checkpoint: Path, registry: Registry) -> None:
    name = make_version(registry, checkpoint)
    prompt = engine._encoder.prompt([user("Why?")])
    before = engine._reader.begin(prompt).every.clone()
    engine.use(name)
    assert engine._reader.now.ids == []
    assert (engine._reader.begin(prompt).every - before).abs().max() > 0.01


def test_a_reading_that_failed_leaves_nothing_to_build_upon(
    engine: GemmaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = [user("What is justice?")], [user("What is courage, and what is it good for?")]
    expected = finished(engine.reply(first, GREEDY)).reply
    read = engine._decoder.read

    def half(ids: list[int], start: int) -> Any:
        read(ids, start)
        raise RuntimeError("can't allocate memory")

    monkeypatch.setattr(engine._decoder, "read", half)
    with pytest.raises(RuntimeError):
        finished(engine.reply(second, GREEDY))
    monkeypatch.setattr(engine._decoder, "read", read)
    assert finished(engine.reply(first, GREEDY)).reply == expected


def test_a_version_speaks_as_it_does_in_plain_peft(engine: GemmaEngine, checkpoint: Path, registry: Registry) -> None:
    from peft import PeftModel

    from adapters.base import load_model

    name = make_version(registry, checkpoint)
    engine.use(name)
    prompt = engine._encoder.prompt([user("What is justice?")])
    plain = PeftModel.from_pretrained(load_model(checkpoint, trainable=False), str(registry.get(name).directory)).eval()
    with torch.inference_mode():
        expected = plain(input_ids=torch.tensor([prompt], device=plain.device)).logits[0, -1].float().cpu()
    actual = logits(engine)
    expected = expected.where(actual != 0, 0)
    assert torch.nn.functional.cosine_similarity(actual, expected, dim=0) > 0.9995
    assert actual.argmax() == expected.argmax()


DIALOGUE = [user("What is justice?"), Message(role="assistant", content="What do you mean by that?")]
LONGER = [*DIALOGUE, user("幸せとは何か。" * 20), Message(role="assistant", content="君はどう考えるかね？")]
BRANCH = [user("What is justice?"), Message(role="assistant", content="")]


def expected_losses(checkpoint: Path, examples: list[list[Message]], adapter: Path | None) -> list[float]:
    """Return what the evaluation of a training makes of ``examples``, each in a row of its own."""
    from adapters.base import load_model, load_tokenizer
    from adapters.encoding import Encoder
    from adapters.evaluation import target_losses
    from adapters.lora import make_adaptable, put_on, read_adapter, shapes

    model = load_model(checkpoint, trainable=True)
    layers = make_adaptable(model)
    put_on(None if adapter is None else read_adapter(adapter, shapes(layers), device()), layers)
    rows, _ = Encoder(load_tokenizer(checkpoint)).rows([{"messages": messages} for messages in examples], 512)
    return [loss / tokens for loss, tokens in target_losses(model, rows)]


def test_losses_are_those_of_the_evaluation_under_each_version(
    engine: GemmaEngine, checkpoint: Path, registry: Registry
) -> None:
    name = make_version(registry, checkpoint)
    examples = [DIALOGUE, LONGER, BRANCH]
    found = engine.losses(examples, [name, BASE])
    assert found is not None
    of_version, of_base = found
    directory = registry.get(name).directory
    assert of_version == pytest.approx(expected_losses(checkpoint, examples, directory), rel=0.01)
    assert of_base == pytest.approx(expected_losses(checkpoint, examples, None), rel=0.01)
    assert of_version[1] != pytest.approx(of_base[1], rel=0.02)


def test_measuring_losses_changes_nothing_of_what_is_said(
    engine: GemmaEngine, checkpoint: Path, registry: Registry
) -> None:
    engine.use(make_version(registry, checkpoint))
    messages = [user("What is justice? " * 8)]
    before, speaks = finished(engine.reply(messages, GREEDY)).reply, logits(engine)
    for versions in ([BASE], [engine.version, BASE]):
        assert engine.losses([DIALOGUE], versions) is not None
        torch.testing.assert_close(logits(engine), speaks, rtol=0, atol=0)
        assert finished(engine.reply(messages, GREEDY)).reply == before


def test_what_was_read_of_the_conversation_is_not_read_again_after_losses_were_measured(engine: GemmaEngine) -> None:
    if not isinstance(engine._decoder, Decoder) or not engine._decoder.SHELVED_BYTES:
        pytest.skip("nothing is kept here")
    prompt = engine._encoder.prompt([user("What is justice? " * 8)])
    engine._reader.begin(prompt)
    engine.losses([DIALOGUE], [BASE])
    engine._reader._take_up([*prompt, 7])
    assert engine._reader.resume([*prompt, 7]) == [7]


def test_a_measurement_that_is_stopped_gives_nothing_and_the_version_speaks_on(
    engine: GemmaEngine, checkpoint: Path, registry: Registry
) -> None:
    before, asked = logits(engine), list[int]()

    def stopped() -> bool:
        asked.append(1)
        return len(asked) > 1

    assert engine.losses([DIALOGUE], [make_version(registry, checkpoint), BASE], stopped) is None
    assert engine.version == BASE
    torch.testing.assert_close(logits(engine), before, rtol=0, atol=0)


def test_a_reply_longer_than_the_context_has_no_loss(engine: GemmaEngine) -> None:
    too_long = [user("word " * 600), DIALOGUE[1]]
    found = engine.losses([too_long, DIALOGUE], [BASE])
    assert found is not None
    assert found[0][0] is None
    assert found[0][1] is not None


def test_nothing_is_measured_where_a_version_cannot_be_read(engine: GemmaEngine) -> None:
    before = logits(engine)
    with pytest.raises(VersionError):
        engine.losses([DIALOGUE], [BASE, "v0999"])
    torch.testing.assert_close(logits(engine), before, rtol=0, atol=0)


def break_shape(tensors: dict[str, torch.Tensor]) -> None:
    name = next(n for n in tensors if n.endswith("lora_A.weight"))
    tensors[name] = tensors[name][:, :-1].contiguous()


def lose_half(tensors: dict[str, torch.Tensor]) -> None:
    del tensors[next(n for n in tensors if n.endswith("lora_B.weight"))]


def name_a_stranger(tensors: dict[str, torch.Tensor]) -> None:
    tensors["base_model.model.model.layers.99.mlp.up_proj.lora_A.weight"] = torch.zeros(4, 4)


@pytest.mark.parametrize("damage", [break_shape, lose_half, name_a_stranger])
def test_a_version_that_does_not_fit_is_refused_and_the_old_one_goes_on(
    engine: GemmaEngine, checkpoint: Path, registry: Registry, damage: Any
) -> None:
    from safetensors.torch import load_file, save_file

    good, bad = make_version(registry, checkpoint), make_version(registry, checkpoint)
    file = registry.get(bad).directory / "adapter_model.safetensors"
    tensors = load_file(file)
    damage(tensors)
    save_file(tensors, file)
    engine.use(good)
    before = logits(engine)
    with pytest.raises(VersionError):
        engine.use(bad)
    assert engine.version == good
    torch.testing.assert_close(logits(engine), before, rtol=0, atol=0)


def test_a_version_whose_file_is_cut_short_is_refused(
    engine: GemmaEngine, checkpoint: Path, registry: Registry
) -> None:
    name = make_version(registry, checkpoint)
    file = registry.get(name).directory / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(VersionError, match="cannot be read"):
        engine.use(name)


def test_a_version_of_other_weights_is_refused(engine: GemmaEngine, checkpoint: Path, registry: Registry) -> None:
    name = make_version(registry, checkpoint, weights_hash="sha256:other")
    with pytest.raises(VersionError, match="was trained on"):
        engine.use(name)


def test_a_token_whose_row_is_the_end_markers_in_all_but_name_ends_the_turn_too() -> None:
    end = torch.tensor([1.0, 0.0, 0.0])
    head = torch.stack([torch.tensor([0.0, 1.0, 0.0]), end, end + torch.tensor([0.0, 0.3, 0.0]), -end, end * 2])
    assert indistinguishable(head, 1) == {1, 2, 4}


def test_in_a_head_of_trained_rows_the_end_marker_stands_alone(engine: GemmaEngine) -> None:
    assert engine._stops == engine._encoder.stops


def test_every_preset_names_itself() -> None:
    assert {name: recipe.preset for name, recipe in PRESETS.items()} == {name: name for name in PRESETS}
