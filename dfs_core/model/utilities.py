"""Policies of utilities: what each option is worth, in nats of loss, whatever it costs; a price then decides.

The decision is arg-max of utility - price x cost (method section 11). What an option is worth depends on how dear
compute is for the blocks around it, so each of these policies is told the price. A policy gives the square roots of
the steps between successive options, so that utilities never fall with cost, and use grows steadily as the price falls,
even where single steps are too small to be told from noise. A harder image makes every step worth more: a policy that
looks at the image learns a factor on all steps of a block beside a term for each, so that large steps teach what the
small ones are too noisy to tell.

The policies differ in what they see of the image:

- ``TablePolicy``: nothing. The best static mix of options at each price.
- ``OneShotPolicy``: the first block's output, from which it decides for all blocks at once, as BlockDrop does.
- ``UtilityPolicy``: the input of each block, as the paper's gate does, but its spread as well as its mean.
- ``ConfidencePolicy`` (in ``confidence``): how sure a small classifier on that input is of its answer.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.cost import ONE_SHOT_GRID

LOWEST_PRICE = 1e-5
LOWEST_TEMPERATURE = 1e-8  # nats; where compute is free no option costs more than another
FIRST_ROOT = 0.1  # of every step of a fresh policy: each option is worth 0.01 nats more than the one before


def price_features(prices: Tensor) -> Tensor:
    """1, log and squared log of prices (N,), scaled to about one: (N, 3)."""
    level = (prices.clamp_min(LOWEST_PRICE).log10() + 1) / 2
    return torch.stack([torch.ones_like(level), level, level.square()], dim=1)


def mean_and_spread(x: Tensor) -> Tensor:
    """Mean and standard deviation of each channel of activations (N, C, H, W), side by side: (N, 2C), in float32.

    In two plain passes, ten times as fast on a CPU as ``torch.std_mean``, which would take a sixth of a prediction.
    """
    rows = x.float().flatten(2)
    mean = rows.mean(dim=2, keepdim=True)
    spread = torch.linalg.vector_norm(rows - mean, dim=2) / math.sqrt(rows.shape[2] - 1)
    return torch.cat([mean.squeeze(2), spread], dim=1)


def rising(roots: Tensor) -> Tensor:
    """Utilities (..., K) from the roots (..., K - 1) of the steps between options: 0, then sums of their squares."""
    return F.pad(roots.square().cumsum(dim=-1), (1, 0))


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

    def static_option(self, block: int) -> None:
        """None: what is decided depends on the price."""

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
        """Utilities (N, K) of one block, in float32 whatever the network computes in."""
        with torch.autocast(x.device.type, enabled=False):
            return rising(state @ self.coefficients[block].T), state


class OneShotPolicy(TablePolicy):
    """The table, and what the first block's output adds to it for this image, for all blocks at once."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        seen = config.layout.gated[0].inputs * ONE_SHOT_GRID**2 + 3  # the grid, and the price's features
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
        self.embeddings = nn.ModuleList(nn.Linear(2 * block.inputs, width) for block in config.layout.gated)
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
            seen = self.norm(self.embeddings[block](mean_and_spread(x)))
            hidden, cell = self.lstm(torch.cat([seen, state.price], dim=1), (state.hidden, state.cell))
            roots = state.price @ self.coefficients[block].T
            return rising(adjusted(roots, self.to_own(hidden))), Memory(hidden, cell, state.price)
