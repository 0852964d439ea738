"""Holding a budget: the last step of joint training, which puts cp where it was asked for."""

from __future__ import annotations

from dfs_core.data.known import Channels
from dfs_core.data.sets import ImageSet
from dfs_core.evaluation.evaluate import run
from dfs_core.model.cost import cost_models
from dfs_core.model.network import DFSNet
from dfs_core.model.policy import RecurrentPolicy

IMAGES = 2000
HALVINGS = 10
WIDEST = 4.0


def hold_budget(model: DFSNet, images: ImageSet, mean: Channels, std: Channels, budget: float) -> float:
    """Shift the gate's bias so that cp on some images comes as near to the budget as it can.

    In training the signed cost holds the cp of batches under batch statistics; under running statistics, as at
    evaluation, gates near a tie fall to the other side and cp drifts by several points. So the decision becomes the
    arg-max of log p - price x cost, with one price for all blocks, found by bisection, as cp falls with it.

    Args:
        model: a network with a gate; its bias is changed.
        images: validation images; the first 2,000 are used.
        mean: channel means that the network was trained with.
        std: channel standard deviations, likewise.
        budget: the cp to meet, in percent.

    Returns:
        The price; 0 if the budget was met as it was, negative if cp had to rise.
    """
    sample = images.subset(slice(IMAGES)).loaded()
    cost = cost_models(model.config)["cp"]
    assert isinstance(model.policy, RecurrentPolicy)
    bias = model.policy.to_options.bias.detach()
    start, costs = bias.clone(), model.costs

    def distance(price: float) -> float:
        bias.copy_(start - price * costs)
        return cost.total(run(model, sample, mean, std).decisions) - budget

    tried = {0.0: distance(0.0)}
    low, high = (0.0, WIDEST) if tried[0.0] > 0 else (-WIDEST, 0.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        tried[middle] = distance(middle)
        low, high = (middle, high) if tried[middle] > 0 else (low, middle)
    best = min(tried, key=lambda price: abs(tried[price]))
    bias.copy_(start - best * costs)
    return best
