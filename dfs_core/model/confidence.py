"""A policy of utilities that sees one thing of an image: how sure a small classifier is of it before each block.

What a step from one option to the next is worth to a single image is noise for the most part, too much of it for a gate
to learn from some hundred thousand swaps. That an image of which the network is sure gains little by more bits is not
noise, and how sure one can be at some depth is learned from labels alone.
"""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.utilities import TablePolicy, mean_and_spread, price_features, rising

STRENGTH = 0.8  # of doubt: a round number, as short trials on validation images could not tell 0.5 from 1


def doubt(logits: Tensor) -> Tensor:
    """Entropy of the softmax of logits (N, classes), relative to its largest: from 0, certain, to 1; (N,)."""
    entropy = -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)
    return entropy / math.log(logits.shape[1])


class Guess(NamedTuple):
    """What ``ConfidencePolicy`` carries along: the price's features (N, 3), and its last answer (N, classes)."""

    price: Tensor
    logits: Tensor | None


class ConfidencePolicy(TablePolicy):
    """The table, its steps made larger for images of which the classifier is unsure and smaller for the others.

    The classifier is linear, on the mean and spread of the block's input. What counts is by how many standard
    deviations an image's doubt differs from the doubt that is usual before this block, weighted by how reliable the
    classifier is at this depth (1 - mean doubt). It scales the steps between precisions only; what a block is worth at
    all is the same for every image.

    The statistics of the usual doubt (``usual``) follow those of a body that learns on, even while the policy itself is
    frozen: what the classifier makes of the images moves with the body.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        inputs = [2 * block.inputs for block in config.layout.gated]
        self.norms = nn.ModuleList(nn.LayerNorm(size) for size in inputs)
        self.answers = nn.ModuleList(nn.Linear(size, config.classes) for size in inputs)
        self.usual = nn.ModuleList(nn.BatchNorm1d(1, affine=False) for _ in inputs)
        options = tuple(config.option_set)
        self.whether = int(options[0].is_skip and len(options) > 2)  # steps that lead from not running to running

    def start(self, x: Tensor, prices: Tensor) -> Guess:  # type: ignore[override]
        """The price's features, and no answer yet."""
        return Guess(price_features(prices), None)

    def guess(self, state: Guess) -> Tensor | None:
        """What the classifier before the last block would answer: logits (N, classes)."""
        return state.logits

    def step(self, block: int, x: Tensor, state: Guess) -> tuple[Tensor, Guess]:  # type: ignore[override]
        """Utilities (N, K) of one block, in float32 whatever the network computes in."""
        with torch.autocast(x.device.type, enabled=False):
            logits = self.answers[block](self.norms[block](mean_and_spread(x)))
            usual = self.usual[block]
            unusual = usual(doubt(logits.detach())[:, None])  # it learns to be right, not to be of use to the table
            roots = state.price @ self.coefficients[block].T
            known = 1 - cast(Tensor, usual.running_mean)
            steeper = (STRENGTH * known * unusual).exp()
            whether, how = roots[:, : self.whether], roots[:, self.whether :]
            return rising(torch.cat([whether, how * steeper], dim=1)), Guess(state.price, logits)
