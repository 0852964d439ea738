"""The learned-step quantiser's arithmetic: plain, and fused into one pass each way by torch.compile.

In a training step of mixed bit widths most of what quantising costs is memory traffic: the plain version goes through
the activations a dozen times. Compiling needs a C++ compiler (on a GPU, Triton); without one training is only slower.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn


class Kernels(NamedTuple):
    """Both passes of the quantiser, on tensors of any shape.

    Attributes:
        forward: (x, step, bounds) -> rounded x, of x's type.
        backward: (grad, x, step, bounds) -> gradient of x, of grad's type, and of the step before scaling, (1,).
        backward_fixed: (grad, x, step, bounds) -> gradient of x alone, for a step that does not learn.
    """

    forward: Callable[[Tensor, Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
    backward_fixed: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    # In float32 throughout, as bf16 has too few digits to count to 2^b - 1.
    return (x.float() / step).clamp_(bounds[0], bounds[1]).round_().mul_(step).to(x.dtype)


def _backward(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
    level = x.float() / step
    inside = (level >= bounds[0]) & (level <= bounds[1])
    clamped = level.clamp(bounds[0], bounds[1])
    wide = grad.float()
    towards_step = torch.where(inside, level.round() - level, clamped)
    return torch.where(inside, wide, 0.0).to(grad.dtype), (wide * towards_step).sum().reshape(1)


def _backward_fixed(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    level = x.float() / step
    return torch.where((level >= bounds[0]) & (level <= bounds[1]), grad, 0.0)


PLAIN = Kernels(_forward, _backward, _backward_fixed)


@runtime_checkable
class UsesKernels(Protocol):
    """A module that rounds with the kernels that it is given."""

    kernels: Kernels


def _row(x: Tensor) -> Tensor:
    """The memory of a dense tensor as one row with neither shape nor history, so that one compilation serves all."""
    return torch.empty(0, dtype=x.dtype, device=x.device).set_(
        x.untyped_storage(), x.storage_offset(), (x.numel(),), (1,)
    )


def _laid_out_as(x: Tensor, grad: Tensor) -> Tensor:
    return grad if grad.stride() == x.stride() else torch.empty_like(x, dtype=grad.dtype).copy_(grad)


@functools.cache
def fused(device: str) -> Kernels:
    """The same, compiled; the plain ones, with a warning, where nothing can be compiled for ``cpu`` or ``cuda``."""
    quick = functools.partial(torch.compile, dynamic=True)
    compiled = Kernels(quick(_forward), quick(_backward), quick(_backward_fixed))

    def forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
        return compiled.forward(_row(x), step.detach(), bounds).as_strided(x.shape, x.stride())

    def backward(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> tuple[Tensor, Tensor]:
        grad_x, grad_step = compiled.backward(_row(_laid_out_as(x, grad)), _row(x), step.detach(), bounds)
        return grad_x.as_strided(x.shape, x.stride()), grad_step

    def backward_fixed(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
        grad_x = compiled.backward_fixed(_row(_laid_out_as(x, grad)), _row(x), step.detach(), bounds)
        return grad_x.as_strided(x.shape, x.stride())

    x, step, bounds = (torch.tensor(values, device=device) for values in ([0.5] * 64, [1.0], [0.0, 3.0]))
    try:
        with torch.no_grad():
            backward(forward(x, step, bounds), x, step, bounds)
            backward_fixed(x, x, step, bounds)
    except Exception as error:  # compilers fail in many ways, and every one of them has the same cure
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        warnings.warn(f"training goes on without compiled quantisers, slower: {reason}", stacklevel=2)
        return PLAIN
    return Kernels(forward, backward, backward_fixed)


def use_fused(model: nn.Module) -> None:
    """Give a model's quantisers the compiled kernels; the first call on a machine takes some ten seconds."""
    device = next(model.parameters()).device.type
    for module in model.modules():
        if isinstance(module, UsesKernels):
            module.kernels = fused(device)
