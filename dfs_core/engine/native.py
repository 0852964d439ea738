"""Compiled networks in C++ (``native.cpp``, ``gates.cpp``, ``walk.cpp``), built for this processor by ``build.py``."""

from __future__ import annotations

import ctypes
import math
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Any, Final, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.engine.compiled import CompiledBlock, CompiledConv, CompiledNet
from dfs_core.engine.gates import Linear, LinearStruct, gates_of
from dfs_core.errors import UserError
from dfs_core.model.cascade import CascadePolicy
from dfs_core.model.execute import POLICY_DECIDES, Walk, WholeBody
from dfs_core.model.layout import BlockShape
from dfs_core.model.policy import ConstantPolicy, Features, Policy
from dfs_core.model.pooling import nothing, pooled
from dfs_core.model.utilities import (
    LOWEST_PRICE,
    LOWEST_TEMPERATURE,
    OneShotPolicy,
    TablePolicy,
    mean_and_spread,
)

WHOLE = (ConstantPolicy, TablePolicy, CascadePolicy)  # policies that decide without seeing the image
INT8, BF16, FLOAT, SPLIT = range(4)  # as in the source
BYTES = (1, 2, 4, 2)
SHIFT = 128  # added to signed levels
LANE, WIDTH = 4, 16  # bytes of a lane; outputs and lanes of a tile
AT_A_TIME = 8  # images that a thread takes through all blocks at a time: their values fit into its cache
FEW = 4  # images of which a second thread gets no convolution
LOOKS: dict[Features, int] = {
    nothing: 0,
    pooled: 1,
    mean_and_spread: 2,
}  # what the source can look for, as it counts it


class ConvStruct(ctypes.Structure):
    """``struct Conv`` of the source."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("kind", "inputs", "padded_inputs", "outputs", "kernel", "stride")),
        *((name, ctypes.c_int32) for name in ("padding", "zero", "lanes", "tile_lanes")),
        *((name, ctypes.c_float) for name in ("step", "low", "high")),
        *((name, ctypes.c_void_p) for name in ("weights", "scale", "bias")),
    )


class FormStruct(ctypes.Structure):
    """``struct Form`` of the source."""

    _fields_ = (
        ("count", ctypes.c_int32),
        ("convs", ctypes.POINTER(ConvStruct)),
        ("shortcut", ctypes.POINTER(ConvStruct)),
    )


class BlockStruct(ctypes.Structure):
    """``struct Block`` of the source."""

    _fields_ = (
        ("forms", ctypes.POINTER(FormStruct)),
        ("gate", ctypes.c_void_p),
        *((name, ctypes.c_int32) for name in ("height", "width", "inputs")),
        *((name, ctypes.c_int32) for name in ("out_height", "out_width", "outputs", "fresh")),
    )


class EntryStruct(ctypes.Structure):
    """``struct Entry`` of the source."""

    _fields_ = (
        ("stem", ctypes.POINTER(ConvStruct)),
        *((name, ctypes.c_int32) for name in ("height", "width", "inputs")),
        ("first", BlockStruct),
    )


class NetworkStruct(ctypes.Structure):
    """``struct Network`` of the source."""

    _fields_ = (
        ("blocks", ctypes.POINTER(BlockStruct)),
        ("costs", ctypes.c_void_p),
        ("classifier", ctypes.POINTER(LinearStruct)),
        *((name, ctypes.c_int32) for name in ("count", "options", "gates", "looks", "kept", "classes")),
        *((name, ctypes.c_float) for name in ("lowest_price", "lowest_temperature", "step", "low", "high")),
    )


class NativeConv:
    """A convolution as the source takes it. It holds the memory that its structure points to."""

    def __init__(self, conv: CompiledConv, real: torch.dtype, amx: bool) -> None:
        outputs, inputs, kernel, _ = conv.weight.shape
        levels, weight = conv.levels, conv.weight
        kind = INT8 if levels else BF16 if real == torch.bfloat16 else FLOAT
        if kind == FLOAT and amx and inputs % WIDTH == 0:
            kind, weight = SPLIT, _split(weight)
        lane = LANE // BYTES[kind]  # channels of a lane
        padded = -(-weight.shape[1] // lane) * lane
        lanes = kernel * padded // lane
        count = -(-lanes // WIDTH)  # of tiles
        tile_lanes = count * -(-lanes // count)
        zero = SHIFT if levels and levels.low < 0 else 0
        self.scale, self.bias = conv.scale.contiguous(), conv.bias.contiguous()
        if zero:  # the kernels see x + zero
            self.bias = self.bias - zero * conv.scale * conv.weight.sum(dim=(1, 2, 3))
        # (O, I, k, k) -> [outputs / 16][kernel row][lane][16 outputs][channels of a lane]
        rows = F.pad(weight.permute(0, 2, 3, 1), (0, padded - weight.shape[1])).flatten(2)
        rows = F.pad(rows, (0, tile_lanes * lane - rows.shape[2]))
        tiles = rows.view(outputs // WIDTH, WIDTH, kernel, tile_lanes, lane).permute(0, 2, 3, 1, 4)
        self.weights = tiles.to((torch.int8, torch.bfloat16, torch.float32, torch.bfloat16)[kind]).contiguous()
        sizes = kind, inputs, padded, outputs, kernel, conv.stride, conv.padding, zero, lanes, tile_lanes
        limits = conv.limits or (-math.inf, math.inf)
        rounding = (levels.step, levels.low, levels.high) if levels else (1.0, *limits)
        self.struct = ConvStruct(
            *sizes, *rounding, *(part.data_ptr() for part in (self.weights, self.scale, self.bias))
        )
        self.out_size = conv.out_size


def _split(weight: Tensor) -> Tensor:
    """Weights (O, I, k, k) as sums of three bf16: (O, 6 I, k, k), in the order of the source's ``SPLIT``."""
    first = weight.bfloat16().float()
    second = (weight - first).bfloat16().float()
    third = weight - first - second
    return torch.cat([first, first, first, second, second, third], dim=1)


def _convolve(built: ctypes.CDLL, conv: NativeConv, x: Tensor) -> Tensor:
    """max(y, 0) of one convolution: x (N, H, W, C) float32 -> (N, H', W', C')."""
    n, height, width, _ = x.shape
    out = x.new_empty(n, conv.out_size(height), conv.out_size(width), conv.struct.outputs)
    struct = ctypes.byref(conv.struct)
    _in_threads(_threads(n, FEW), lambda part, parts: built.run_conv(
        struct, _start(x), _start(out), ctypes.c_int64(n), height, width, part, parts
    ))  # fmt: skip
    return out


class NativeForms:
    """A block under each option, as the source takes it."""

    def __init__(self, forms: tuple[CompiledBlock, ...], real: torch.dtype, amx: bool) -> None:
        self.kept: list[object] = []
        structs = []
        for form in forms:
            convs = [NativeConv(conv, real, amx) for conv in form.convs]
            shortcut = None if form.shortcut is None else NativeConv(form.shortcut, real, amx)
            array = (ConvStruct * len(convs))(*(conv.struct for conv in convs))
            structs.append(FormStruct(len(convs), array, ctypes.pointer(shortcut.struct) if shortcut else None))
            self.kept += [convs, shortcut, array]
        self.structs = (FormStruct * len(structs))(*structs)
        self.in_place = forms[0].shortcut is None


class NativeEngine(WholeBody):
    """A network's body in C++. Threads can share it."""

    name: Final = "native"

    def __init__(self, net: CompiledNet, built: ctypes.CDLL) -> None:
        self.built, self.pool, self.policy = built, net.pool, net.policy
        amx = bool(built.uses_amx())
        self.stem = NativeConv(net.stem, net.real, amx)
        self.first = NativeForms((net.first,), net.real, amx)
        self.blocks = [NativeForms(forms, net.real, amx) for forms in net.blocks]
        self.gates = gates_of(net.policy, len(net.blocks)) or []
        self.first_shape, *gated = (_shape(block) for block in net.layout.blocks)
        pointers: list[int | None] = [ctypes.addressof(gate.struct) for gate in self.gates]
        pointers += [None] * (len(gated) - len(pointers))
        parts = zip(self.blocks, pointers, gated, strict=True)
        self.structs = (BlockStruct * len(gated))(
            *(BlockStruct(forms.structs, gate, *shape, not forms.in_place) for forms, gate, shape in parts)
        )
        kind, kept = (self.gates[0].kind, self.gates[0].kept) if self.gates else (0, 0)
        looks = LOOKS[net.features] if self.gates else 0
        size = net.layout.image_size
        self.image = size, size, net.layout.stem.inputs
        self.entry = EntryStruct(
            ctypes.pointer(self.stem.struct),
            size,
            size,
            net.layout.stem.inputs,
            BlockStruct(self.first.structs, None, *self.first_shape),
        )
        self.costs, last = net.costs, net.classifier
        self.classifier = Linear(last.weight, last.bias)
        rounding = (last.levels.step, last.levels.low, last.levels.high) if last.levels else (0.0, 0.0, 0.0)
        lowest = LOWEST_TEMPERATURE if isinstance(net.policy, TablePolicy) else 0.0
        self.struct = NetworkStruct(
            self.structs, self.costs.data_ptr(), ctypes.pointer(self.classifier.struct), len(gated), len(net.blocks[0]),
            kind, looks, kept, len(last.bias), LOWEST_PRICE, lowest, *rounding,
        )  # fmt: skip

    @staticmethod
    def supports(net: CompiledNet, built: ctypes.CDLL) -> bool:
        """Whether the source can run a network: all channels but those of the image come in sixteens."""
        forms = [net.first, *(form for forms in net.blocks for form in forms)]
        convs = [net.stem, *(conv for form in forms for conv in form.convs)]
        in_sixteens = all(len(conv.weight) % WIDTH == 0 for conv in convs)
        # It has the gates of these policies; a one-shot gate looks at values that are not rounded.
        once = type(net.policy) is OneShotPolicy and net.classifier.levels is None
        decides = once or type(net.policy) in WHOLE or gates_of(net.policy, len(net.blocks)) is not None
        looks = decides and net.features in LOOKS
        return in_sixteens and looks and (net.real != torch.bfloat16 or bool(built.has_bf16()))

    def enter(self, images: Tensor) -> Tensor:
        """As in ``WholeBody``."""
        self._check(images, False)
        x = _convolve(self.built, self.stem, images.float().permute(0, 2, 3, 1).contiguous())
        if len(self.pool):
            x = self.pool(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
        height, width, channels = self.first_shape[3:]
        out, n = x.new_empty(len(x), height, width, channels), ctypes.c_int64(len(x))
        its_form = torch.zeros(len(x), dtype=torch.int64)  # it has one form
        given = *map(_start, (its_form, x, out)), None, None
        _in_threads(_threads(len(x), FEW), lambda part, parts: self.built.run_block(
            self.first.structs, 1, *given, n, *self.first_shape, 0, part, parts
        ))  # fmt: skip
        return out.permute(0, 3, 1, 2)

    def walk(self, images: Tensor, prices: Tensor, decided: Tensor | None, spans: Tensor | None = None) -> Walk:
        """As in ``WholeBody``.

        Args:
            spans: int64 (1 + 2 x gated blocks), to which nanoseconds are added, of all threads: of what is before the
                gated blocks, and of each gate and block.
        """
        shape = len(images), len(self.blocks)
        if self.gates:
            decisions = torch.full(shape, POLICY_DECIDES)
            if decided is not None:
                decisions.copy_(decided)
            probabilities = torch.empty(*shape, self.struct.options)
            found = Walk(self._run(images, decisions, probabilities, prices, spans), decisions, probabilities)
        elif isinstance(self.policy, OneShotPolicy):  # it looks once, at what enters the first gated block
            x = self._enter_timed(images, spans)
            decisions, probabilities = self._decide(self.policy.start(x, prices), prices, decided)
            found = Walk(self.finish(x, decisions, spans), decisions, probabilities)
        else:
            state = cast(Policy, self.policy).start(images, prices)
            decisions, probabilities = self._decide(state, prices, decided)
            found = Walk(self._run(images, decisions, spans=spans), decisions, probabilities)
        return found

    def _enter_timed(self, images: Tensor, spans: Tensor | None) -> Tensor:
        """``enter``, whose time goes into ``spans`` as in ``walk``."""
        began = time.perf_counter_ns()
        x = self.enter(images)
        if spans is not None:
            spans[0] += (time.perf_counter_ns() - began) * self.threads(len(images))
        return x

    def finish(self, x: Tensor, decisions: Tensor, spans: Tensor | None = None) -> Tensor:
        """As in ``WholeBody``; ``spans`` as in ``walk``."""
        return self._run(x, decisions, spans=spans, entered=True)

    def _decide(self, state: Any, prices: Tensor, decided: Tensor | None) -> tuple[Tensor, Tensor]:
        """Decisions and probabilities of a policy without gates, which decides over all blocks before any runs."""
        n, blocks, options = len(prices), len(self.blocks), self.struct.options
        if isinstance(self.policy, ConstantPolicy):
            decisions = torch.tensor(self.policy.decisions).expand(n, -1)
            probabilities = F.one_hot(decisions, options).float()
        else:
            policy, charge = cast(TablePolicy, self.policy), prices[:, None] * self.costs
            nothing_seen = torch.empty(n, 0)
            scores = torch.stack([policy.step(b, nothing_seen, state)[0] for b in range(blocks)], dim=1)
            scores = (scores - charge[:, None]) / policy.temperature(charge)[:, None]
            decisions, probabilities = scores.argmax(dim=2), scores.softmax(dim=2)
        if decided is not None:
            decisions = torch.where(decided == POLICY_DECIDES, decisions, decided)
        return decisions.contiguous(), probabilities

    def _run(
        self,
        x: Tensor,
        decisions: Tensor,
        probabilities: Tensor | None = None,
        prices: Tensor | None = None,
        spans: Tensor | None = None,
        entered: bool = False,
    ) -> Tensor:
        """Logits of images x, or of what enters the first gated block. With prices, gates take open decisions."""
        self._check(x, entered)
        if not entered and len(self.pool):  # the source has no pooling
            x, entered = self._enter_timed(x, spans), True
        values, n = x.float().permute(0, 2, 3, 1).contiguous(), len(x)
        decisions = decisions.to(torch.int64).contiguous()
        prices = None if prices is None else prices.float().contiguous()
        logits = values.new_empty(n, self.struct.classes)
        threads = self.threads(n)
        few = -(-n // (threads * max(1, -(-n // (threads * AT_A_TIME)))))  # as many for each thread as for the others
        given = [None if part is None else _start(part) for part in (values, prices, decisions, probabilities, logits)]
        sizes = ctypes.c_int64(n), ctypes.c_int64(max(1, few)), ctypes.byref(ctypes.c_int64(0))
        entry = None if entered else ctypes.byref(self.entry)
        noted = None if spans is None else _start(spans)
        _in_threads(
            threads,
            lambda part, parts: self.built.run_network(ctypes.byref(self.struct), entry, *given, *sizes, noted),
        )
        return logits

    def _check(self, x: Tensor, entered: bool) -> None:
        """Refuse what the source would read beyond its end: it takes all sizes from the network."""
        height, width, channels = self.first_shape[3:] if entered else self.image
        if x.shape[1:] != (channels, height, width) or x.device.type != "cpu":
            raise UserError(
                f"the engine takes {channels} channels of {height} x {width} values on the CPU, not"
                f" {tuple(x.shape[1:])} on {x.device.type}"
            )

    def threads(self, n: int) -> int:
        """How many threads walk with n images."""
        return _threads(n, 1)


def _shape(block: BlockShape) -> tuple[int, ...]:
    """Height, width and channels of a block's input and of its output."""
    return block.input_size, block.input_size, block.inputs, block.size, block.size, block.channels


def _start(x: Tensor) -> ctypes.c_void_p:
    """The address of x, which is contiguous."""
    return ctypes.c_void_p(x.data_ptr())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="engine")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # its threads do not live on in the child


def _threads(n: int, few: int) -> int:
    """How many threads n images get, of as many as PyTorch may use, with at least ``few`` images for each."""
    return max(1, min(torch.get_num_threads(), n // few))


def _in_threads(parts: int, work: Callable[[int, int], object]) -> None:
    """Call ``work(part, parts)`` for each part, all at a time."""
    running = [_pool().submit(work, part, parts) for part in range(1, parts)]
    try:
        work(0, parts)
    finally:  # also after Ctrl-C: the others write into memory that would be freed
        wait(running)
    for part in running:
        part.result()
