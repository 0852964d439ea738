"""Random decisions and prices for training, drawn for each image."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dfs_core.model.config import ModelConfig

# Weight of skip and full in a mix, relative to a bit width. With most blocks skipped a network is of little use; with
# most blocks in full it needs no training.
RARE = 0.3


def draw_categorical(probabilities: Tensor) -> Tensor:
    """Draw an index (...) from each row of probabilities (..., K): ``multinomial`` without synchronising a GPU."""
    return (probabilities / torch.empty_like(probabilities).exponential_()).argmax(dim=-1)


def draw_mixes(config: ModelConfig, n: int, device: torch.device) -> Tensor:
    """Random decisions (n, gated blocks). Each image draws a mix of the options; its blocks draw from that mix.

    If blocks drew independently of the image, all images would have about the same cost. The mixes make some images
    cheap and others expensive in all blocks, as decisions at a price do.
    """
    rare = [option.is_skip or not option.is_quantised for option in config.option_set]
    weights = torch.tensor([RARE if few and len(rare) > 2 else 1.0 for few in rare]).to(device, non_blocking=True)
    mixes = torch.distributions.Dirichlet(weights, validate_args=False).sample((n,))
    return draw_categorical(mixes[:, None].expand(-1, config.gated_blocks, -1))


def draw_prices(n: int, price_range: tuple[float, ...], device: torch.device) -> Tensor:
    """Random prices (n,), uniform in their logarithm between lowest and highest."""
    lowest, highest = price_range
    span = torch.rand(n, device=device) * math.log(highest / lowest)
    return lowest * span.exp()
