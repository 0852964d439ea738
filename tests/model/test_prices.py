"""Price and budget: two ways to say one thing, read off one list."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.errors import UserError
from dfs_core.model.config import ModelConfig
from dfs_core.model.prices import alpha_of, budget_for, check_prices, price_for, price_of

PRICES = ((0.01, 10.0), (0.1, 2.0), (1.0, 0.5))


def test_a_listed_price_and_its_budget_name_each_other() -> None:
    for price, cp in PRICES:
        assert budget_for(PRICES, price) == cp
        assert price_for(PRICES, cp) == price


def test_between_two_prices_the_geometric_middle_of_one_is_that_of_the_other() -> None:
    assert budget_for(PRICES, math.sqrt(0.01 * 0.1)) == pytest.approx(math.sqrt(10 * 2))
    assert price_for(PRICES, math.sqrt(2 * 0.5)) == pytest.approx(math.sqrt(0.1 * 1.0))


@given(st.floats(0.5, 10.0), st.floats(0.5, 10.0))
def test_a_larger_budget_has_a_lower_price_and_leads_back_to_itself(one: float, other: float) -> None:
    assert budget_for(PRICES, price_for(PRICES, one)) == pytest.approx(one, rel=1e-9)
    assert (one <= other) == (price_for(PRICES, one) >= price_for(PRICES, other)) or one == pytest.approx(other)


def test_a_budget_outside_the_list_is_refused_and_a_price_gives_the_nearest_end() -> None:
    with pytest.raises(UserError, match=r"serves budgets from 0.5 to 10 %, not 20 %"):
        price_for(PRICES, 20)
    assert budget_for(PRICES, 5.0) == 0.5
    assert budget_for(PRICES, 0.001) == 10.0


def test_a_static_mix_costs_at_most_its_budget_as_there_is_nothing_between_two_mixes() -> None:
    config = ModelConfig(policy="table", options="lowbit", prices=PRICES)
    assert config.price_for(9.9) == config.price_for(2.0) == config.price_for(1.99) == 0.1
    assert config.price_for(1.9) == 1.0
    assert [config.budget_for(price) for price in (0.001, 0.01, 0.099, 0.1, 0.9, 5.0)] == [10, 10, 10, 2, 2, 0.5]
    with pytest.raises(UserError, match="serves budgets"):
        config.price_for(0.4)


def test_alpha_is_the_price_in_the_papers_batch_of_128() -> None:
    assert alpha_of(128.0) == 1.0
    assert price_of(alpha_of(0.3)) == pytest.approx(0.3)


@pytest.mark.parametrize(
    "prices", [((0.1, 2.0), (0.1, 1.0)), ((0.1, 2.0), (0.2, 2.0)), ((0.2, 1.0), (0.1, 2.0)), ((0.0, 1.0),), ((1.0,),)]
)
def test_a_list_out_of_order_is_refused(prices: tuple) -> None:
    with pytest.raises(UserError, match="prices"):
        check_prices(prices)


def test_a_model_of_every_budget_names_its_operating_points() -> None:
    config = ModelConfig(policy="utility", options="lowbit", prices=PRICES)
    assert config.every_budget
    assert config.budget_range == (0.5, 10.0)
    assert config.operating_point() == (2.2, config.price_for(2.2))
    assert config.operating_point(2.0) == (2.0, 0.1)
    assert config.operating_point(price=1.0) == (0.5, 1.0)
    with pytest.raises(UserError, match="budget or a price, not both"):
        config.operating_point(2.0, 0.1)
    assert ModelConfig.from_dict(config.to_dict()) == config


def test_a_price_moves_a_model_of_one_budget_away_from_it_and_says_so() -> None:
    config = ModelConfig(budget=20.0)
    assert config.operating_point(price=0.0) == (20.0, 0.0)
    assert config.operating_point(price=0.5) == (None, 0.5)
    assert config.operating_point(price=-0.5) == (None, -0.5), "below 0 lies the dearer side"
    with pytest.raises(UserError, match="a price is a number, not inf"):
        config.operating_point(price=float("inf"))
    with pytest.raises(UserError, match="a price is 0 or more"):
        ModelConfig(policy="utility", prices=((0.1, 2.0), (1.0, 0.5))).operating_point(price=-1.0)


def test_constant_decisions_have_no_price() -> None:
    config = ModelConfig(options="full", policy="constant", constant=("full",))
    with pytest.raises(UserError, match="the same decisions at any price"):
        config.operating_point(price=0.1)
