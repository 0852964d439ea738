"""The learned-step quantiser's arithmetic: plain, and fused into one pass each way by torch.compile.

In a training step of mixed bit widths most of what quantising costs is memory traffic: the plain version goes through
the activations a dozen times. Compiling needs a C++ compiler (on a GPU, Triton); without one training is only slower.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Kernels(NamedTuple):
    """Both passes of the quantiser, on tensors of any shape.

    Attributes:
        forward: (x, step, bounds) -> rounded x, of x's type.
        backward: (grad, x, step, bounds) -> gradient of x, of grad's type, and of the step before scaling, (1,).
    """

    forward: Callable[[Tensor, Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def _forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    # In float32 throughout, as bf16 has too few digits to count to 2^b - 1.
    return ((x.float() / step).clamp(bounds[0], bounds[1]).round() * step).to(x.dtype)


def _backward(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    level = x.float() / step
    inside = (level >= bounds[0]) & (level <= bounds[1])
    clamped = level.clamp(bounds[0], bounds[1])
    wide = grad.float()
    towards_step = torch.where(inside, level.round() - level, clamped)
    return torch.where(inside, wide, 0.0).to(grad.dtype), (wide * towards_step).sum().reshape(1)


PLAIN = Kernels(_forward, _backward)


@functools.cache
def fused() -> Kernels:
    """The same, compiled; the plain ones, with a warning, on a machine that cannot compile."""
    kernels = Kernels(torch.compile(_forward, dynamic=True), torch.compile(_backward, dynamic=True))
    x, step, bounds = torch.rand(64), torch.ones(1), torch.tensor([0.0, 3.0])
    try:
        kernels.backward(kernels.forward(x, step, bounds), x, step, bounds)
    except Exception as error:  # compilers fail in many ways, and every one of them has the same cure
        reason = str(error).strip().splitlines()
        warnings.warn(
            f"training goes on without compiled quantisers, slower: {reason[0] if reason else error}", stacklevel=2
        )
        return PLAIN
    return kernels


def use_fused(model: nn.Module) -> None:
    """Give a model's quantisers the compiled kernels; the first call on a machine takes some ten seconds."""
    for module in model.modules():
        if hasattr(module, "kernels"):
            module.kernels = fused()
