from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from adapters.base import device
from adapters.encoding import Row
from adapters.loss import CHUNK, HeadLoss, grouped, losses, objective, pad


@pytest.mark.parametrize("softcap", [None, 3.0])
def test_the_head_loss_and_its_gradient_are_those_of_full_logits(softcap: float | None) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(CHUNK + 7, 16, requires_grad=True)
    head, targets = torch.randn(50, 16), torch.randint(50, (CHUNK + 7,))
    logits = hidden @ head.T
    logits = logits if softcap is None else torch.tanh(logits / softcap) * softcap
    expected = torch.nn.functional.cross_entropy(logits, targets, reduction="none")
    weights = torch.rand(len(targets))
    (wanted,) = torch.autograd.grad(expected @ weights, hidden)
    actual = HeadLoss.apply(hidden, head, targets, softcap)  # type: ignore[no-untyped-call]
    (given,) = torch.autograd.grad(actual @ weights, hidden)
    torch.testing.assert_close(actual, expected)
    torch.testing.assert_close(given, wanted)


@pytest.mark.parametrize("softcap", [None, 30.0])
def test_leaving_unlikely_words_out_of_the_gradient_hardly_moves_it(
    softcap: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(40, 32, requires_grad=True)
    head, targets = torch.randn(5_000, 32), torch.randint(5_000, (40,))
    gradients = []
    for negligible in (1e-30, 1e-5):
        monkeypatch.setattr("adapters.loss.NEGLIGIBLE", negligible)
        loss = HeadLoss.apply(hidden, head, targets, softcap)  # type: ignore[no-untyped-call]
        gradients.append(torch.autograd.grad(loss.sum(), hidden)[0].flatten())
    whole, filtered = gradients
    assert not torch.equal(whole, filtered)
    assert torch.nn.functional.cosine_similarity(whole, filtered, dim=0) > 0.99999


def rows() -> list[Row]:
    random = torch.Generator().manual_seed(1)
    lengths = [40, 9, 25]
    return [
        Row(
            torch.randint(6, 250, (n,), generator=random).tolist(),
            [False] * (n // 2) + [True] * (n - n // 2),
        )
        for n in lengths
    ]


def test_padded_rows_have_the_loss_of_the_same_rows_alone(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(checkpoint))
    with torch.no_grad():
        alone = sum(float(losses(model, pad([row], device())).sum()) for row in rows())
        together = float(losses(model, pad(rows(), device())).sum())
    assert together == pytest.approx(alone, rel=1e-5)


def test_the_loss_is_that_of_the_models_own_logits(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(checkpoint))
    row = rows()[0]
    batch = pad([row], device())
    with torch.no_grad():
        logits = model(input_ids=batch.ids).logits[0]
        expected = torch.nn.functional.cross_entropy(logits[batch.predictors], batch.targets, reduction="sum")
        actual = losses(model, batch).sum()
    assert float(actual) == pytest.approx(float(expected), rel=1e-4)


def test_groups_keep_the_order_and_the_budget() -> None:
    made = [Row([0] * n, [True] * n) for n in (5, 5, 20, 3, 4)]
    assert [[len(r.ids) for r in group] for group in grouped(made, 10)] == [[5, 5], [20], [3, 4]]


def test_padding_counts_in_the_budget() -> None:
    made = [Row([0] * n, [True] * n) for n in (2, 3, 6, 6)]
    assert [[len(r.ids) for r in group] for group in grouped(made, 12)] == [[2, 3], [6, 6]]


def test_without_pairs_the_objective_is_the_loss_per_target(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(checkpoint))
    with torch.no_grad():
        expected = float(losses(model, pad(rows(), "cpu")).sum()) / 40
        actual, told = objective(model, rows(), "cpu", targets=40)
    assert (float(actual), float(told)) == pytest.approx((expected, expected))


def test_the_penalty_of_a_pair_falls_with_its_margin(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(checkpoint))
    first, other, _ = rows()
    first.rejected = other
    with torch.no_grad():
        means = [float(losses(model, pad([row], "cpu")).sum()) / sum(row.supervised) for row in (first, other)]
        actual, told = objective(model, [first], "cpu", targets=sum(first.supervised), pairs=1, pair_weight=0.5)
    margin = torch.tensor(2 * (means[1] - means[0]) - 1)
    expected = means[0] - 0.5 * float(torch.nn.functional.logsigmoid(margin))
    assert (float(actual), float(told)) == pytest.approx((expected, means[0]), rel=1e-4)


def test_a_token_under_the_floor_teaches_nothing_and_is_told_as_it_is(checkpoint: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(str(checkpoint))
    found = losses(model, pad(rows(), "cpu")).detach()
    floor = float(found.median())
    minimised, told = objective(model, rows(), "cpu", targets=len(found), floor=floor)
    assert minimised.item() == pytest.approx(float(found.clamp(min=floor).mean()), rel=1e-4)
    assert float(told) == pytest.approx(float(found.mean()), rel=1e-4)
    minimised, _ = objective(model, rows(), "cpu", targets=len(found), floor=float(found.max()) + 1)
    minimised.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
