"""Measure the cp that each price leads to on validation images: the list that turns a budget into a price."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np

from dfs_core.data.known import Channels
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation.evaluate import pass_logits, run
from dfs_core.evaluation.limits import Look, rows_of
from dfs_core.model.config import PRICED, ModelConfig
from dfs_core.model.cost import cost_models
from dfs_core.model.network import DFSNet
from dfs_core.model.prices import PriceList

IMAGES = 1000  # enough to know their mean cost to about 0.3 %
COARSE, FINE = 9, 31  # number of prices tried first, and largest number of prices tried between them
STEP = 1.06  # no price is tried between neighbours whose cp differ by a smaller factor
NARROWEST = 1.002  # nor between prices that differ by a smaller factor: cp jumps there
WANTED = 10.0  # cp in percent that the lowest price should reach, if the network ever uses that much
CHEAPEST = 1e-6  # no lower price is tried


def measure_prices(
    model: DFSNet,
    images: ImageSet,
    mean: Channels,
    std: Channels,
    price_range: tuple[float, ...],
    known: PriceList = (),
) -> PriceList:
    """Try prices until cp is known throughout a range (method section 11).

    Args:
        model: a network whose policy depends on a price.
        images: validation images; the first 1,000 are used.
        mean: channel means that the network was trained with.
        std: channel standard deviations that the network was trained with.
        price_range: (lowest, highest) price to start with, in the unit of the policy's logits. For a policy of
            utilities, the lowest price is halved until cp reaches 10 %.
        known: an earlier result to refine; ``price_range`` is then ignored.

    Returns:
        Pairs (price, cp in percent) with rising price and falling cp. A higher price without a lower cp is left out.
    """
    # A table makes the same decisions for every image, so one image is enough.
    sample = images.subset(slice(1 if model.config.policy == "table" else IMAGES)).loaded()
    cost = cost_models(model.config)["cp"]

    @cache
    def cp_at(price: float) -> float:
        found = cost.total(run(model, sample, mean, std, price=price).decisions)
        return min(found, 100.0)  # for some numbers of blocks the shares add up to slightly more than 100

    if known:
        return falling(explore(cp_at, known))
    lowest, highest = price_range
    while model.config.policy in PRICED and lowest > CHEAPEST and cp_at(lowest) < WANTED:
        lowest /= 2
    ratio = (highest / lowest) ** (1 / (COARSE - 1))
    return falling(explore(cp_at, [(price, cp_at(price)) for price in (lowest * ratio**i for i in range(COARSE))]))


def serve_every_budget(
    model: DFSNet,
    images: ImageSet,
    mean: Channels,
    std: Channels,
    price_range: tuple[float, ...],
    known: PriceList = (),
) -> ModelConfig:
    """The configuration of a network that listens to a price, with its prices and, of a cascade, its limits measured.

    Arguments as for ``measure_prices``; a cascade looks at all the images and needs no prices to begin with.
    """
    if not model.config.passes:
        return replace(model.config, prices=measure_prices(model, images, mean, std, price_range, known))
    rows = rows_of(looks(model, images, mean, std), model.config.gated_blocks)
    prices = tuple((row.price, row.cp) for row in rows)
    return replace(model.config, prices=prices, limits=tuple(row.limits for row in rows))


def looks(model: DFSNet, images: ImageSet, mean: Channels, std: Channels) -> list[Look]:
    """What each pass of a cascade says of a set of images, were it made for all of them."""
    labels, blocks = images.labels.cpu().numpy(), model.config.gated_blocks
    costs = [
        blocks * model.config.option_set.costs[model.config.option_set.index(name)] for name in model.config.passes
    ]
    return [
        Look.of(logits, labels, np.full(len(labels), cost))
        for logits, cost in zip(pass_logits(model, images.images, mean, std), costs, strict=True)
    ]


def explore(cp_at: Callable[[float], float], start: Sequence[tuple[float, float]]) -> PriceList:
    """Add pairs (price, cp) to ``start``, each in the middle of the widest remaining gap in log cp."""
    tried = dict(start)
    for _ in range(FINE):
        gaps = [
            (math.log(more / less) if less else math.inf, cheap, dear)
            for (cheap, more), (dear, less) in pairwise(sorted(tried.items()))
            if more > STEP * less and dear > NARROWEST * cheap
        ]
        if not gaps:
            break
        _, cheap, dear = max(gaps)
        middle = math.sqrt(cheap * dear)
        tried[middle] = cp_at(middle)
    return tuple(sorted(tried.items()))


def falling(pairs: PriceList) -> PriceList:
    """The pairs (price, cp), sorted by price, whose cp is positive and below that of every lower price."""
    kept: list[tuple[float, float]] = []
    for price, cp in pairs:
        if 0 < cp < (kept[-1][1] if kept else math.inf):
            kept.append((price, cp))
    return tuple(kept)
