"""Limits of a cascade: chosen where they cost least, and one for every budget."""

from __future__ import annotations

from itertools import combinations_with_replacement, pairwise

import numpy as np
import pytest

from dfs_core.evaluation.doubt import certainty, top
from dfs_core.evaluation.limits import IN_TURN, STRAIGHT, Look, choose, follow, rows_of

BLOCKS = 10


def made_up(seed: int, n: int = 400) -> list[Look]:
    """Three passes, each surer and more often right than the one before, and four times as dear."""
    rng = np.random.default_rng(seed)
    labels, hard = rng.integers(0, 5, n), rng.random(n)
    looks = []
    for number in range(3):
        logits = rng.normal(size=(n, 5))
        logits[np.arange(n), labels] += (2 + 1.5 * number) * (1.2 - hard)
        looks.append(Look.of(logits, labels, np.full(n, 0.05 * 4**number)))
    return looks


def spent(looks: list[Look], passes: np.ndarray) -> np.ndarray:
    return IN_TURN.total([look.cost for look in looks], passes)


def objective(looks: list[Look], limits: tuple[float, ...], price: float) -> float:
    passes = follow(looks, limits)
    losses = np.stack([look.losses for look in looks])[passes - 1, np.arange(len(passes))]
    return float((losses + price * spent(looks, passes)).mean())


def test_an_image_goes_on_until_its_lead_reaches_the_limit() -> None:
    logits = np.array([[3.0, 0.0], [1.0, 0.0], [0.2, 0.0]])
    looks = [Look.of(logits * scale, np.zeros(3, int), np.full(3, scale)) for scale in (1.0, 2.0, 4.0)]
    passes = follow(looks, (2.0, 1.0))
    assert passes.tolist() == [1, 2, 3]
    assert spent(looks, passes).tolist() == [1.0, 3.0, 7.0]


def test_a_lead_is_of_the_best_class_over_the_second() -> None:
    look = Look.of(np.array([[1.0, 4.0, 3.5]]), np.array([2]), np.ones(1))
    assert look.sureness == pytest.approx([0.5])
    assert not look.correct[0]


def test_an_answer_is_as_sure_as_its_probability_or_as_far_from_a_guess() -> None:
    logits, labels, cost = (
        np.log([[0.5, 0.25, 0.25], [0.98, 0.01, 0.01], [1 / 3] * 3]) + 7,
        np.zeros(3, int),
        np.ones(3),
    )
    assert Look.of(logits, labels, cost, top).sureness == pytest.approx([0.5, 0.98, 1 / 3])
    entropies = [0.5 * np.log(2) + 0.5 * np.log(4), -0.98 * np.log(0.98) - 0.02 * np.log(0.01), np.log(3)]
    assert Look.of(logits, labels, cost, certainty).sureness == pytest.approx(np.log(3) - entropies, abs=1e-12)


@pytest.mark.parametrize("price", [1e-3, 0.03, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_of_two_passes_no_other_limit_is_better_than_the_chosen_one(seed: int, price: float) -> None:
    looks = made_up(seed, n=60)[:2]
    best = objective(looks, choose(looks, price), price)
    assert all(best <= objective(looks, (limit,), price) + 1e-9 for limit in (0.0, 1e9, *looks[0].sureness))


def test_compute_that_costs_nothing_is_used_and_dear_compute_is_not() -> None:
    looks = made_up(1)
    assert (follow(looks, choose(looks, 1e6)) == 1).all()
    assert follow(looks, choose(looks, 1e-9)).mean() > 2


def test_there_is_a_row_near_every_budget_and_cost_falls_as_the_price_rises() -> None:
    looks = made_up(2, n=3000)
    rows = rows_of(looks, BLOCKS)
    first, last = looks[0].cost.mean(), sum(look.cost.mean() for look in looks)
    assert rows[-1].cp == pytest.approx(100 * first / BLOCKS)
    assert rows[0].cp == pytest.approx(100 * last / BLOCKS)
    for cheap, dear in pairwise(rows):
        assert cheap.price < dear.price
        assert dear.cp < cheap.cp < 1.06 * dear.cp
        assert all(more >= less for more, less in zip(cheap.limits, dear.limits, strict=True))


def test_a_row_says_what_its_limits_come_to() -> None:
    looks = made_up(3)
    rows = rows_of(looks, BLOCKS)[::7]
    assert len(rows) > 2
    for row in rows:
        assert 100 * spent(looks, follow(looks, row.limits)).mean() / BLOCKS == pytest.approx(row.cp)


def test_sure_mistakes_do_not_outweigh_the_rest() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 500)
    logits = rng.normal(size=(500, 4))
    logits[np.arange(500), labels] += 2
    once, louder = (Look.of(logits * scale, labels, np.ones(500)) for scale in (1.0, 3.0))
    assert louder.losses.mean() == pytest.approx(once.losses.mean(), rel=0.02)


@pytest.mark.parametrize("price", [1e-3, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_straight_no_other_way_to_share_out_the_images_by_doubt_is_better(seed: int, price: float) -> None:
    looks = made_up(seed, 60)
    order = np.argsort(-looks[0].sureness)

    def worth(numbers: np.ndarray) -> float:
        losses = np.stack([look.losses for look in looks])[numbers - 1, np.arange(len(numbers))]
        later = np.stack([np.zeros(len(numbers)), *(look.cost for look in looks[1:])])
        cost = looks[0].cost + later[numbers - 1, np.arange(len(numbers))]
        assert cost == pytest.approx(STRAIGHT.total([look.cost for look in looks], numbers))
        return float((losses + price * cost).mean())

    limits = STRAIGHT.choose(looks, price)
    assert sorted(limits, reverse=True) == list(limits)
    found = worth(STRAIGHT.follow(looks, limits))
    for stops, ends in combinations_with_replacement(range(len(order) + 1), 2):
        numbers = np.empty(len(order), np.int64)
        numbers[order] = np.repeat([1, 2, 3], [stops, ends - stops, len(order) - ends])
        assert worth(numbers) >= found - 1e-12


def test_straight_every_cost_between_one_pass_and_the_dearest_is_served() -> None:
    looks = made_up(0)
    rows = rows_of(looks, BLOCKS, STRAIGHT)
    assert rows[0].cp == pytest.approx(100 * (0.05 + 0.8) / BLOCKS)
    assert rows[-1].cp == pytest.approx(100 * 0.05 / BLOCKS)
    assert all(dear.cp > cheap.cp for dear, cheap in pairwise(rows))
