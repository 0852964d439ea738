"""Compiled networks on PyTorch's own kernels: oneDNN in 8-bit integers, bf16 and float32.

The images of a batch lie sorted by decision, and stay so from block to block: only when decisions change the order are
they gathered anew. A skipped block leaves its images where they are, and a block whose shortcut is the identity adds to
them in place. The stream between blocks is float32.

Three forms of a convolution differ in how they hold their input:

- ``Integers``: levels as bytes, 32-bit sums, one rounding at the end (VNNI, AMX).
- ``WholeNumbers``: the same levels as float32 numbers, for machines whose integer kernels are missing or saturate.
- ``Reals``: bf16 or float32.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.engine.compiled import CompiledBlock, CompiledConv, CompiledNet, Levels
from dfs_core.model.execute import Body, gather
from dfs_core.model.pooling import pooled

# Said of ``Integers.enter``, at every call; there is no successor as fast.
warnings.filterwarnings("ignore", r"torch\.quantize_per_tensor", UserWarning)

HIGHEST_BYTE = 255
SHIFT = 128  # added to signed levels: the kernels take unsigned bytes and a zero point


class Integers:
    """A convolution of bytes."""

    def __init__(self, conv: CompiledConv, levels: Levels) -> None:
        self.takes = self.levels = levels
        self.bias = conv.bias
        self.zero = SHIFT if levels.low < 0 else 0
        self.scales = conv.scale / levels.step
        self.zero_points = torch.zeros(len(self.scales), dtype=torch.int64)
        self.place = [conv.stride] * 2, [conv.padding] * 2, [1, 1], 1
        self.weight = torch.ops.onednn.qconv_prepack(
            conv.weight.to(torch.int8), self.scales, levels.step, self.zero, *self.place, None
        )

    def enter(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) float32 as this convolution takes it."""
        rounded = torch.quantize_per_tensor(x, self.levels.step, self.zero, torch.quint8)
        # The bytes lie in the result's memory. ``int_repr`` would copy them.
        found = torch.empty(0, dtype=torch.uint8).set_(rounded.untyped_storage(), 0, x.shape, rounded.stride())
        lowest, highest = self.levels.low + self.zero, self.levels.high + self.zero
        return found if (lowest, highest) == (0, HIGHEST_BYTE) else found.clamp_(lowest, highest)

    def plain(self, x: Tensor) -> Tensor:
        """y in float32."""
        return self._run(x, 1.0, torch.float32, "none", [])

    def rectified(self, x: Tensor, following: Levels) -> Tensor:
        """max(y, 0) as the next convolution takes it."""
        return self._run(x, following.step, torch.uint8, "hardtanh", [0.0, following.high * following.step])

    def _run(self, x: Tensor, scale: float, kind: torch.dtype, after: str, bounds: list[float]) -> Tensor:
        parts = x, self.levels.step, self.zero, self.weight, self.scales, self.zero_points, self.bias
        return torch.ops.onednn.qconv2d_pointwise(*parts, *self.place, scale, 0, kind, after, bounds, None)

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """stream = max(stream + y, 0), in place."""
        parts = x, self.levels.step, self.zero, self.weight, self.scales, self.zero_points, stream, self.bias
        torch.ops.onednn.qconv2d_pointwise.binary(
            *parts, *self.place, 1.0, 0, torch.float32, 1.0, 0, "sum", 1.0, "relu", [], None
        )


class WholeNumbers:
    """The same convolution on float32 numbers, for machines without instructions for whole ones."""

    def __init__(self, conv: CompiledConv, levels: Levels) -> None:
        self.takes = self.levels = levels
        self.bias, self.place = conv.bias, (conv.stride, conv.padding)
        self.weight = (conv.weight * conv.scale[:, None, None, None]).contiguous(memory_format=torch.channels_last)

    def enter(self, x: Tensor) -> Tensor:
        """The levels of x (N, C, H, W) float32."""
        return _rounded(x, self.levels)

    def plain(self, x: Tensor) -> Tensor:
        """y in float32."""
        return F.conv2d(x, self.weight, self.bias, *self.place)

    def rectified(self, x: Tensor, following: Levels) -> Tensor:
        """max(y, 0) as the next convolution takes it."""
        return _rounded(self.plain(x), following)

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """stream = max(stream + y, 0), in place."""
        stream.add_(self.plain(x)).relu_()


def _rounded(x: Tensor, levels: Levels) -> Tensor:
    return (x / levels.step).clamp_(levels.low, levels.high).round_()


class Reals:
    """A convolution in bf16 or float32."""

    def __init__(self, conv: CompiledConv, kind: torch.dtype) -> None:
        self.takes = conv.limits
        self.kind, self.place = kind, ([conv.padding] * 2, [conv.stride] * 2, [1, 1], 1)
        self.fused = torch.backends.mkldnn.is_available()  # builds for macOS on ARM have no oneDNN
        weight = (conv.weight * conv.scale[:, None, None, None]).to(kind)
        self.weight, self.bias = weight.contiguous(memory_format=torch.channels_last), conv.bias.to(kind)

    def enter(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) in this convolution's type, within its limits."""
        return (x if self.takes is None else x.clamp(*self.takes)).to(self.kind)

    def plain(self, x: Tensor) -> Tensor:
        """y in float32."""
        return self._run(x).float()

    def rectified(self, x: Tensor, following: tuple[float, float] | None) -> Tensor:
        """max(y, 0) as the next convolution takes it."""
        return self._run(x, math.inf if following is None else following[1])

    def _run(self, x: Tensor, highest: float | None = None) -> Tensor:
        """y; if ``highest`` is given, between 0 and that."""
        if not self.fused:
            padding, stride, dilation, groups = self.place
            y = F.conv2d(x, self.weight, self.bias, stride, padding, dilation, groups)
            return y if highest is None else y.clamp_(0.0, highest)
        bounded = highest is not None and highest < math.inf
        after = "none" if highest is None else "hardtanh" if bounded else "relu"
        bounds = [0.0, highest] if bounded else []
        return torch.ops.mkldnn._convolution_pointwise(x, self.weight, self.bias, *self.place, after, bounds, "")

    def add_to(self, stream: Tensor, x: Tensor) -> None:
        """stream = max(stream + y, 0), in place."""
        if stream.dtype == self.kind and self.fused:
            parts = stream, x, self.weight, self.bias
            torch.ops.mkldnn._convolution_pointwise_.binary(*parts, *self.place, "add", 1.0, "relu", [], None)
        else:
            stream.add_(self._run(x)).relu_()


def form_of(conv: CompiledConv, real: torch.dtype) -> Integers | WholeNumbers | Reals:
    """The form of a convolution that this machine runs fastest."""
    if conv.levels is None:
        return Reals(conv, real)
    return (Integers if integers_are_exact() else WholeNumbers)(conv, conv.levels)


@cache
def integers_are_exact() -> bool:
    """Whether the 8-bit kernels of this machine add without saturating, found by trying the largest values.

    Without VNNI, x86 kernels add pairs of products in 16 bits and saturate. Builds for ARM have no such kernels.
    """
    ones, levels = torch.ones(16), Levels(1.0, 0, HIGHEST_BYTE)
    x = torch.full((2, 16, 8, 8), 255.0).contiguous(memory_format=torch.channels_last)
    try:
        conv = Integers(CompiledConv(torch.full((16, 16, 3, 3), 127.0), levels, None, ones, 0 * ones, 1, 1), levels)
        found = conv.plain(conv.enter(x))
    except (AttributeError, RuntimeError):  # no such kernels
        return False
    return bool(found[:, :, 4, 4].eq(255 * 127 * 9 * 16).all())


class Block:
    """A block under one option, as a function of its input."""

    def __init__(self, block: CompiledBlock, real: torch.dtype) -> None:
        self.convs = [form_of(conv, real) for conv in block.convs]
        self.shortcut = None if block.shortcut is None else form_of(block.shortcut, real)

    def __call__(self, x: Tensor) -> Tensor:
        """The output for x (N, C, H, W) float32. Where the shortcut is the identity, it takes x's place."""
        out = x if self.shortcut is None else self.shortcut.plain(self.shortcut.enter(x))
        if self.convs:
            *others, last = self.convs
            inner = self.convs[0].enter(x)
            for conv, following in zip(others, self.convs[1:], strict=True):
                # The convolutions of a block are of one form, so each hands on what the next one takes.
                inner = conv.rectified(inner, following.takes)  # type: ignore[arg-type]
            last.add_to(out, inner)
        return out


@dataclass(slots=True)
class Stream:
    """The input of a gated block.

    Attributes:
        values: the images, float32 (N, C, H, W) in channels_last memory, which may be overwritten.
        order: the place in the batch of each image (N,); None if they lie in the batch's order.
    """

    values: Tensor
    order: Tensor | None = None

    def in_batch_order(self, found: Tensor) -> Tensor:
        """Rows (N, ...) that were found in the stream's order, in the batch's order."""
        return found if self.order is None else torch.empty_like(found).index_copy_(0, self.order, found)


class LibraryEngine(Body):
    """A network's body on PyTorch's own kernels. Threads can share it."""

    name: Final = "library"

    def __init__(self, net: CompiledNet) -> None:
        self.stem, self.pool, self.classifier = form_of(net.stem, net.real), net.pool, net.classifier
        self.policy = net.policy
        self.first = Block(net.first, net.real)
        self.blocks = [[Block(form, net.real) for form in forms] for forms in net.blocks]

    def enter(self, images: Tensor) -> Tensor:
        """As in ``Body``."""
        x = self.stem.enter(images.contiguous(memory_format=torch.channels_last))
        return self.first(self.pool(self.stem.plain(x).relu_()))

    def see(self, look: Callable[[Tensor], Tensor], x: Tensor | Stream) -> Tensor:
        """As in ``Body``."""
        return x.in_batch_order(look(x.values)) if isinstance(x, Stream) else look(x)

    def step(self, policy: Any, index: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """As in ``Body``, by the policy that was compiled."""
        return super().step(self.policy, index, seen, state)

    def run(self, index: int, x: Tensor | Stream, decisions: Tensor) -> Stream:
        """As in ``Body``."""
        stream = _owned(x)
        chosen = decisions if stream.order is None else decisions[stream.order]
        listed = chosen.tolist()
        runs = _runs(listed)
        if len(runs) > len(set(listed)):  # an option's images lie in several places
            order = torch.argsort(chosen, stable=True)
            placed = order if stream.order is None else stream.order[order]
            stream, runs = Stream(gather(stream.values, order), placed), _runs(sorted(listed))
        forms = self.blocks[index]
        if len(runs) == 1:
            return Stream(forms[runs[0][0]](stream.values), stream.order)
        parts = stream.values.split([count for _, count in runs])
        outputs = [forms[option](part) for (option, _), part in zip(runs, parts, strict=True)]
        in_place = all(out is part for out, part in zip(outputs, parts, strict=True))
        return Stream(stream.values if in_place else torch.cat(outputs), stream.order)

    def uniform(self, index: int, x: Tensor | Stream, option: int) -> Stream:
        """As in ``Body``."""
        stream = _owned(x)
        return Stream(self.blocks[index][option](stream.values), stream.order)

    def head(self, x: Tensor | Stream) -> Tensor:
        """As in ``Body``."""
        return self.classifier(self.see(pooled, x))


def _owned(x: Tensor | Stream) -> Stream:
    """A stream that may be overwritten. The tensor of ``enter`` may not: a cascade's next pass begins with it."""
    return x if isinstance(x, Stream) else Stream(x.clone(memory_format=torch.channels_last))


def _runs(options: list[int]) -> list[tuple[int, int]]:
    """Neighbours with the same option, as pairs (option, count).

    >>> _runs([2, 2, 0, 2])
    [(2, 2), (0, 1), (2, 1)]
    """
    return [(option, len(list(same))) for option, same in groupby(options)]
