"""What budgets a price leads to: the list that turns a budget into a price, measured on validation images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

from dfs_core.data.known import Channels
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation.evaluate import run
from dfs_core.model.config import PRICED
from dfs_core.model.cost import cost_models
from dfs_core.model.network import DFSNet
from dfs_core.model.prices import PriceList

IMAGES = 1000  # the mean of their costs is known to some 0.3 % of itself
COARSE, FINE = 9, 31  # prices that are tried at first, and as many between them at most
STEP = 1.06  # neighbours whose cp differ by a smaller factor need no price between them
NARROWEST = 1.002  # nor do prices this close: what lies between is a jump
WANTED = 10.0  # percent of cp that the cheapest price should lead to, where a network ever uses that much
CHEAPEST = 1e-6


def measure_prices(
    model: DFSNet,
    images: ImageSet,
    mean: Channels,
    std: Channels,
    price_range: tuple[float, ...],
    known: PriceList = (),
) -> PriceList:
    """Try prices until cp is known all along a range.

    Args:
        model: a network with a policy that listens to a price.
        images: validation images; the first 1,000 are used.
        mean: channel means that the network was trained with.
        std: channel standard deviations, likewise.
        price_range: (lowest, highest) price to begin with, in the unit of the policy's logits; with a policy of
            utilities the lowest is halved until the network uses 10 % of cp.
        known: what was measured before, to go on from in place of that range.

    Returns:
        (price, cp in percent), by rising price and falling cp. Where cp does not fall, the dearer price is left out.
    """
    # A table decides the same for every image: one of them tells.
    sample = images.subset(slice(1 if model.config.policy == "table" else IMAGES)).loaded()
    cost = cost_models(model.config)["cp"]

    @cache
    def cp_at(price: float) -> float:
        found = cost.total(run(model, sample, mean, std, price=price).decisions)
        return min(found, 100.0)  # of some numbers of blocks the shares of all add up to a last digit more

    if known:
        return falling(explore(cp_at, known))
    lowest, highest = price_range
    while model.config.policy in PRICED and lowest > CHEAPEST and cp_at(lowest) < WANTED:
        lowest /= 2
    ratio = (highest / lowest) ** (1 / (COARSE - 1))
    return falling(explore(cp_at, [(price, cp_at(price)) for price in (lowest * ratio**i for i in range(COARSE))]))


def explore(cp_at: Callable[[float], float], start: Sequence[tuple[float, float]]) -> PriceList:
    """(price, cp) to start with, then in the middle of the widest gaps between them, on logarithmic axes."""
    tried = dict(start)
    for _ in range(FINE):
        gaps = [
            (math.log(more / less), cheap, dear)
            for (cheap, more), (dear, less) in pairwise(sorted(tried.items()))
            if more > STEP * less > 0 and dear > NARROWEST * cheap
        ]
        if not gaps:
            break
        _, cheap, dear = max(gaps)
        middle = math.sqrt(cheap * dear)
        tried[middle] = cp_at(middle)
    return tuple(sorted(tried.items()))


def falling(pairs: PriceList) -> PriceList:
    """Those of (price, cp), by rising price, whose cp is positive and below that of every cheaper price."""
    kept: list[tuple[float, float]] = []
    for price, cp in pairs:
        if 0 < cp < (kept[-1][1] if kept else math.inf):
            kept.append((price, cp))
    return tuple(kept)
