"""Hold a budget: shift the gate's bias so that the cost at evaluation meets it (method section 6, ``hold``)."""

from __future__ import annotations

import numpy as np

from dfs_core.data.known import Channels
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation.evaluate import run
from dfs_core.model.network import DFSNet
from dfs_core.model.policy import RecurrentPolicy

IMAGES = 2000  # validation images on which cp is measured
HALVINGS = 10  # bisection steps
WIDE, DOUBLINGS = 4.0, 6  # the largest price tried at first, in either direction, and how often it may double


def hold_budget(model: DFSNet, images: ImageSet, mean: Channels, std: Channels, budget: float) -> float:
    """Shift the gate's bias so that what validation images cost comes as close to the budget as possible.

    The cost is what training charges: cp, or time.

    In training, the signed cost holds cp under batch statistics. Evaluation uses running statistics: decisions near a
    tie flip, and cp drifts by several points. So we find one price for all blocks by bisection and subtract price x
    cost from the bias. The decision is then the arg-max of log p - price x cost. cp falls as the price rises.

    Args:
        model: a network with the paper's gate. Its bias is changed in place.
        images: validation images; the first 2,000 are used.
        mean: channel means that the network was trained with.
        std: channel standard deviations that the network was trained with.
        budget: the mean cost of a block to meet, in percent of a block in full.

    Returns:
        The price: 0 if the budget was met, negative if the cost had to rise.
    """
    sample = images.subset(slice(IMAGES)).loaded()
    assert isinstance(model.policy, RecurrentPolicy)
    bias = model.policy.to_options.bias.detach()
    start, costs, charges = bias.clone(), model.charges.mean(dim=0), model.charges.cpu().numpy()

    def distance(price: float) -> float:
        bias.copy_(start - price * costs)
        spent = charges[np.arange(len(charges)), run(model, sample, mean, std).decisions]
        return 100 * float(spent.mean(dtype=np.float64)) - budget

    tried = {0.0: distance(0.0)}
    widest = WIDE if tried[0.0] > 0 else -WIDE
    for _ in range(DOUBLINGS):  # among a few bits, costs differ little, and it takes a large price to tell them apart
        tried[widest] = distance(widest)
        if (tried[widest] > 0) != (tried[0.0] > 0):
            break
        widest *= 2
    low, high = sorted((0.0, widest))
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tried[middle] = distance(middle)
        low, high = (middle, high) if tried[middle] > 0 else (low, middle)
    best = min(tried, key=lambda price: abs(tried[price]))
    bias.copy_(start - best * costs)
    return best
