"""The list of prices: explored until cp is known all along, and only ever falling."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from nets import settled_network

from dfs_core.data.sets import ImageSet
from dfs_core.model.config import ModelConfig
from dfs_core.training.measure import FINE, STEP, explore, falling, measure_prices


def test_a_smooth_curve_is_explored_until_no_gap_is_wide() -> None:
    pairs = explore(lambda price: 3 / price**0.5, [(0.1, 3 / 0.1**0.5), (2.0, 3 / 2**0.5)])
    assert (pairs[0][0], pairs[-1][0]) == pytest.approx((0.1, 2.0))
    assert all(dear > cheap and more <= STEP * less for (cheap, more), (dear, less) in pairwise(pairs))
    assert falling(pairs) == pairs


def test_a_jump_is_closed_in_on_and_left_at_that() -> None:
    pairs = explore(lambda price: 10.0 if price < 2 else 1.0, [(0.1, 10.0), (100.0, 1.0)])
    below = max(price for price, cp in pairs if cp == 10.0)
    above = min(price for price, cp in pairs if cp == 1.0)
    assert below < 2 <= above
    assert above / below < 1.01
    assert len(pairs) < FINE
    assert [cp for _, cp in falling(pairs)] == [10.0, 1.0]


def test_the_price_at_which_nothing_runs_any_more_is_closed_in_on() -> None:
    def cp_at(price: float) -> float:
        return max(0.0, 30 * (1 - price**0.5))

    pairs = falling(explore(cp_at, [(price, cp_at(price)) for price in (0.01, 0.1, 0.4, 3.0, 20.0)]))
    assert pairs[-1][1] < 0.3, "at first the dearest price that ran anything led to a cp of 11 %"


def test_where_cp_rises_with_the_price_the_dearer_one_is_left_out() -> None:
    assert falling(((1.0, 5.0), (2.0, 5.5), (3.0, 4.0), (4.0, 0.0))) == ((1.0, 5.0), (3.0, 4.0))


def test_the_cheapest_price_is_halved_until_the_network_uses_a_tenth() -> None:
    model = settled_network(ModelConfig(depth=8, options="skip,2,full", policy="table"))
    with torch.no_grad():
        model.policy.coefficients.zero_()
        model.policy.coefficients[..., 0] = (
            0.05  # a step is worth 0.0025 nats: 2 bits pay below 0.64, full below 0.00251
        )
    images = ImageSet("grey", "validation", torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.zeros(1), ("a", "b"))
    prices = measure_prices(model, images, (0.5,) * 3, (0.25,) * 3, (0.1, 1.0))
    assert prices == ((0.1 / 2**6, 100.0), (pytest.approx(0.0025, rel=0.2), 100 * (2 / 32) ** 2))
