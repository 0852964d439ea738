"""A trained network as its engine needs it: batch norm folded, weights rounded, one description for each option."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Self, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.errors import UserError
from dfs_core.model.layout import Layout
from dfs_core.model.lsq import LEARNED_BITS, LearnedStep
from dfs_core.model.network import DFSNet
from dfs_core.model.options import Option
from dfs_core.model.policy import Features
from dfs_core.model.precision import has_bf16
from dfs_core.model.resnet import SHARED, OptionConv, OptionNorm, ResidualBlock, RoundedLinear, RoundedStem


@dataclass(frozen=True, slots=True)
class Levels:
    """How a convolution's input is rounded: to ``step`` x a whole number from ``low`` to ``high``."""

    step: float
    low: int
    high: int

    @classmethod
    def of(cls, learned: LearnedStep) -> Self:
        """The levels of a learned step."""
        low, high = learned.activation_bounds[0].tolist()
        return cls(float(learned.activation_step.detach()), int(low), int(high))


@dataclass(frozen=True, slots=True, eq=False)
class CompiledConv:
    """A convolution and its batch norm: y = scale x (weight * x) + bias.

    Attributes:
        weight: (O, I, k, k) float32: whole numbers from -128 to 127 where the input is rounded, else real ones.
        levels: how the input is rounded; None if it is not. Then x stands for the levels in the equation.
        limits: the lowest and the highest input where it is limited and not rounded, at 9 to 16 bits; else None. Below
            0 is only what a skipped strided block hands on.
        scale: (O,): of the batch norm, times both steps.
        bias: (O,): the shift of the batch norm.
        stride: the same both ways.
        padding: pixels on each side.
    """

    weight: Tensor
    levels: Levels | None
    limits: tuple[float, float] | None
    scale: Tensor
    bias: Tensor
    stride: int
    padding: int

    @classmethod
    def of(cls, conv: nn.Conv2d, norm: nn.BatchNorm2d, learned: LearnedStep | None) -> Self:
        """Under running statistics. Steps of more than 8 bits round so little that the input is not rounded at all."""
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None
        assert variance is not None
        scale = norm.weight.double() / (variance.double() + norm.eps).sqrt()
        bias = norm.bias.double() - mean.double() * scale
        weight, levels, limits = conv.weight.detach().clone(), None, None
        if learned is not None and learned.bits <= LEARNED_BITS:
            step, (low, high) = float(learned.weight_step.detach()), learned.weight_bounds[0].tolist()
            weight, levels = (weight / step).clamp_(low, high).round_(), Levels.of(learned)
            scale = scale * step * levels.step
        elif learned is not None:
            weight.clamp_(*(learned.weight_bounds[0] * learned.weight_step).tolist())
            low, high = (learned.activation_bounds[0] * learned.activation_step).tolist()
            limits = low, high
        return cls(weight, levels, limits, scale.float(), bias.float(), int(conv.stride[0]), int(conv.padding[0]))

    def out_size(self, size: int) -> int:
        """Side of the output for a side of the input, in pixels."""
        return (size + 2 * self.padding - self.weight.shape[2]) // self.stride + 1


@dataclass(frozen=True, slots=True, eq=False)
class CompiledClassifier:
    """The linear classifier: y = weight x + bias, in float32.

    Attributes:
        weight: (classes, C), rounded where the classifier computes at few bits.
        bias: (classes,).
        levels: how x is rounded; None if it is not.
    """

    weight: Tensor
    bias: Tensor
    levels: Levels | None

    @classmethod
    def of(cls, linear: nn.Linear) -> Self:
        """A copy of a classifier."""
        weight, levels = linear.weight.detach().clone(), None
        if isinstance(linear, RoundedLinear):
            learned = cast(LearnedStep, linear.quantisers[linear.option.name])
            step, (low, high) = float(learned.weight_step.detach()), learned.weight_bounds[0].tolist()
            weight, levels = (weight / step).clamp_(low, high).round_() * step, Levels.of(learned)
        return cls(weight, linear.bias.detach().clone(), levels)

    def __call__(self, means: Tensor) -> Tensor:
        """Logits (N, classes) of the mean of each channel (N, C)."""
        if self.levels is not None:
            means = (means / self.levels.step).clamp_(self.levels.low, self.levels.high).round_() * self.levels.step
        return F.linear(means, self.weight, self.bias)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledBlock:
    """A residual block under one option.

    Attributes:
        convs: what it runs; empty if it is skipped.
        shortcut: the convolution on its shortcut; None if the shortcut is the identity.
    """

    convs: tuple[CompiledConv, ...]
    shortcut: CompiledConv | None

    @classmethod
    def of(cls, block: ResidualBlock, option: Option) -> Self:
        """Of a block under an option; the shortcut of a skipped block runs at the bits of what is not gated."""
        convs = () if option.is_skip else tuple(
            _conv(getattr(block, conv), getattr(block, norm), option, option) for conv, norm in block.names
        )  # fmt: skip
        rounding = block.ungated if option.is_skip else option
        shortcut = _conv(block.shortcut_conv, block.shortcut_bn, option, rounding) if block.has_projection else None
        return cls(convs, shortcut)


@dataclass(frozen=True, slots=True, eq=False)
class CompiledNet:
    """All that an engine runs of a network. It is a copy.

    Attributes:
        layout: channels and sizes.
        stem: the first convolution; a ReLU follows, and ``pool``.
        pool: the max pooling after it, or nothing.
        first: the block that no policy decides over.
        blocks: for each gated block, its form under each option.
        classifier: takes the mean of each channel at the end.
        real: the type of what is not rounded: bf16 or float32.
        features: what the policy looks at in a block's input.
        policy: who decides.
        costs: of each option, relative to a block in full (options,).
    """

    layout: Layout
    stem: CompiledConv
    pool: nn.Sequential
    first: CompiledBlock
    blocks: tuple[tuple[CompiledBlock, ...], ...]
    classifier: CompiledClassifier
    real: torch.dtype
    features: Features
    policy: nn.Module
    costs: Tensor

    @classmethod
    def of(cls, model: DFSNet) -> Self:
        """Compile a trained network.

        Raises:
            UserError: the network has min-max quantisers, which have no learned steps.
        """
        if model.config.quantiser != "lsq":
            raise UserError(
                "the engine runs networks with learned steps (quantiser 'lsq'), and this one has min-max ranges: use "
                "execution 'grouped'"
            )
        options, body = tuple(model.config.option_set), model.body
        stem, norm, _, *pool = body.stem
        with torch.no_grad():
            learned = cast(LearnedStep, stem.quantisers[stem.option.name]) if isinstance(stem, RoundedStem) else None
            return cls(
                model.config.layout,
                CompiledConv.of(cast(nn.Conv2d, stem), cast(nn.BatchNorm2d, norm), learned),
                nn.Sequential(*pool),
                CompiledBlock.of(body.first(), body.first().ungated),
                tuple(tuple(CompiledBlock.of(block, option) for option in options) for block in body.gated()),
                CompiledClassifier.of(body.classifier),
                real_type((*options, Option(model.config.ungated))),
                model.features(0),
                deepcopy(model.policy),
                model.costs.float().clone(),
            )


def real_type(options: Sequence[Option]) -> torch.dtype:
    """The type of what is not rounded.

    It is bf16 where the machine has it. But a network with fewer than 8 bits amplifies the error of bf16 until answers
    change. There it is float32.
    """
    coarse = any(option.is_quantised and option.bits < LEARNED_BITS for option in options)
    return torch.bfloat16 if has_bf16(torch.device("cpu")) and not coarse else torch.float32


def _conv(conv: OptionConv, norms: OptionNorm, option: Option, rounding: Option) -> CompiledConv:
    """A convolution with the batch norm of ``option`` and the bits of ``rounding``."""
    norm = cast(nn.BatchNorm2d, norms[SHARED if SHARED in norms else option.name])
    return CompiledConv.of(
        conv, norm, cast(LearnedStep, conv.quantisers[rounding.name]) if rounding.is_quantised else None
    )
