"""The reference's min-max quantiser (method section 4)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.model.groups import Groups
from dfs_core.model.options import OptionSet

RANGE_MOMENTUM = 0.1
SMALLEST_STEP = 1e-8


class _RoundInRange(torch.autograd.Function):
    """Clamp to [low, high] and round to ``levels`` steps. The gradient passes unchanged (straight-through)."""

    @staticmethod
    def forward(ctx, x: Tensor, low: Tensor, high: Tensor, levels: int) -> Tensor:  # type: ignore[no-untyped-def]
        # The reference computes the step in Python floats, so in float64. Its last digit decides ties in rounding.
        step = ((high.double() - low.double()) / levels).clamp_min(SMALLEST_STEP).float()
        # bf16 has too few digits to count to 2^b - 1, so this runs in float32.
        return x.float().clamp(low, high).sub_(low).div_(step).round_().mul_(step).add_(low).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        return grad, None, None, None


def quantise_range(x: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """Quantise uniformly to 2^bits levels from ``low`` to ``high``; the result has the shape and type of ``x``.

    q = round((clamp(x) - low) / (high - low) * (2^bits - 1)), then de-quantised (method section 4). The gradient is
    straight-through.

    >>> quantise_range(torch.tensor([0.0, 0.3, 0.9, 2.0]), torch.tensor(0.0), torch.tensor(1.0), bits=2)
    tensor([0.0000, 0.3333, 1.0000, 1.0000])
    """
    return _RoundInRange.apply(x, low, high, 2**bits - 1)


class MinMaxRange(nn.Module):
    """The min-max quantiser of one convolution at one bit width.

    Weights use their current minimum and maximum. Activations use each image's minimum and maximum, averaged over the
    batch in training; running averages of these at evaluation. Two defects of the reference are not carried over: it
    keeps only 10 % of the old average, and shares it between bit widths.
    """

    running_min: Tensor
    running_max: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.bits = bits
        self.register_buffer("running_min", torch.zeros(1))
        self.register_buffer("running_max", torch.ones(1))

    @torch.no_grad()
    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Set the activation range from a sample of the convolution's input (N, C, H, W)."""
        self.running_min.copy_(x.flatten(1).amin(dim=1).float().mean())
        self.running_max.copy_(x.flatten(1).amax(dim=1).float().mean())

    def activations(self, x: Tensor) -> Tensor:
        """Quantise the convolution's input (N, C, H, W)."""
        if self.training:
            with torch.no_grad():
                low, high = (bound(x.flatten(1), dim=1).float().mean() for bound in (torch.amin, torch.amax))
                self.running_min.lerp_(low, RANGE_MOMENTUM)
                self.running_max.lerp_(high, RANGE_MOMENTUM)
        else:
            low, high = self.running_min, self.running_max
        return quantise_range(x, low, high, self.bits)

    def weights(self, weight: Tensor) -> Tensor:
        """Quantise the convolution's weight."""
        return quantise_range(weight, weight.detach().min(), weight.detach().max(), self.bits)


class MinMaxQuantiser(nn.ModuleDict):
    """The min-max quantiser of one convolution: a range for each quantised option."""

    def __init__(self, options: OptionSet) -> None:
        super().__init__({option.name: MinMaxRange(option.bits) for option in options if option.is_quantised})

    def forward(self, x: Tensor, weight: Tensor, groups: Groups) -> list[tuple[Tensor, Tensor]]:
        """For each group of x (N, C, H, W), its input (n, C, H, W) and the weight, rounded to its option's bits."""
        pairs = []
        for option, part in zip(groups.counts, groups.split(x), strict=True):
            own = cast(MinMaxRange, self[option.name]) if option.is_quantised else None
            pairs.append((own.activations(part), own.weights(weight)) if own else (part, weight))
        return pairs
