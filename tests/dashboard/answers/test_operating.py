"""Budget and alpha of a checkpoint for every budget: either leads to the other, and nothing is moved in silence."""

from __future__ import annotations

import itertools
import math

import pytest
from every_budget import PRICES, every_budget_card
from tiny import make_card

from dashboard.answers import operating
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.model.config import ModelConfig


@pytest.fixture(scope="module")
def card():
    return every_budget_card()


def test_a_checkpoint_of_one_budget_is_asked_for_none(card):
    fixed = make_card("dfs-20", "dfs", ModelConfig(depth=14, budget=20.0))
    assert operating.fit_budget(fixed, 7.0) == (None, "")
    assert operating.usual_budget(fixed) is None


def test_a_budget_in_range_is_taken_as_it_is_and_without_a_wish_the_usual_one(card):
    assert operating.fit_budget(card, 1.234) == (1.234, "")
    assert operating.fit_budget(card, None) == (card.config.usual_budget, "")


@pytest.mark.parametrize(("wished", "found"), [(0.1, 0.3), (55.0, 10.0)])
def test_a_budget_out_of_range_gives_the_nearest_end_and_says_so(card, wished, found):
    budget, note = operating.fit_budget(card, wished)
    assert budget == found
    assert f"serves budgets from 0.3 to 10 %, not {wished:g} %" in note


def test_budget_and_alpha_lead_to_each_other(card):
    for price, budget in PRICES:
        assert OperatingPoint(card, budget).alpha == pytest.approx(price / 128, rel=1e-3)
        assert operating.budget_for(card, price / 128) == pytest.approx(budget, rel=1e-3)
    for budget in (0.31, 0.7, 2.345, 9.87):
        assert operating.budget_for(card, OperatingPoint(card, budget).alpha) == pytest.approx(budget, rel=2e-3)


def test_the_ends_of_an_odd_range_stay_within_it_when_they_are_rounded():
    prices = ((0.0123456, 10.000049), (0.5, 0.3000061))
    config = ModelConfig(depth=14, options="lowbit", policy="utility", prices=prices)
    low, high = operating.budget_bounds(make_card("odd", "every-budget", config))
    assert 0.3000061 <= low < 0.301
    assert 9.99 < high <= 10.000049


def test_positions_of_a_slider_are_even_on_a_logarithmic_scale_and_hold_what_is_in_use():
    values = operating.positions(0.3, 10.0, 1.2345)
    assert values[0] == 0.3
    assert values[-1] == 10.0
    assert 1.2345 in values
    steps = [math.log(b / a) for a, b in itertools.pairwise(values)]
    assert max(steps) < 0.03
    assert len(values) == len({f"{value:.4g}" for value in values})


def test_the_neighbours_of_a_budget_are_where_the_sliders_next_steps_lead():
    card = make_card("every", "every-budget", ModelConfig(depth=14, options="lowbit", policy="utility", prices=PRICES))
    low, high = operating.budget_bounds(card)
    values = operating.positions(low, high, 1.2345)
    here = values.index(1.2345)
    around = operating.neighbours(OperatingPoint(card, 1.2345))
    assert around == [OperatingPoint(card, values[here + 1]), OperatingPoint(card, values[here - 1])]
    assert len(operating.neighbours(OperatingPoint(card, low))) == 1, "at the end there is nothing below"
