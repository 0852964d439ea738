"""The residual network of a layout. Each block can run under any option of its option set."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dfs_core.model.config import ModelConfig
from dfs_core.model.groups import Groups
from dfs_core.model.layout import FIRST_GATED, BlockShape, ConvShape
from dfs_core.model.lsq import LearnedStep, LearnedStepQuantiser
from dfs_core.model.options import Option, OptionSet
from dfs_core.model.pooling import pooled
from dfs_core.model.quantize import QUANTISERS

SHARED = "shared"


class PlainConv(nn.Conv2d):
    """A convolution without bias. Its result for an image does not depend on the rest of the batch."""

    def __init__(self, shape: ConvShape) -> None:
        padding = shape.kernel // 2
        super().__init__(shape.inputs, shape.outputs, shape.kernel, shape.stride, padding, bias=False)
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def convolve(self, x: Tensor, weight: Tensor) -> Tensor:
        """Convolve x (N, C, H, W) with a weight, rounded or not."""
        if len(x) == 1 and not self.training:
            # PyTorch uses another kernel for a single image. Its last digits differ, and the next quantiser would
            # amplify that to whole steps. So we run a single image as a batch of two.
            return self._conv_forward(x.expand(2, -1, -1, -1), weight, None)[:1]
        return self._conv_forward(x, weight, None)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve x (N, C, H, W) in full precision."""
        return self.convolve(x, self.weight)


class OptionConv(PlainConv):
    """A convolution that rounds its input and weight to each image's option. All options share one weight."""

    def __init__(self, shape: ConvShape, options: OptionSet, quantiser: str) -> None:
        super().__init__(shape)
        self.quantisers = QUANTISERS[quantiser](options)

    def forward(self, x: Tensor, groups: Groups) -> list[Tensor]:  # type: ignore[override]
        """Convolve each group of x (N, C, H, W) under its option; one output (n, C', H', W') for each group."""
        if any(option.is_quantised for option in groups.counts):
            return [self.convolve(*rounded) for rounded in self.quantisers(x, self.weight, groups)]
        return [self.convolve(part, self.weight) for part in groups.split(x)]


class RoundedStem(PlainConv):
    """The stem at a few bits: normalised pixels, which are signed, and weights are rounded to learned steps."""

    def __init__(self, shape: ConvShape, option: Option) -> None:
        super().__init__(shape)
        self.option, self.quantisers = option, LearnedStepQuantiser([option], signed=True)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve rounded x (N, C, H, W) with the rounded weight."""
        (rounded,) = self.quantisers(x, self.weight, Groups.uniform(self.option, x))
        return self.convolve(*rounded)


class RoundedLinear(nn.Linear):
    """The classifier at a few bits, on features that are never negative."""

    def __init__(self, inputs: int, outputs: int, option: Option) -> None:
        super().__init__(inputs, outputs)
        self.option, self.quantisers = option, LearnedStepQuantiser([option])

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, outputs) of rounded x (N, inputs) under the rounded weight."""
        ((features, weight),) = self.quantisers(x, self.weight, Groups.uniform(self.option, x))
        return F.linear(features, weight, self.bias)


class OptionNorm(nn.ModuleDict):
    """Batch normalisation with its own statistics and affine parameters for each option, or one set shared by all."""

    def __init__(self, channels: int, options: Iterable[Option], kind: str) -> None:
        names = [SHARED] if kind == "shared" else [option.name for option in options]
        super().__init__({name: nn.BatchNorm2d(channels) for name in names})

    def forward(self, parts: list[Tensor], groups: Groups) -> Tensor:
        """Normalise each group (n, C, H, W) under its option and join them to (N, C, H, W)."""
        names = [SHARED if SHARED in self else option.name for option in groups.counts]
        normed = [self[name](part) for name, part in zip(names, parts, strict=True)]
        return torch.cat(normed) if len(normed) > 1 else normed[0]


class ResidualBlock(nn.Module):
    """A basic block or a bottleneck: convolutions with batch norm, ReLUs between them, and a shortcut.

    The shortcut is the identity, or a 1x1 convolution with batch norm where channels or size change. An option's bits
    apply to that convolution too. On skip, the shortcut is the block's output, without a ReLU, as in the reference;
    it then runs at the bits of what is not gated.
    """

    def __init__(self, shape: BlockShape, options: OptionSet, config: ModelConfig) -> None:
        super().__init__()
        self.options, self.ungated = options, Option(config.ungated)
        executed = [option for option in options if not option.is_skip]
        self.names = [(f"conv{number}", f"bn{number}") for number in range(1, len(shape.convolutions) + 1)]
        for (conv, norm), own in zip(self.names, shape.convolutions, strict=True):
            self.add_module(conv, OptionConv(own, options, config.quantiser))
            self.add_module(norm, OptionNorm(own.outputs, executed, config.batch_norm))
        self.has_projection = shape.shortcut is not None
        if shape.shortcut is not None:
            shortcut_options = OptionSet(
                tuple(sorted({*executed, self.ungated}))
            )  # it runs even where the block is skipped
            self.shortcut_conv = OptionConv(shape.shortcut, shortcut_options, config.quantiser)
            self.shortcut_bn = OptionNorm(shape.channels, options, config.batch_norm)

    def rounded(self, x: Tensor, option: Option) -> Tensor:
        """The input x (N, C, H, W) as the first convolution rounds it to an option's bits, with the gradient of x."""
        conv = getattr(self, self.names[0][0])
        return cast(LearnedStep, conv.quantisers[option.name]).rounded(x)

    def forward(self, x: Tensor, groups: Groups) -> Tensor:
        """Run the block on x (N, C, H, W), sorted as ``groups`` says, and return (N, C', H', W')."""
        skipped, executed = groups.skipped_and_executed()
        if executed is None:
            return self._shortcut(x, groups)
        if skipped is None:
            return self._run(x, groups)
        idle, busy = x.split([len(skipped.rows), len(executed.rows)])
        return torch.cat([self._shortcut(idle, skipped), self._run(busy, executed)])

    def _shortcut(self, x: Tensor, groups: Groups) -> Tensor:
        if not self.has_projection:
            return x
        rounding = Groups({self.ungated if o.is_skip else o: count for o, count in groups.counts.items()}, groups.rows)
        return self.shortcut_bn(self.shortcut_conv(x, rounding), groups)

    def _run(self, x: Tensor, groups: Groups) -> Tensor:
        out = x
        for index, (conv, norm) in enumerate(self.names):
            out = getattr(self, norm)(getattr(self, conv)(F.relu(out) if index else out, groups), groups)
        return F.relu(out + self._shortcut(x, groups))


class ResNetBody(nn.Module):
    """Stem, blocks and classifier of a layout, without the policy."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        gated, ungated = config.option_set, Option(config.ungated)
        rounds = ungated.is_quantised
        layout = config.layout
        pool = [nn.MaxPool2d(3, stride=2, padding=1)] if layout.max_pool else []
        stem = RoundedStem(layout.stem, ungated) if rounds else PlainConv(layout.stem)
        self.stem = nn.Sequential(stem, nn.BatchNorm2d(layout.stem.outputs), nn.ReLU(), *pool)
        self.blocks = nn.ModuleList(
            ResidualBlock(shape, OptionSet((ungated,)) if shape.number < FIRST_GATED else gated, config)
            for shape in layout.blocks
        )
        features = layout.blocks[-1].channels
        self.classifier = (
            RoundedLinear(features, config.classes, ungated) if rounds else nn.Linear(features, config.classes)
        )

    def first(self) -> ResidualBlock:
        """The first block, which no policy decides over."""
        return self.blocks[0]  # type: ignore[return-value]

    def gated(self) -> list[ResidualBlock]:
        """The gated blocks, in order."""
        return list(self.blocks[FIRST_GATED - 1 :])  # type: ignore[arg-type]

    def head(self, x: Tensor) -> Tensor:
        """Pool (N, C, H, W) and classify: logits (N, classes) in float32."""
        with torch.autocast(x.device.type, enabled=False):
            return self.classifier(pooled(x))
