"""The layout of a residual network: the channels, sizes and MACs of its blocks. Plain arithmetic, no weights.

An architecture is a function from depth, width and image size to a ``Layout``. It is registered under the name that
configurations use. The network, the costs, the gates and the drawings read the layout and nothing else, so a new
architecture is one new function.

Both architectures come from He et al., "Deep Residual Learning for Image Recognition", CVPR 2016: the CIFAR ResNet of
depth 6n+2 (section 4.2) and the ImageNet ResNet (table 1). As in torchvision, the 3x3 convolution of a bottleneck has
the stride.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from dfs_core.errors import UserError

FIRST_GATED = 2  # number of the first gated block: block 1 always runs, and no policy decides over it
COLOURS = 3  # channels of an image
CIFAR_SIZE = 32  # pixels
LARGEST = 1024  # pixels: larger pictures are scaled down when they are read


@dataclass(frozen=True, slots=True)
class ConvShape:
    """One convolution without bias, padded by half its kernel.

    Attributes:
        inputs: channels of its input.
        outputs: channels of its output.
        kernel: side of its kernel, odd.
        stride: 1, or 2 to halve the side.
        size: side of its output in pixels.
    """

    inputs: int
    outputs: int
    kernel: int
    stride: int
    size: int

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Of its weight."""
        return self.outputs, self.inputs, self.kernel, self.kernel

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one image."""
        return self.kernel**2 * self.inputs * self.outputs * self.size**2


@dataclass(frozen=True, slots=True)
class BlockShape:
    """One residual block.

    Attributes:
        number: its number in the network, from 1.
        stage: its stage, from 1.
        inputs: channels of its input.
        input_size: side of its input in pixels.
        convolutions: its convolutions in order: 3x3, 3x3 in a basic block; 1x1, 3x3, 1x1 in a bottleneck.
        shortcut: the 1x1 convolution on its shortcut; None if the shortcut is the identity.
    """

    number: int
    stage: int
    inputs: int
    input_size: int
    convolutions: tuple[ConvShape, ...]
    shortcut: ConvShape | None

    @property
    def channels(self) -> int:
        """Channels of its output."""
        return self.convolutions[-1].outputs

    @property
    def size(self) -> int:
        """Side of its output in pixels."""
        return self.convolutions[-1].size

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its convolutions for one image, without the shortcut."""
        return sum(conv.macs for conv in self.convolutions)

    @property
    def shortcut_macs(self) -> int:
        """Multiply-accumulates of its shortcut for one image: 0 for the identity."""
        return 0 if self.shortcut is None else self.shortcut.macs


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole network: a stem, residual blocks, an average pool and a linear classifier.

    Attributes:
        title: name for display, such as ``ResNet-38``.
        image_size: side of its input in pixels.
        stem: the first convolution.
        max_pool: whether a 3x3 max pool with stride 2 follows the stem.
        blocks: the residual blocks, in order; the first always runs, and no policy decides over it.
    """

    title: str
    image_size: int
    stem: ConvShape
    max_pool: bool
    blocks: tuple[BlockShape, ...]

    @property
    def gated(self) -> tuple[BlockShape, ...]:
        """The gated blocks: all from number ``FIRST_GATED`` on."""
        return self.blocks[FIRST_GATED - 1 :]

    @property
    def stages(self) -> tuple[tuple[BlockShape, ...], ...]:
        """The blocks, stage by stage."""
        return tuple(tuple(blocks) for _, blocks in groupby(self.blocks, key=lambda block: block.stage))


Builder = Callable[[int, float, int], Layout]  # of depth, width and image size
ARCHITECTURES: dict[str, Builder] = {}


def architecture(name: str) -> Callable[[Builder], Builder]:
    """Register a layout builder under the name that configurations use."""

    def register(builder: Builder) -> Builder:
        ARCHITECTURES[name] = builder
        return builder

    return register


@lru_cache(maxsize=64)
def build_layout(name: str, depth: int, width: float, image_size: int) -> Layout:
    """The layout of a registered architecture.

    Args:
        name: a key of ``ARCHITECTURES``.
        depth: number of weighted layers, as papers count them.
        width: factor on every channel count.
        image_size: side of the images in pixels.

    Raises:
        UserError: the architecture is unknown, or does not exist in this depth, width or image size.
    """
    if name not in ARCHITECTURES:
        raise UserError(f"architecture '{name}' is unknown: use {' or '.join(ARCHITECTURES)}")
    if not 0 < width <= 64:
        raise UserError(f"width is a factor on the channels, above 0 and up to 64, not {width:g}")
    return ARCHITECTURES[name](depth, width, image_size)


@architecture("cifar-resnet")
def cifar_resnet(depth: int, width: float, image_size: int) -> Layout:
    """A CIFAR ResNet: a 3x3 stem and three stages of n basic blocks with 16, 32 and 64 channels times ``width``."""
    if depth < 8 or (depth - 2) % 6:
        raise UserError(f"depth {depth} is not 6n+2: use 8, 14, 20, 26, 32, 38, ..., 74, 110")
    _check_size("cifar-resnet", image_size, smallest=CIFAR_SIZE)
    channels = [_scaled(width, base) for base in (16, 32, 64)]
    stem = ConvShape(COLOURS, channels[0], kernel=3, stride=1, size=image_size)
    outputs = [(number, number) for number in channels]
    blocks = _blocks(channels[0], image_size, outputs, [(depth - 2) // 6] * 3, kernels=(3, 3))
    return Layout(_title("ResNet", depth, width, image_size, usual=CIFAR_SIZE), image_size, stem, False, blocks)


# Blocks in each of the four stages; from 50 layers on they are bottlenecks.
_IMAGENET_STAGES = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
_BOTTLENECK_FROM, _EXPANSION = 50, 4


@architecture("imagenet-resnet")
def imagenet_resnet(depth: int, width: float, image_size: int) -> Layout:
    """An ImageNet ResNet: a 7x7 stem and a max pool that quarter the side, and four stages that halve it thrice.

    Stages have 64, 128, 256 and 512 channels times ``width``; the output of a bottleneck has four times as many.
    """
    if depth not in _IMAGENET_STAGES:
        raise UserError(f"there is no ImageNet ResNet of depth {depth}: use {', '.join(map(str, _IMAGENET_STAGES))}")
    _check_size("imagenet-resnet", image_size, smallest=64)
    channels = [_scaled(width, base) for base in (64, 128, 256, 512)]
    stem = ConvShape(COLOURS, channels[0], kernel=7, stride=2, size=_halved(image_size))
    bottleneck = depth >= _BOTTLENECK_FROM
    kernels = (1, 3, 1) if bottleneck else (3, 3)
    outputs = [(number, number, _EXPANSION * number) if bottleneck else (number, number) for number in channels]
    blocks = _blocks(channels[0], _halved(stem.size), outputs, _IMAGENET_STAGES[depth], kernels)
    return Layout(_title("ImageNet ResNet", depth, width, image_size, usual=224), image_size, stem, True, blocks)


def _blocks(
    channels: int, size: int, outputs: Sequence[tuple[int, ...]], counts: Sequence[int], kernels: tuple[int, ...]
) -> tuple[BlockShape, ...]:
    """All blocks of a network. From stage 2 on, the first 3x3 convolution of a stage halves the side.

    Args:
        channels: channels of the first block's input.
        size: side of the first block's input in pixels.
        outputs: for each stage, the output channels of each convolution of a block.
        counts: number of blocks in each stage.
        kernels: kernel side of each convolution of a block.
    """
    blocks: list[BlockShape] = []
    for stage, (widths, count) in enumerate(zip(outputs, counts, strict=True), start=1):
        for position in range(count):
            stride = 2 if stage > 1 and position == 0 else 1
            convolutions: list[ConvShape] = []
            inputs, side = channels, size
            for index, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
                own = stride if index == kernels.index(3) else 1
                side = _halved(side) if own == 2 else side
                convolutions.append(ConvShape(inputs, width, kernel, own, side))
                inputs = width
            projected = stride != 1 or channels != inputs
            shortcut = ConvShape(channels, inputs, kernel=1, stride=stride, size=side) if projected else None
            blocks.append(BlockShape(len(blocks) + 1, stage, channels, size, tuple(convolutions), shortcut))
            channels, size = inputs, side
    return tuple(blocks)


def _halved(size: int) -> int:
    """Side after a stride of 2, rounded up."""
    return -(-size // 2)


def _scaled(width: float, channels: int) -> int:
    """A channel count times the width factor: a whole number, at least 1."""
    return max(1, round(width * channels))


def _check_size(name: str, image_size: int, smallest: int) -> None:
    if not smallest <= image_size <= LARGEST:
        raise UserError(f"{name} takes images of {smallest} to {LARGEST} pixels, not {image_size}: set image_size")


def _title(kind: str, depth: int, width: float, image_size: int, usual: int) -> str:
    wide = "" if width == 1 else f" x{width:g}"
    return f"{kind}-{depth}{wide}" + ("" if image_size == usual else f", {image_size} px")
