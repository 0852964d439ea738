"""LSQ: quantise with learned steps (Esser et al., "Learned Step Size Quantization", ICLR 2020; method section 4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dfs_core.model.groups import Groups
from dfs_core.model.kernels import PLAIN, Kernels
from dfs_core.model.options import Option

SMALLEST_VALUE = 1e-8
LEARNED_BITS = 8  # above this, steps are not learned
RANGE_IMAGES = 16  # images of a batch from which the allowed range of a step is computed


class _RoundGroups(torch.autograd.Function):
    """Round a convolution's input and weight for all quantised groups, in two calls each way.

    A group is often so small that launching a kernel for it takes longer than running the kernel.
    """

    @staticmethod
    def forward(  # type: ignore[no-untyped-def]
        ctx, x: Tensor, weight: Tensor, groups: Groups, levels: tuple[Tensor, Tensor], kernels: Kernels, *steps: Tensor
    ) -> tuple[Tensor, ...]:
        """Return a part of x for each group, then a weight for each of the K quantised groups, which come first.

        ``steps`` are the K steps of the input, then the K steps of the weight, each (1,). ``levels`` are the lowest and
        highest level of each group, (K, 2) for the input and (K, 2) for the weight.
        """
        k, sizes = len(steps) // 2, list(groups.counts.values())
        rounded = sum(sizes[:k])
        rows = groups.rows[:rounded]
        of_image = torch.cat(steps[:k]).index_select(0, rows), levels[0].index_select(0, rows)
        of_weight = torch.cat(steps[k:]), levels[1]
        repeated = weight.expand(k, *weight.shape)
        ctx.save_for_backward(x[:rounded], repeated, rows, *of_image, *of_weight)
        ctx.kernels, ctx.parts = kernels, len(sizes)
        parts = kernels.forward(x[:rounded], *of_image).split(sizes[:k])
        rest = (x[rounded:],) if rounded < len(x) else ()
        # Cast all weights at once: autocast would cast each on its own.
        weights = kernels.forward(repeated, *of_weight).to(x.dtype).unbind()
        ctx.frozen = not (ctx.needs_input_grad[1] or any(ctx.needs_input_grad[5 + k :]))
        if ctx.frozen:
            ctx.mark_non_differentiable(*weights)  # otherwise the convolution computes gradients that nobody needs
        return *parts, *rest, *weights

    @staticmethod
    @once_differentiable
    def backward(ctx, *grads: Tensor):  # type: ignore[no-untyped-def]
        x, repeated, rows, steps, levels, weight_steps, weight_levels = ctx.saved_tensors
        # The kernels read memory in order, so a gradient must have the memory layout of its tensor.
        grad_x = _empty(sum(len(part) for part in grads[: ctx.parts]), x[0], grads[0].dtype)
        torch.cat(grads[: ctx.parts], out=grad_x)
        of_images = ctx.kernels.backward(grad_x[: len(x)], x, steps, levels)
        # LSQ section 2.2: scale by 1 / sqrt(N x highest level), N the number of values in one image or in the weight.
        of_images *= (x[0].numel() * levels[:, 1]).rsqrt()
        to_steps = torch.zeros_like(weight_steps).index_add_(0, rows, of_images).split(1)
        if ctx.frozen:
            return grad_x, None, None, None, None, *to_steps, *(None for _ in to_steps)
        grad_weights = _empty(len(repeated), repeated[0], grads[-1].dtype)
        torch.stack(grads[ctx.parts :], out=grad_weights)
        of_weights = ctx.kernels.backward(grad_weights, repeated, weight_steps, weight_levels)
        of_weights *= (repeated[0].numel() * weight_levels[:, 1]).rsqrt()
        grad_weight = grad_weights.sum(dim=0, dtype=repeated.dtype)
        return grad_x, grad_weight, None, None, None, *to_steps, *of_weights.split(1)


def _empty(rows: int, like: Tensor, dtype: torch.dtype) -> Tensor:
    """An empty tensor of ``rows`` rows, each with the shape and memory layout of ``like``."""
    return torch.empty_strided((rows, *like.shape), (like.numel(), *like.stride()), dtype=dtype, device=like.device)


def best_step(x: Tensor, bounds: Tensor) -> Tensor:
    """The step (1,) with the least squared rounding error for ``x``, from a grid of fractions of the full range."""
    x = x.detach().float().flatten()
    x = x[:: x.numel() // 50_000 | 1]  # odd, so that it meets every column of an image
    largest = x.abs().max().clamp_min(SMALLEST_VALUE)
    candidates = largest / bounds[1] * torch.linspace(0.02, 1.0, 50, device=x.device)
    rounded = (x / candidates[:, None]).round_().clamp_(bounds[0], bounds[1]) * candidates[:, None]
    return candidates[(rounded - x).square().mean(dim=1).argmin()].reshape(1)


@torch.no_grad()
def useful_range(x: Tensor) -> tuple[Tensor, Tensor]:
    """Bounds on the value of the highest level: the mean and the largest magnitude of ``x``.

    Batch norm follows each convolution and cancels any factor of its input and weight. So the loss hardly depends on a
    step that is much too small or too large, and gradient noise drives such a step further: through zero, or up a
    thousandfold. Within these bounds, the gradient is LSQ's.
    """
    magnitudes = x.detach().abs()
    return magnitudes.mean(dtype=torch.float32), magnitudes.amax().float()


class LearnedStep(nn.Module):
    """LSQ for one convolution at one bit width: a learned step for its input and one for its weight.

    Above 8 bits the steps are not learned; training widens them until nothing is clipped. There is little to learn in
    them, and they are so small that gradient noise changes them by whole factors: when learned, some 16-bit weight
    steps of ResNet-38 grew a thousandfold in 250 training steps.

    Activation levels are unsigned (0 to 2^b - 1), because nearly all inputs follow a ReLU. The one exception, the
    output of a skipped strided block, is clipped at zero. ``signed`` is for normalised pixels. Weight levels are signed
    (-2^(b-1) to 2^(b-1) - 1).
    """

    activation_step: Tensor
    weight_step: Tensor
    activation_bounds: Tensor
    weight_bounds: Tensor

    def __init__(self, bits: int, signed: bool = False) -> None:
        super().__init__()
        self.bits = bits
        half = 2.0 ** (bits - 1)
        for kind, step, bounds in (
            ("activation", 4.0 / (2 * half - 1), (-half, half - 1) if signed else (0.0, 2 * half - 1)),
            ("weight", 0.5 / half, (-half, half - 1)),
        ):
            self.register_buffer(f"{kind}_bounds", torch.tensor([bounds]), persistent=False)
            if bits <= LEARNED_BITS:
                self.register_parameter(f"{kind}_step", nn.Parameter(torch.full((1,), step)))
            else:
                self.register_buffer(f"{kind}_step", torch.full((1,), step))

    @torch.no_grad()
    def calibrate(self, x: Tensor, weight: Tensor) -> None:
        """Set both steps to the best ones for a sample of the input (N, C, H, W) and the current weight."""
        self.activation_step.copy_(best_step(x, self.activation_bounds[0]))
        self.weight_step.copy_(best_step(weight, self.weight_bounds[0]))

    def rounded(self, x: Tensor) -> Tensor:
        """An input x (N, ...) on the levels of its step, in float32. Its gradient is that of x."""
        with torch.no_grad():
            low, high = self.activation_bounds[0]
            levels = (x.float() / self.activation_step).round_().clamp_(low, high) * self.activation_step
        return levels + (x - x.detach()) if x.requires_grad else levels

    @torch.no_grad()
    def keep_within(self, activation_range: tuple[Tensor, Tensor], weight_range: tuple[Tensor, Tensor]) -> None:
        """Clamp both steps to the bounds that ``useful_range`` gives for the input and the weight.

        One that is not learned is only raised: its highest level is at least the largest value that was ever met.
        """
        for step, (low, high), bounds in (
            (self.activation_step, activation_range, self.activation_bounds),
            (self.weight_step, weight_range, self.weight_bounds),
        ):
            highest_level = bounds[0, 1]
            if step.requires_grad:
                step.clamp_(low / highest_level, high / highest_level).clamp_min_(SMALLEST_VALUE)
            elif self.bits > LEARNED_BITS:
                step.clamp_min_(high / highest_level)


def keep_positive(model: nn.Module) -> None:
    """Raise learned steps at or below zero to just above zero. The next forward pass clamps them properly.

    Call this after each parameter update, so that a state saved at any moment has positive steps only.
    """
    steps = [
        step
        for module in model.modules()
        if isinstance(module, LearnedStep)
        for step in (module.activation_step, module.weight_step)
        if step.requires_grad
    ]
    if steps:
        with torch.no_grad():
            torch._foreach_clamp_min_(steps, SMALLEST_VALUE)


class LearnedStepQuantiser(nn.ModuleDict):
    """LSQ for one convolution: two steps for each quantised option."""

    def __init__(self, options: Iterable[Option], signed: bool = False) -> None:
        super().__init__({option.name: LearnedStep(option.bits, signed) for option in options if option.is_quantised})
        self.kernels = PLAIN

    def forward(self, x: Tensor, weight: Tensor, groups: Groups) -> list[tuple[Tensor, Tensor]]:
        """For each group of x (N, C, H, W), its input (n, C, H, W) and the weight, both rounded to its option's bits.

        No group of ``groups`` may skip.
        """
        own = [cast(LearnedStep, self[option.name]) for option in groups.counts if option.is_quantised]
        if self.training:
            ranges = useful_range(x[:: max(1, len(x) // RANGE_IMAGES)]), useful_range(weight)
            for step in own:
                step.keep_within(*ranges)
        levels = torch.cat([step.activation_bounds for step in own]), torch.cat([step.weight_bounds for step in own])
        steps = [step.activation_step for step in own] + [step.weight_step for step in own]
        rounded = _RoundGroups.apply(_dense(x), weight, groups, levels, self.kernels, *steps)
        parts = len(groups.counts)
        weights = *rounded[parts:], *[weight] * (parts - len(own))
        return list(zip(rounded[:parts], weights, strict=True))


def _dense(x: Tensor) -> Tensor:
    """x itself if its memory has no gaps, else a contiguous copy."""
    dense = x.is_contiguous() or x.is_contiguous(memory_format=torch.channels_last)
    return x if dense else x.contiguous()
