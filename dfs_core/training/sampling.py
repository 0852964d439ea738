"""Decisions and prices to train under, drawn at random for each image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dfs_core.model.config import ModelConfig

# The weight of skip and full in a mix, relative to that of a bit width: a network is of little use with most of its
# blocks skipped, and with most of them in full it needs no training.
RARE = 0.3


def draw_categorical(probabilities: Tensor) -> Tensor:
    """Draw an index (...) from each row of probabilities (..., K): ``multinomial`` without its wait for a GPU."""
    return (probabilities / torch.empty_like(probabilities).exponential_()).argmax(dim=-1)


def draw_mixes(config: ModelConfig, n: int, device: torch.device) -> Tensor:
    """Decisions (n, gated blocks): each image draws a mix of the options of its own, and each block draws from the mix.

    Drawn for each block alone, all images would be of the average cost; the mixes make some cheap and some dear, with
    all of their blocks, as decisions at a price are.
    """
    rare = [option.is_skip or not option.is_quantised for option in config.option_set]
    weights = torch.tensor([RARE if few and len(rare) > 2 else 1.0 for few in rare]).to(device, non_blocking=True)
    mixes = torch.distributions.Dirichlet(weights, validate_args=False).sample((n,))
    return draw_categorical(mixes[:, None].expand(-1, config.gated_blocks, -1))


def draw_prices(n: int, price_range: tuple[float, ...], device: torch.device) -> Tensor:
    """Prices (n,), evenly spread over the logarithm of (lowest, highest)."""
    lowest, highest = price_range
    span = torch.rand(n, device=device) * math.log(highest / lowest)
    return lowest * span.exp()
