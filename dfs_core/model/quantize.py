"""Quantisers: rounding a tensor to b bits in the forward pass, with a useful gradient in the backward pass.

``MinMaxQuantiser`` is the reference's (method section 4); ``LearnedStepQuantiser`` is LSQ (Esser et al., "Learned Step
Size Quantization", ICLR 2020). Both quantise one convolution's input and weights for one option.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dfs_core.model.kernels import PLAIN, Kernels

RANGE_MOMENTUM = 0.1
SMALLEST_STEP = 1e-8
LEARNED_BITS = 8


class _RoundInRange(torch.autograd.Function):
    """Clamp to [low, high], round to ``levels`` steps; the gradient passes unchanged (straight-through)."""

    @staticmethod
    def forward(ctx, x: Tensor, low: Tensor, high: Tensor, levels: int) -> Tensor:  # type: ignore[no-untyped-def]
        # The step is divided in float64, as the reference's Python floats are: one digit in it moves ties in rounding.
        step = ((high.double() - low.double()) / levels).clamp_min(SMALLEST_STEP).float()
        # In float32, as bf16 has too few digits to count to 2^b - 1.
        return x.float().clamp(low, high).sub_(low).div_(step).round_().mul_(step).add_(low).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        return grad, None, None, None


def quantise_range(x: Tensor, low: Tensor, high: Tensor, bits: int) -> Tensor:
    """Uniform quantisation to 2^bits levels from ``low`` to ``high``: same shape and type as ``x``.

    q = round((clamp(x) - low) / (high - low) * (2^bits - 1)), de-quantised (method section 4). The gradient passes
    straight through.

    >>> quantise_range(torch.tensor([0.0, 0.3, 0.9, 2.0]), torch.tensor(0.0), torch.tensor(1.0), bits=2)
    tensor([0.0000, 0.3333, 1.0000, 1.0000])
    """
    return _RoundInRange.apply(x, low, high, 2**bits - 1)


class _RoundToStep(torch.autograd.Function):
    """LSQ: round to multiples of a learned step; only x and the step are kept for the backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor, step: Tensor, bounds: Tensor, scale: float, kernels: Kernels) -> Tensor:  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x, step, bounds)
        ctx.scale, ctx.kernels = scale, kernels
        return kernels.forward(x, step, bounds)

    @staticmethod
    def backward(ctx, grad: Tensor):  # type: ignore[no-untyped-def]
        x, step, bounds = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return ctx.kernels.backward_fixed(grad, x, step, bounds), None, None, None, None
        grad_x, grad_step = ctx.kernels.backward(grad, x, step, bounds)
        return grad_x, grad_step * ctx.scale, None, None, None


def quantise_step(x: Tensor, step: Tensor, bounds: Tensor, scale: float, kernels: Kernels = PLAIN) -> Tensor:
    """Round x to multiples of a learned step, between bounds[0] x step and bounds[1] x step: same shape and type.

    Gradients are LSQ's: to x inside the range; to the step the rounding error inside and the bound outside, times
    ``scale``.

    >>> quantise_step(torch.tensor([-1.0, 0.3, 0.9, 2.0]), torch.tensor([0.5]), torch.tensor([0.0, 3.0]), scale=1.0)
    tensor([0.0000, 0.5000, 1.0000, 1.5000])
    """
    return _RoundToStep.apply(x, step, bounds, scale, kernels)


def best_step(x: Tensor, bounds: Tensor) -> Tensor:
    """The step of least squared rounding error for ``x``, shape (1,), from a grid of fractions of the full range."""
    x = x.detach().float().flatten()
    x = x[:: max(1, x.numel() // 50_000)]
    largest = x.abs().max().clamp_min(SMALLEST_STEP)
    candidates = largest / bounds[1] * torch.linspace(0.02, 1.0, 50, device=x.device)
    rounded = (x / candidates[:, None]).round_().clamp_(bounds[0], bounds[1]) * candidates[:, None]
    return candidates[(rounded - x).square().mean(dim=1).argmin()].reshape(1)


class MinMaxQuantiser(nn.Module):
    """The reference's quantiser for one convolution at one bit width.

    Weights use their present minimum and maximum. Activations use the batch's mean per-image minimum and maximum in
    training, and running averages of them at evaluation. (The reference keeps 10 % of the old average and shares it
    between bit widths: defects that are not carried over.)
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


class LearnedStepQuantiser(nn.Module):
    """LSQ for one convolution at one bit width: a learned step for its input and one for its weights.

    Above 8 bits the steps stay as they were calibrated. There is next to nothing to learn in them, and they are so
    small that the noise of their gradients moves them by whole factors: left to learn, some 16-bit weight steps of
    ResNet-38 grew a thousandfold in 250 training steps.

    Activations are unsigned (0 to 2^b - 1), as nearly all follow a ReLU; the exception, the shortcut of a skipped
    strided block, is clipped at zero as a ReLU would. Weights are signed (-2^(b-1) to 2^(b-1) - 1).
    """

    activation_step: Tensor
    weight_step: Tensor
    activation_bounds: Tensor
    weight_bounds: Tensor

    def __init__(self, bits: int) -> None:
        super().__init__()
        self.kernels = PLAIN
        for name, step in (("activation_step", 4.0 / (2**bits - 1)), ("weight_step", 0.5 / 2 ** (bits - 1))):
            if bits <= LEARNED_BITS:
                self.register_parameter(name, nn.Parameter(torch.full((1,), step)))
            else:
                self.register_buffer(name, torch.full((1,), step))
        self.register_buffer("activation_bounds", torch.tensor([0.0, 2.0**bits - 1]), persistent=False)
        half = 2.0 ** (bits - 1)
        self.register_buffer("weight_bounds", torch.tensor([-half, half - 1]), persistent=False)
        self.highest = (2**bits - 1, 2 ** (bits - 1) - 1)

    @torch.no_grad()
    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Set both steps to the best ones for a sample of the input (N, C, H, W) and the weight as it is."""
        self.activation_step.copy_(best_step(x, self.activation_bounds))
        self.weight_step.copy_(best_step(weight, self.weight_bounds))

    def activations(self, x: Tensor) -> Tensor:
        """Quantise the convolution's input (N, C, H, W)."""
        scale = (x[0].numel() * self.highest[0]) ** -0.5  # LSQ section 2.2, with N the features of one image
        return quantise_step(x, self.activation_step, self.activation_bounds, scale, self.kernels)

    def weights(self, weight: Tensor) -> Tensor:
        """Quantise the convolution's weight."""
        scale = (weight.numel() * self.highest[1]) ** -0.5
        # Plain arithmetic: a weight is so small that to call a compiled kernel would take longer than to do the sums.
        return quantise_step(weight, self.weight_step, self.weight_bounds, scale)


Quantiser = MinMaxQuantiser | LearnedStepQuantiser
QUANTISERS: dict[str, type[Quantiser]] = {
    "minmax": MinMaxQuantiser,
    "lsq": LearnedStepQuantiser,
}
