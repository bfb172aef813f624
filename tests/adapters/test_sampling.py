import torch

from adapters.api import Sampling
from adapters.sampling import Scores, draw

GREEDY = Sampling(temperature=0, repetition_penalty=1, max_new_tokens=12)


def random(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(scores: list[float], sampling: Sampling, reply: list[int] | None = None) -> set[int]:
    """Return the tokens that come up in 200 draws."""
    generator = random()
    return {draw(Scores.plain(torch.tensor(scores)), sampling, reply or [], generator) for _ in range(200)}


def test_a_temperature_of_zero_takes_the_best_token() -> None:
    assert drawn([0.0, 3.0, 2.9], GREEDY) == {1}


def test_top_k_keeps_the_best_k_tokens() -> None:
    assert drawn([1.0, 1.1, 1.2, 1.3], Sampling(top_k=2, top_p=1.0, temperature=1.0)) == {2, 3}


def test_top_k_of_zero_keeps_all() -> None:
    assert drawn([1.0, 1.1, 1.2, 1.3], Sampling(top_k=0, top_p=1.0, temperature=1.0)) == {0, 1, 2, 3}


def test_top_p_keeps_the_fewest_tokens_that_hold_p() -> None:
    scores = torch.tensor([0.5, 0.3, 0.2]).log().tolist()
    assert drawn(scores, Sampling(top_k=0, top_p=0.6, temperature=1.0)) == {0, 1}
    assert drawn(scores, Sampling(top_k=0, top_p=0.4, temperature=1.0)) == {0}


def test_the_repetition_penalty_lowers_what_was_said() -> None:
    penalised = Sampling(temperature=0, repetition_penalty=2.0)
    assert drawn([1.0, 1.5], penalised, reply=[1]) == {0}
    assert drawn([-1.5, -1.0], penalised, reply=[1]) == {0}


def test_draws_follow_the_softmax() -> None:
    generator, sampling = random(3), Sampling(temperature=1.0, top_k=0, top_p=1.0)
    scores = torch.tensor([0.7, 0.2, 0.1]).log()
    counts = torch.bincount(
        torch.tensor([draw(Scores.plain(scores), sampling, [], generator) for _ in range(4000)]), minlength=3
    )
    torch.testing.assert_close(counts / 4000, torch.tensor([0.7, 0.2, 0.1]), atol=0.03, rtol=0)


def test_of_exact_scores_that_are_few_only_those_are_drawn() -> None:
    scores = Scores(torch.tensor([5.0, 1.0, 4.0, 3.0]), torch.tensor([2, 3]), torch.tensor([4.0, 3.0]))
    assert draw(scores, GREEDY, [], random()) == 2
    assert draw(scores, Sampling(temperature=0, repetition_penalty=2.0), [2], random()) == 3
    assert draw(scores, Sampling(temperature=1.0, top_k=1), [], random()) == 2
    assert draw(scores, Sampling(temperature=0.01, top_k=0), [], random()) == 0
    penalised = Sampling(temperature=0.01, top_k=2, repetition_penalty=1.1)
    assert draw(scores, penalised, [3], random()) == 0  # one of two is penalised


def test_among_the_best_is_drawn_as_among_all() -> None:
    every = torch.randn(500, generator=random(1)) * 3
    values, ids = every.topk(100, sorted=False)
    sampling = Sampling(temperature=1.2, top_k=20, top_p=0.9, repetition_penalty=1.3)
    reply = [*ids[:30].tolist(), 3, 3, 7]
    one, other = random(5), random(5)
    for _ in range(200):
        assert draw(Scores(every, ids, values), sampling, reply, one) == draw(
            Scores.plain(every), sampling, reply, other
        )
