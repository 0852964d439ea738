"""Conversion between price and budget: the price says what compute costs, the budget how much of it is used.

With a price, the decision is arg-max over options of (logits - price x cost), so cost falls as the price rises. The cp
at some prices is measured on validation images. Between them we interpolate log price over log cp (method section 11).

The paper's alpha is the same price in another unit. Its objective adds alpha times the cost summed over a batch of 128
images to their mean cross-entropy. So one block in full for one image costs 128 alpha nats (method section 5).
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from itertools import pairwise

from dfs_core.errors import UserError

PAPER_BATCH = 128  # images
SLACK = 1.01  # a static mix may exceed its budget by 1 %
PriceList = tuple[tuple[float, float], ...]


def alpha_of(price: float) -> float:
    """The paper's alpha for a price in nats per block in full: price / 128."""
    return price / PAPER_BATCH


def price_of(alpha: float) -> float:
    """The price in nats per block in full for the paper's alpha: 128 alpha."""
    return alpha * PAPER_BATCH


def check_prices(prices: PriceList) -> None:
    """Check that a list holds pairs (price in nats, cp in percent), all positive, with rising price and falling cp.

    Raises:
        UserError: the list is not like this.
    """
    if any(len(pair) != 2 or min(pair) <= 0 for pair in prices):
        raise UserError("prices are pairs of a price and the cp in percent that it leads to, both above 0")
    if any(dear <= cheap or less >= more for (cheap, more), (dear, less) in pairwise(prices)):
        raise UserError("prices must rise from pair to pair, and their cp must fall")


def range_text(low: float, high: float, between: str = "-") -> str:
    """A range of budgets to two digits or more, rounded inwards: a budget that it names can be asked for.

    >>> range_text(0.205032, 46.0201)
    '0.21-46 %'
    >>> range_text(48.0059, 73.22, " to ")
    '49 to 73 %'
    """
    for digits in (2, 3, 4):
        ends = []
        for value, rounded in ((low, math.ceil), (high, math.floor)):
            digit = 10.0 ** (math.floor(math.log10(value)) + 1 - digits)
            ends.append(rounded(value / digit) * digit)
        if ends[0] <= ends[1]:
            break
    return f"{ends[0]:.4g}{between}{ends[1]:.4g} %"


def price_for(prices: PriceList, budget: float) -> float:
    """The price in nats that leads to a cp of ``budget`` percent, interpolated in the list.

    Raises:
        UserError: the budget is outside the list.
    """
    low, high = prices[-1][1], prices[0][1]
    if not low <= budget <= high:
        raise UserError(f"this checkpoint serves budgets from {range_text(low, high, ' to ')}, not {budget:g} %")
    return _between([(cp, price) for price, cp in reversed(prices)], budget)


def affordable(prices: PriceList, budget: float) -> float:
    """The lowest listed price whose cp is at most ``budget`` percent, with 1 % tolerance.

    This is for static mixes: they change in steps, so nothing can be interpolated between two of them.

    Raises:
        UserError: the budget is outside the list.
    """
    price_for(prices, budget)
    return next((price for price, cp in prices if cp <= SLACK * budget), prices[-1][0])


def budget_for(prices: PriceList, price: float) -> float:
    """The cp in percent that a price leads to. Prices beyond the list get the cp at its nearest end."""
    return _between(list(prices), min(max(price, prices[0][0]), prices[-1][0]))


def spent(prices: PriceList, price: float) -> float:
    """The cp in percent of a static mix at a price: that of the nearest listed price at or below it, else of the first.

    The list has the price at which each mix begins.
    """
    return prices[max(0, bisect_right(prices, price, key=lambda pair: pair[0]) - 1)][1]


def _between(pairs: list[tuple[float, float]], x: float) -> float:
    """y at x, interpolated linearly between pairs (x, y) on logarithmic axes."""
    position = bisect_left(pairs, (x, -math.inf))
    if position < len(pairs) and pairs[position][0] == x:
        return pairs[position][1]
    (x0, y0), (x1, y1) = pairs[position - 1], pairs[position]
    share = math.log(x / x0) / math.log(x1 / x0)
    return math.exp(math.log(y0) + share * math.log(y1 / y0))
