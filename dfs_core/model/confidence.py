"""A policy of utilities that sees one thing about an image: how sure a small classifier is before each block.

The worth of one step between options for a single image is mostly noise. A gate cannot learn it from some hundred
thousand swaps. But images of which the network is sure reliably gain little from more bits, and how sure the network is
at a given depth can be learned from labels alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.utilities import TablePolicy, mean_and_spread, price_features, rising

STRENGTH = 0.8  # weight of doubt; short trials on validation images showed no difference between 0.5 and 1


def doubt(logits: Tensor) -> Tensor:
    """Entropy of the softmax of logits (N, classes), divided by log(classes): 0 is certain, 1 is uniform; (N,)."""
    entropy = -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)
    return entropy / math.log(logits.shape[1])


class Guess(NamedTuple):
    """The state of ``ConfidencePolicy``: the price's features (N, 3) and the last class logits (N, classes)."""

    price: Tensor
    logits: Tensor | None


class ConfidencePolicy(TablePolicy):
    """The table, with larger steps for images of which the classifier is unsure and smaller steps for the others.

    The classifier is linear, on the mean and spread of the block's input. Its doubt is standardised by the usual doubt
    before this block, and weighted by how reliable the classifier is at this depth (1 - mean doubt). The result scales
    the steps between precisions; with two of them or more, the step from skip to running is the same for every image
    (method section 11).

    The statistics of the usual doubt (``usual``) are updated in training even while the policy is frozen, because the
    doubt changes when the body trains on.
    """

    features = staticmethod(mean_and_spread)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        inputs = [2 * block.inputs for block in config.layout.gated]
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in inputs)
        self.answers = nn.ModuleList(nn.Linear(size, config.classes) for size in inputs)
        self.usual = nn.ModuleList(nn.BatchNorm1d(1, affine=False) for _ in inputs)
        options = tuple(config.option_set)
        self.run_steps = int(
            options[0].is_skip and len(options) > 2
        )  # number of steps from skipping to running: 0 or 1

    def start(self, x: Tensor, prices: Tensor) -> Guess:  # type: ignore[override]
        """The price's features, and no class logits yet."""
        return Guess(price_features(prices), None)

    def guess(self, state: Guess) -> Tensor | None:
        """Class logits (N, classes) of the classifier before the last block."""
        return state.logits

    def step(self, block: int, seen: Tensor, state: Guess) -> tuple[Tensor, Guess]:  # type: ignore[override]
        """Utilities (N, K) of one block, in float32 under autocast too."""
        with torch.autocast(seen.device.type, enabled=False):
            logits = self.answers[block](self.norms[block](seen))
            usual = self.usual[block]
            unusual = usual(doubt(logits.detach())[:, None])  # detached: the classifier learns from labels alone
            roots = state.price @ self.coefficients[block].T
            reliability = 1 - cast(Tensor, usual.running_mean)
            steeper = (STRENGTH * reliability * unusual).exp()
            to_run, between_precisions = roots[:, : self.run_steps], roots[:, self.run_steps :]
            return rising(torch.cat([to_run, between_precisions * steeper], dim=1)), Guess(state.price, logits)
