"""Policies of utilities: what each option is worth, in nats of loss, whatever it costs; a price then decides.

The decision is arg-max of utility - price x cost (method section 11). What an option is worth depends on how dear
compute is for the blocks around it, so each of these policies is told the price. A dearer option is never worth less
than a cheaper one: what a policy learns is by how much more, as the root of each step from option to option. So the
cheaper compute gets, the more of it is used, down to steps that are too small to be told from noise one by one. And
what makes an image hard makes every step worth more: a policy that looks at the image learns a factor on all steps of a
block beside a term for each, so that the large steps teach what the small ones are too noisy to tell.

The policies differ in what they see of the image:

- ``TablePolicy``: nothing. The best static mix of options at each price.
- ``OneShotPolicy``: the first block's output, from which it decides for all blocks at once, as BlockDrop does.
- ``UtilityPolicy``: the input of each block, as the paper's gate does, but its spread as well as its mean.
- ``ConfidencePolicy``: how sure a small classifier on that input is of its answer.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import STAGE_WIDTHS, gate_inputs

LOWEST_PRICE = 1e-5
LOWEST_TEMPERATURE = 1e-8  # nats; where compute is free no option costs more than another
ONE_SHOT_GRID = 4
STRENGTH = 0.8  # of doubt; 0.5 to 1 did about the same for 2,560 validation images
FIRST_ROOT = 0.1  # of every step of a fresh policy: each option is worth 0.01 nats more than the one before


def price_features(prices: Tensor) -> Tensor:
    """1, log and squared log of prices (N,), scaled to about one: (N, 3)."""
    level = (prices.clamp_min(LOWEST_PRICE).log10() + 1) / 2
    return torch.stack([torch.ones_like(level), level, level.square()], dim=1)


def rising(roots: Tensor) -> Tensor:
    """Utilities (..., K) from the roots (..., K - 1) of the steps between options: 0, then sums of their squares."""
    return F.pad(roots.square().cumsum(dim=-1), (1, 0))


def doubt(logits: Tensor) -> Tensor:
    """Entropy of the softmax of logits (N, classes), relative to its largest: from 0, certain, to 1; (N,)."""
    entropy = -(logits.softmax(dim=1) * logits.log_softmax(dim=1)).sum(dim=1)
    return entropy / math.log(logits.shape[1])


def adjusted(roots: Tensor, own: Tensor) -> Tensor:
    """Roots (..., K - 1) as an image changes them by ``own`` (..., K): terms, and last the logarithm of a factor."""
    return (roots + own[..., :-1]) * own[..., -1:].exp()


class TablePolicy(nn.Module):
    """Roots per block and step, a quadratic in the logarithm of the price; the same for every image."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(config.gated_blocks, len(config.option_set) - 1, 3))
        with torch.no_grad():
            self.coefficients[..., 0] = FIRST_ROOT

    def guess(self, state: Any) -> Tensor | None:
        """What the policy would answer after a step, as logits (N, classes); None as long as it does not classify."""
        return None

    def temperature(self, toll: Tensor) -> Tensor:
        """Nats by which an option must be better to be e times as probable: what the smallest step in cost comes to.

        Utilities are certain: nothing is drawn from these probabilities. They tell how clear a decision is, in the unit
        that matters at its price, whether that is a thousandth of a nat or a millionth.

        Args:
            toll: what each option costs, in nats (N, K).

        Returns:
            (N, 1).
        """
        steps = F.pad(toll.diff(dim=1), (0, 1), value=torch.inf)  # of a single option there is none
        return steps.amin(dim=1, keepdim=True).clamp_min(LOWEST_TEMPERATURE)

    def start(self, x: Tensor, prices: Tensor) -> Tensor:
        """The price's features (N, 3): all that the table looks at."""
        return price_features(prices)

    def step(self, block: int, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Utilities (N, K) of one block."""
        return rising(state @ self.coefficients[block].T), state


class OneShotPolicy(TablePolicy):
    """The table, and what the first block's output adds to it for this image, for all blocks at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.hidden = nn.Linear(STAGE_WIDTHS[0] * ONE_SHOT_GRID**2 + 3, config.gate_width)
        self.to_own = nn.Linear(config.gate_width, config.gated_blocks * len(config.option_set))
        nn.init.zeros_(self.to_own.weight)
        nn.init.zeros_(self.to_own.bias)

    def start(self, x: Tensor, prices: Tensor) -> Tensor:
        """Utilities of all blocks (N, blocks, K)."""
        with torch.autocast(x.device.type, enabled=False):
            features = price_features(prices)
            pooled = F.adaptive_avg_pool2d(x.float(), ONE_SHOT_GRID).flatten(1)
            hidden = F.relu(self.hidden(torch.cat([pooled, features], dim=1)))
            own = self.to_own(hidden).unflatten(1, (len(self.coefficients), -1))
            return rising(adjusted(torch.einsum("np,bkp->nbk", features, self.coefficients), own))

    def step(self, block: int, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Utilities (N, K) of one block: decided long ago."""
        return state[:, block], state


class Memory(NamedTuple):
    """What ``UtilityPolicy`` carries along: the LSTM's two states (N, width), and the price's features (N, 3)."""

    hidden: Tensor
    cell: Tensor
    price: Tensor


class UtilityPolicy(TablePolicy):
    """The table, and what a recurrent gate that looks at each block's input adds to it for this image.

    The gate sees mean and standard deviation of each channel, normalised over the embedding, and the price.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        width = config.gate_width
        self.embeddings = nn.ModuleList(nn.Linear(2 * channels, width) for channels, _ in gate_inputs(config))
        self.norm = nn.LayerNorm(width)
        self.lstm = nn.LSTMCell(width + 3, width)
        self.to_own = nn.Linear(width, len(config.option_set))
        nn.init.zeros_(self.to_own.weight)
        nn.init.zeros_(self.to_own.bias)

    def start(self, x: Tensor, prices: Tensor) -> Memory:  # type: ignore[override]
        """The LSTM's state before the first gated block: zeros."""
        zeros = torch.zeros(x.shape[0], self.lstm.hidden_size, device=x.device)
        return Memory(zeros, zeros, price_features(prices))

    def step(self, block: int, x: Tensor, state: Memory) -> tuple[Tensor, Memory]:  # type: ignore[override]
        """Utilities (N, K) of one block, in float32 whatever the network computes in."""
        with torch.autocast(x.device.type, enabled=False):
            spread, mean = torch.std_mean(x.float(), dim=(2, 3))
            seen = self.norm(self.embeddings[block](torch.cat([mean, spread], dim=1)))
            hidden, cell = self.lstm(torch.cat([seen, state.price], dim=1), (state.hidden, state.cell))
            roots = state.price @ self.coefficients[block].T
            return rising(adjusted(roots, self.to_own(hidden))), Memory(hidden, cell, state.price)


class Guess(NamedTuple):
    """What ``ConfidencePolicy`` carries along: the price's features (N, 3), and its last answer (N, classes)."""

    price: Tensor
    logits: Tensor | None


class ConfidencePolicy(TablePolicy):
    """The table, made steeper for images of which a small classifier at that depth is unsure, flatter for the others.

    What a step is worth to one image is noise for the most part, too much of it for a gate to learn from some hundred
    thousand swaps. That an image of which the network is sure gains little is not noise, and a linear classifier on the
    mean and spread of a block's input learns from labels alone how sure one can be there. By how much an image departs
    from the usual doubt is counted in standard deviations, and counts the more the more the classifier knows. It counts
    for how precisely a block runs and not for whether it runs: a block that is left out is missed by every image.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        inputs = [2 * channels for channels, _ in gate_inputs(config)]
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
            spread, mean = torch.std_mean(x.float(), dim=(2, 3))
            logits = self.answers[block](self.norms[block](torch.cat([mean, spread], dim=1)))
            usual = self.usual[block]
            unusual = usual(doubt(logits.detach())[:, None])  # it learns to be right, not to be of use to the table
            roots = state.price @ self.coefficients[block].T
            known = 1 - cast(Tensor, usual.running_mean)
            steeper = (STRENGTH * known * unusual).exp()
            whether, how = roots[:, : self.whether], roots[:, self.whether :]
            return rising(torch.cat([whether, how * steeper], dim=1)), Guess(state.price, logits)
