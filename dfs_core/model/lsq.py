"""LSQ: rounding to a learned step (Esser et al., "Learned Step Size Quantization", ICLR 2020)."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from dfs_core.model.groups import Groups
from dfs_core.model.kernels import PLAIN, Kernels
from dfs_core.model.options import OptionSet

SMALLEST_VALUE = 1e-8
LEARNED_BITS = 8


class _RoundGroups(torch.autograd.Function):
    """A convolution's input and weight, rounded for every group that rounds, in two calls each way.

    A group is often so small that to start a kernel for it takes longer than what the kernel does.
    """

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, weight: Tensor, groups: Groups, bounds: Tensor, kernels: Kernels, *steps: Tensor
    ) -> tuple[Tensor, ...]:
        """A part of x for each group, and a weight for each of the K that round; these come first.

        ``steps`` (1,) and ``bounds`` (2K, 2) are those of the input in each of them, then those of the weight.
        """
        k, sizes = len(bounds) // 2, list(groups.counts.values())
        rounded = sum(sizes[:k])
        of_input, of_weight = torch.cat(steps).split(k)
        rows = groups.rows[:rounded]
        of_image = of_input.index_select(0, rows), bounds.index_select(0, rows)
        repeated = weight.expand(k, *weight.shape)
        ctx.save_for_backward(x[:rounded], repeated, rows, bounds, *of_image, of_weight)
        ctx.kernels, ctx.parts = kernels, len(sizes)
        parts = kernels.forward(x[:rounded], *of_image).split(sizes[:k])
        rest = (x[rounded:],) if rounded < len(x) else ()
        # In the input's type: under autocast each weight would be cast on its own otherwise.
        weights = kernels.forward(repeated, of_weight, bounds[k:]).to(x.dtype)
        return *parts, *rest, *weights.unbind()

    @staticmethod
    def backward(ctx, *grads: Tensor):  # type: ignore[no-untyped-def]
        x, repeated, rows, bounds, steps, levels, of_weight = ctx.saved_tensors
        k, images = len(of_weight), sum(len(part) for part in grads[: ctx.parts])
        # The kernels go through memory as it lies, so gradients are laid out as what they belong to.
        grad_x = _empty(images, x[0], grads[0].dtype)
        torch.cat(grads[: ctx.parts], out=grad_x)
        grad_weights = _empty(k, repeated[0], grads[-1].dtype)
        torch.stack(grads[ctx.parts :], out=grad_weights)
        to_images = ctx.kernels.backward(grad_x[: len(x)], x, steps, levels)
        to_input = torch.zeros_like(of_weight).index_add_(0, rows, to_images)
        to_weight = ctx.kernels.backward(grad_weights, repeated, of_weight, bounds[k:])
        # LSQ section 2.2: by the root of the features of one image, or of the weight, times the highest level.
        to_input *= (x[0].numel() * bounds[:k, 1]).rsqrt()
        to_weight *= (repeated[0].numel() * bounds[k:, 1]).rsqrt()
        to_steps = *to_input.split(1), *to_weight.split(1)
        return grad_x, grad_weights.sum(dim=0, dtype=repeated.dtype), None, None, None, *to_steps


def _empty(rows: int, like: Tensor, dtype: torch.dtype) -> Tensor:
    """Memory for so many tensors, each of them laid out as ``like`` is."""
    return torch.empty_strided((rows, *like.shape), (like.numel(), *like.stride()), dtype=dtype, device=like.device)


def best_step(x: Tensor, bounds: Tensor) -> Tensor:
    """The step of least squared rounding error for ``x``, shape (1,), from a grid of fractions of the full range."""
    x = x.detach().float().flatten()
    x = x[:: max(1, x.numel() // 50_000)]
    largest = x.abs().max().clamp_min(SMALLEST_VALUE)
    candidates = largest / bounds[1] * torch.linspace(0.02, 1.0, 50, device=x.device)
    rounded = (x / candidates[:, None]).round_().clamp_(bounds[0], bounds[1]) * candidates[:, None]
    return candidates[(rounded - x).square().mean(dim=1).argmin()].reshape(1)


class LearnedStep(nn.Module):
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
        half = 2.0 ** (bits - 1)
        for kind, step, bounds in (
            ("activation", 4.0 / (2 * half - 1), (0.0, 2 * half - 1)),
            ("weight", 0.5 / half, (-half, half - 1)),
        ):
            self.register_buffer(f"{kind}_bounds", torch.tensor([bounds]), persistent=False)
            if bits <= LEARNED_BITS:
                self.register_parameter(f"{kind}_step", nn.Parameter(torch.full((1,), step)))
            else:
                self.register_buffer(f"{kind}_step", torch.full((1,), step))

    @torch.no_grad()
    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Set both steps to the best ones for a sample of the input (N, C, H, W) and the weight as it is."""
        self.activation_step.copy_(best_step(x, self.activation_bounds[0]))
        self.weight_step.copy_(best_step(weight, self.weight_bounds[0]))


class LearnedStepQuantiser(nn.ModuleDict):
    """LSQ for one convolution: steps for each option that rounds."""

    def __init__(self, options: OptionSet) -> None:
        super().__init__({option.name: LearnedStep(option.bits) for option in options if option.is_quantised})
        self.kernels = PLAIN

    def forward(self, x: Tensor, weight: Tensor, groups: Groups) -> list[tuple[Tensor, Tensor]]:
        """Input (n, C, H, W) and weight of each group of x (N, C, H, W), rounded as its option asks."""
        own = [cast(LearnedStep, self[option.name]) for option in groups.counts if option.is_quantised]
        steps = [step.activation_step for step in own] + [step.weight_step for step in own]
        bounds = torch.cat([step.activation_bounds for step in own] + [step.weight_bounds for step in own])
        rounded = _RoundGroups.apply(x, weight, groups, bounds, self.kernels, *steps)
        parts = len(groups.counts)
        return list(zip(rounded[:parts], (*rounded[parts:], weight), strict=False))
