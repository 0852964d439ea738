"""Price and budget, two ways to say one thing: what compute costs, and how much of it is then used.

A policy with a price decides arg-max over options of (logits - price x cost): the dearer compute is, the less is used.
How much that comes to is measured on validation images at some prices; between them both axes are logarithmic. The
paper's alpha is the price in its own unit: its objective adds alpha times the cost summed over a batch of 128 images to
their mean cross-entropy, so one image's block in full costs 128 alpha of loss (method sections 5 and 11).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise

from dfs_core.errors import UserError

PAPER_BATCH = 128
SLACK = 1.01
PriceList = tuple[tuple[float, float], ...]


def alpha_of(price: float) -> float:
    """The paper's alpha for a price in nats of loss per block in full."""
    return price / PAPER_BATCH


def price_of(alpha: float) -> float:
    """The price in nats of loss per block in full for the paper's alpha."""
    return alpha * PAPER_BATCH


def check_prices(prices: PriceList) -> None:
    """Refuse a list that is not (price, cp in percent) by rising price and falling cp, all positive.

    Raises:
        UserError: it is not.
    """
    if any(len(pair) != 2 or min(pair) <= 0 for pair in prices):
        raise UserError("prices are pairs of a price and the cp in percent that it leads to, both above 0")
    if any(dear <= cheap or less >= more for (cheap, more), (dear, less) in pairwise(prices)):
        raise UserError("prices must rise from pair to pair, and their cp must fall")


def price_for(prices: PriceList, budget: float) -> float:
    """The price that leads to a cp of ``budget`` percent.

    Raises:
        UserError: the budget lies outside the list.
    """
    low, high = prices[-1][1], prices[0][1]
    if not low <= budget <= high:
        raise UserError(f"this checkpoint serves budgets from {low:.3g} to {high:.3g} %, not {budget:g} %")
    return _between([(cp, price) for price, cp in reversed(prices)], budget)


def affordable(prices: PriceList, budget: float) -> float:
    """The lowest listed price whose cp ``budget`` percent pays for, give or take a hundredth of it.

    For a static mix: it changes in steps, and between two of its mixes there is no other.

    Raises:
        UserError: the budget lies outside the list.
    """
    price_for(prices, budget)
    return next((price for price, cp in prices if cp <= SLACK * budget), prices[-1][0])


def budget_for(prices: PriceList, price: float) -> float:
    """The cp in percent that a price leads to; beyond the list's ends that of its nearest price."""
    return _between(list(prices), min(max(price, prices[0][0]), prices[-1][0]))


def _between(pairs: list[tuple[float, float]], x: float) -> float:
    """y at x, by straight lines between pairs (x, y) on logarithmic axes."""
    position = bisect_left(pairs, (x, -math.inf))
    if position < len(pairs) and pairs[position][0] == x:
        return pairs[position][1]
    (x0, y0), (x1, y1) = pairs[position - 1], pairs[position]
    share = math.log(x / x0) / math.log(x1 / x0)
    return math.exp(math.log(y0) + share * math.log(y1 / y0))
