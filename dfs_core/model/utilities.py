"""Policies of utilities: they predict the worth of each option in nats of loss; a price then decides.

The decision is arg-max of utility - price x cost (method section 11). The worth of an option depends on what the blocks
around it do, and that depends on the price. So each of these policies is told the price.

A policy outputs the square roots of the steps between successive options. Utilities therefore never fall with cost, and
cost rises steadily as the price falls, even where single steps are too small to measure. On a harder image every step
is worth more. So a policy that sees the image learns one factor on all steps of a block and one term for each step: the
large steps teach the factor, and the factor corrects the small, noisy steps.

The policies differ in what they see of the image:

- ``TablePolicy``: nothing. It is the best static mix of options at each price.
- ``OneShotPolicy``: the first block's output. It decides for all blocks at once, as BlockDrop does.
- ``UtilityPolicy``: the mean and the spread of each block's input. The paper's gate sees the mean only.
- ``ConfidencePolicy`` (in ``confidence.py``): how sure a small classifier on each block's input is of its answer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import ONE_SHOT_GRID
from dfs_core.model.pooling import nothing

LOWEST_PRICE = 1e-5
LOWEST_TEMPERATURE = 1e-8  # nats; at a price of 0 all charges are equal and the temperature would be 0
FIRST_ROOT = 0.1  # a fresh policy values each option 0.1^2 = 0.01 nats above the one before


def price_features(prices: Tensor) -> Tensor:
    """Features of prices (N,): 1, g and g^2 with g = (log10(price) + 1) / 2, shape (N, 3)."""
    level = (prices.clamp_min(LOWEST_PRICE).log10() + 1) / 2
    return torch.stack([torch.ones_like(level), level, level.square()], dim=1)


def mean_and_spread(x: Tensor) -> Tensor:
    """Mean and standard deviation of each channel: x (N, C, H, W) -> (N, 2C) in float32, all means first.

    Two plain passes are ten times as fast on a CPU as ``torch.std_mean``, which would take a sixth of a prediction.
    """
    rows = x.float().flatten(2)
    mean = rows.mean(dim=2, keepdim=True)
    spread = torch.linalg.vector_norm(rows - mean, dim=2) / math.sqrt(rows.shape[2] - 1)
    return torch.cat([mean.squeeze(2), spread], dim=1)


def rising(roots: Tensor) -> Tensor:
    """Utilities (..., K) from the roots (..., K - 1) of the steps between options: 0, then cumulated squares."""
    return F.pad(roots.square().cumsum(dim=-1), (1, 0))


def adjusted(roots: Tensor, own: Tensor) -> Tensor:
    """Adjust roots (..., K - 1) for an image. ``own`` (..., K) holds K - 1 terms, then the logarithm of a factor."""
    return (roots + own[..., :-1]) * own[..., -1:].exp()


class TablePolicy(nn.Module):
    """For each block and step, a root that is a quadratic in the logarithm of the price; the same for every image."""

    features: Callable[[Tensor], Tensor] = staticmethod(nothing)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.coefficients = nn.Parameter(torch.zeros(config.gated_blocks, len(config.option_set) - 1, 3))
        with torch.no_grad():
            self.coefficients[..., 0] = FIRST_ROOT

    def static_option(self, block: int) -> None:
        """None: the option depends on the price."""

    def guess(self, state: Any) -> Tensor | None:
        """The class logits (N, classes) of the policy's own classifier after a step; None if it has no classifier."""
        return None

    def temperature(self, charge: Tensor) -> Tensor:
        """The smallest step in charge, in nats: an option better by this much is e times as probable.

        No decision is sampled from these probabilities. They show how clear a decision is on the scale of its price,
        whether that is a thousandth of a nat or a millionth.

        Args:
            charge: price x cost of each option, in nats (N, K).

        Returns:
            The temperature in nats (N, 1).
        """
        steps = F.pad(charge.diff(dim=1), (0, 1), value=torch.inf)  # a single option has no step
        return steps.amin(dim=1, keepdim=True).clamp_min(LOWEST_TEMPERATURE)

    def start(self, x: Tensor, prices: Tensor) -> Tensor:
        """The price's features (N, 3): the table's only input."""
        return price_features(prices)

    def step(self, block: int, seen: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Utilities (N, K) of one block, in float32 under autocast too."""
        with torch.autocast(seen.device.type, enabled=False):
            return rising(state @ self.coefficients[block].T), state


class OneShotPolicy(TablePolicy):
    """The table, adjusted for each image by the first block's output, for all blocks at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        seen = config.layout.gated[0].inputs * ONE_SHOT_GRID**2 + 3  # the grid and the price's features
        self.hidden = nn.Linear(seen, config.gate_width)
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

    def step(self, block: int, seen: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Utilities (N, K) of one block, which ``start`` has computed."""
        return state[:, block], state


class Memory(NamedTuple):
    """The state of ``UtilityPolicy``: the LSTM's hidden and cell state (N, width), and the price's features (N, 3)."""

    hidden: Tensor
    cell: Tensor
    price: Tensor


class UtilityPolicy(TablePolicy):
    """The table, adjusted for each image by a recurrent gate before each block.

    The gate sees the price, and the mean and standard deviation of each channel of the block's input. Their embedding
    is layer-normalised.
    """

    features = staticmethod(mean_and_spread)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        width = config.gate_width
        self.embeddings = nn.ModuleList(nn.Linear(2 * block.inputs, width) for block in config.layout.gated)
        self.norm = nn.LayerNorm(width)
        self.lstm = nn.LSTMCell(width + 3, width)
        self.to_own = nn.Linear(width, len(config.option_set))
        nn.init.zeros_(self.to_own.weight)
        nn.init.zeros_(self.to_own.bias)

    def start(self, x: Tensor, prices: Tensor) -> Memory:  # type: ignore[override]
        """The state before the first gated block: zeros for the LSTM, and the price's features."""
        zeros = torch.zeros(x.shape[0], self.lstm.hidden_size, device=x.device)
        return Memory(zeros, zeros, price_features(prices))

    def step(self, block: int, seen: Tensor, state: Memory) -> tuple[Tensor, Memory]:  # type: ignore[override]
        """Utilities (N, K) of one block, in float32 under autocast too."""
        with torch.autocast(seen.device.type, enabled=False):
            embedded = self.norm(self.embeddings[block](seen))
            hidden, cell = self.lstm(torch.cat([embedded, state.price], dim=1), (state.hidden, state.cell))
            roots = state.price @ self.coefficients[block].T
            return rising(adjusted(roots, self.to_own(hidden))), Memory(hidden, cell, state.price)
