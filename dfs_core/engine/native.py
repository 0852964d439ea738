"""Compiled networks in C++ (``native.cpp``, ``gates.cpp``): for a compiler, AVX-512 VNNI and perhaps AMX.

The sources are built once and kept in the user's cache folder. Where they cannot be built, the engine runs on PyTorch's
own kernels.
"""

from __future__ import annotations

import ctypes
import hashlib
import platform
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

from dfs_core.engine.compiled import CompiledBlock, CompiledConv, CompiledNet
from dfs_core.engine.gates import gates_of
from dfs_core.files import cache_folder
from dfs_core.machine import cpu_facts
from dfs_core.model.execute import Body
from dfs_core.model.policy import Features
from dfs_core.model.pooling import nothing, pooled
from dfs_core.model.utilities import mean_and_spread

SOURCES = tuple(Path(__file__).with_name(name) for name in ("native.cpp", "gates.cpp"))
FLAGS = ("-O3", "-march=native", "-std=c++17", "-fopenmp-simd", "-shared", "-fPIC", "-w")
COMPILERS = ("c++", "g++", "clang++")
TIMEOUT = 120  # seconds for the compiler
INT8, BF16, FLOAT = range(3)  # as in the source
BYTES = (1, 2, 4)
SHIFT = 128  # added to signed levels
LANE, WIDTH = 4, 16  # bytes of a lane; outputs and lanes of a tile
FEW = 4  # images of which a second thread gets none
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


def library(wait: bool = True) -> ctypes.CDLL | None:
    """The source, built for this processor; None where it cannot be built.

    Args:
        wait: build it if need be, which takes some seconds. Without, it is built in the background, and the answer is
            None until then.
    """
    target = _target()
    if target is None:
        return None
    if not (wait or target.exists()):
        _build_meanwhile()
        return None
    return _built()


@cache
def _target() -> Path | None:
    """Where the built library lies; None on machines where it cannot be built."""
    if platform.system() != "Linux" or platform.machine() != "x86_64" or _compiler() is None:
        return None
    with_what = map(str.encode, (*FLAGS, str(_compiler()), cpu_facts().get("flags", "")))
    about = (*(source.read_bytes() for source in SOURCES), *with_what)
    folder = cache_folder()
    return None if folder is None else folder / f"{hashlib.sha256(b'|'.join(about)).hexdigest()[:16]}.so"


@cache
def _compiler() -> str | None:
    return next(filter(None, map(shutil.which, COMPILERS)), None)


@cache
def _built() -> ctypes.CDLL | None:
    target = _target()
    assert target is not None
    try:
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as work:
                made = Path(work, target.name)
                command = [str(_compiler()), *FLAGS, *map(str, SOURCES), "-o", str(made)]
                subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT)
                made.replace(target)  # in one step: another process may build it too
        found = ctypes.CDLL(str(target))
    except (OSError, subprocess.SubprocessError):  # no room, no rights, or no AVX-512 VNNI here
        return None
    found.switch_amx(1)
    return found


@cache
def _build_meanwhile() -> None:
    threading.Thread(target=_built, name="engine-build", daemon=True).start()


class NativeConv:
    """A convolution as the source takes it. It holds the memory that its structure points to."""

    def __init__(self, conv: CompiledConv, real: torch.dtype) -> None:
        outputs, inputs, kernel, _ = conv.weight.shape
        levels = conv.levels
        kind = INT8 if levels else BF16 if real == torch.bfloat16 else FLOAT
        lane = LANE // BYTES[kind]  # channels of a lane
        padded = -(-inputs // lane) * lane
        lanes = kernel * padded // lane
        tile_lanes = -(-lanes // WIDTH) * WIDTH
        zero = SHIFT if levels and levels.low < 0 else 0
        self.scale, self.bias = conv.scale.contiguous(), conv.bias.contiguous()
        if zero:  # the kernels see x + zero
            self.bias = self.bias - zero * conv.scale * conv.weight.sum(dim=(1, 2, 3))
        # (O, I, k, k) -> [outputs / 16][kernel row][lane][16 outputs][channels of a lane]
        rows = F.pad(conv.weight.permute(0, 2, 3, 1), (0, padded - inputs)).flatten(2)
        rows = F.pad(rows, (0, tile_lanes * lane - rows.shape[2]))
        tiles = rows.view(outputs // WIDTH, WIDTH, kernel, tile_lanes, lane).permute(0, 2, 3, 1, 4)
        self.weights = tiles.to((torch.int8, torch.bfloat16, torch.float32)[kind]).contiguous()
        sizes = kind, inputs, padded, outputs, kernel, conv.stride, conv.padding, zero, lanes, tile_lanes
        rounding = (levels.step, levels.low, levels.high) if levels else (1.0, 0.0, 0.0)
        self.struct = ConvStruct(
            *sizes, *rounding, *(part.data_ptr() for part in (self.weights, self.scale, self.bias))
        )
        self.out_size = conv.out_size


def _convolve(built: ctypes.CDLL, conv: NativeConv, x: Tensor) -> Tensor:
    """max(y, 0) of one convolution: x (N, H, W, C) float32 -> (N, H', W', C')."""
    n, height, width, _ = x.shape
    out = x.new_empty(n, conv.out_size(height), conv.out_size(width), conv.struct.outputs)
    struct = ctypes.byref(conv.struct)
    _in_threads(n, lambda part, parts: built.run_conv(
        struct, _start(x), _start(out), ctypes.c_int64(n), height, width, part, parts
    ))  # fmt: skip
    return out


class NativeForms:
    """A block under each option, as the source takes it."""

    def __init__(self, forms: tuple[CompiledBlock, ...], real: torch.dtype) -> None:
        self.kept: list[object] = []
        structs = []
        for form in forms:
            convs = [NativeConv(conv, real) for conv in form.convs]
            shortcut = None if form.shortcut is None else NativeConv(form.shortcut, real)
            array = (ConvStruct * len(convs))(*(conv.struct for conv in convs))
            structs.append(FormStruct(len(convs), array, ctypes.pointer(shortcut.struct) if shortcut else None))
            self.kept += [convs, shortcut, array]
        self.structs = (FormStruct * len(structs))(*structs)
        self.in_place = forms[0].shortcut is None


@dataclass(slots=True)
class Stream:
    """The input of a gated block.

    Attributes:
        values: the images, float32 (N, H, W, C), in the batch's order.
        seen: what the policy looks at in them (N, F).
        own: whether they may be overwritten. Those of ``enter`` may not: a cascade's next pass begins with them.
    """

    values: Tensor
    seen: Tensor
    own: bool = True


class NativeEngine(Body):
    """A network's body in C++. Threads can share it."""

    name: Final = "native"

    def __init__(self, net: CompiledNet, built: ctypes.CDLL) -> None:
        self.built, self.pool, self.body, self.layout = built, net.pool, net.body, net.layout
        self.looks, self.policy = LOOKS[net.features], net.policy
        self.gates = gates_of(net.policy, len(net.blocks))
        self.stem = NativeConv(net.stem, net.real)
        self.first = NativeForms((net.first,), net.real)
        self.blocks = [NativeForms(forms, net.real) for forms in net.blocks]

    @staticmethod
    def supports(net: CompiledNet, built: ctypes.CDLL) -> bool:
        """Whether the source can run a network: all channels but those of the image come in sixteens."""
        forms = [net.first, *(form for forms in net.blocks for form in forms)]
        convs = [net.stem, *(conv for form in forms for conv in form.convs)]
        in_sixteens = all(len(conv.weight) % WIDTH == 0 for conv in convs)
        return in_sixteens and net.features in LOOKS and (net.real != torch.bfloat16 or bool(built.has_bf16()))

    def enter(self, images: Tensor) -> Tensor:
        """As in ``Body``."""
        out = _convolve(self.built, self.stem, images.float().permute(0, 2, 3, 1).contiguous())
        if len(self.pool):
            out = self.pool(out.permute(0, 3, 1, 2)).permute(0, 2, 3, 1).contiguous()
        return self._run(self.first, 0, Stream(out, out), torch.zeros(len(out), dtype=torch.int64), 0).values.permute(
            0, 3, 1, 2
        )

    def see(self, look: Callable[[Tensor], Tensor], x: Tensor | Stream) -> Tensor:
        """As in ``Body``."""
        if isinstance(x, Stream):
            return x.seen
        if not self.looks:
            return look(x)
        n, channels, height, width = x.shape
        rows, seen = x.permute(0, 2, 3, 1).contiguous(), x.new_empty(n, self.looks * channels)
        sizes = height * width, channels, self.looks
        _in_threads(n, lambda part, parts: self.built.run_look(
            _start(rows), _start(seen), ctypes.c_int64(n), *sizes, part, parts
        ))  # fmt: skip
        return seen

    def step(self, policy: Any, index: int, seen: Tensor, state: Any) -> tuple[Tensor, Any]:
        """As in ``Body``, by the policy that was compiled."""
        if self.gates is None:
            return super().step(self.policy, index, seen, state)
        return self.gates[index].step(self.built, seen, state)

    def run(self, index: int, x: Tensor | Stream, decisions: Tensor) -> Stream:
        """As in ``Body``."""
        stream = x if isinstance(x, Stream) else Stream(x.permute(0, 2, 3, 1).contiguous(), x, own=False)
        # The classifier at the end needs the mean of each channel.
        looks = max(self.looks, 1) if index + 1 == len(self.blocks) else self.looks
        return self._run(self.blocks[index], index + 1, stream, decisions.contiguous(), looks)

    def uniform(self, index: int, x: Tensor | Stream, option: int) -> Stream:
        """As in ``Body``."""
        return self.run(index, x, torch.full((x.values if isinstance(x, Stream) else x).shape[:1], option))

    def head(self, x: Stream) -> Tensor:
        """As in ``Body``."""
        return self.body.classifier(x.seen[:, : x.values.shape[3]])

    def _run(self, forms: NativeForms, number: int, x: Stream, decisions: Tensor, looks: int) -> Stream:
        """A block of the layout, counted from 0."""
        shape, values = self.layout.blocks[number], x.values
        n, height, width, inputs = values.shape
        side, channels = shape.convolutions[-1].size, shape.channels
        out = values if x.own and forms.in_place else values.new_empty(n, side, side, channels)
        seen = values.new_empty(n, looks * channels)
        known = looks > 0 and x.seen.shape == seen.shape
        sizes = height, width, inputs, side, side, channels, looks
        given = *map(_start, (decisions, values, out)), _start(x.seen) if known else None, _start(seen)
        _in_threads(n, lambda part, parts: self.built.run_block(
            forms.structs, len(forms.structs), *given, ctypes.c_int64(n), *sizes, part, parts
        ))  # fmt: skip
        return Stream(out, seen)


def _start(x: Tensor) -> ctypes.c_void_p:
    """The address of x, which is contiguous."""
    return ctypes.c_void_p(x.data_ptr())


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="engine")


def _in_threads(n: int, work: Callable[[int, int], object]) -> None:
    """Call ``work(part, parts)`` for each part of n images, as many at a time as PyTorch may use threads."""
    parts = max(1, min(torch.get_num_threads(), n // FEW))
    running = [_pool().submit(work, part, parts) for part in range(1, parts)]
    work(0, parts)
    for part in running:
        part.result()
