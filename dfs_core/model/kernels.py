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

VARIANTS = (
    32  # of types, offsets and strides, more than there are; PyTorch's own limit of 8 would fall back to plain ones
)


class Kernels(NamedTuple):
    """Both passes of the quantiser, on tensors (R, ...) each row of which has a step (R,) and bounds (R, 2) of its own.

    Attributes:
        forward: (x, step, bounds) -> rounded x, of x's type.
        backward: (grad, x, step, bounds) -> gradient of the steps before scaling, (R,); ``grad`` is overwritten with
            that of x.
    """

    forward: Callable[[Tensor, Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _columns(step: Tensor, bounds: Tensor, dims: int) -> tuple[Tensor, Tensor, Tensor]:
    """Step, lowest and highest level of each row, shaped so that they meet a tensor of ``dims`` dimensions."""
    shape = (-1,) + (1,) * (dims - 1)
    return step.view(shape), bounds[:, 0].view(shape), bounds[:, 1].view(shape)


def _forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    step, low, high = _columns(step, bounds, x.ndim)
    # In float32 throughout, as bf16 has too few digits to count to 2^b - 1. Two bounds one by one take a third of the
    # time of both at once, which PyTorch does not vectorise.
    return (x.float() / step).clamp_min_(low).clamp_max_(high).round_().mul_(step).to(x.dtype)


def _backward(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    step, low, high = _columns(step, bounds, x.ndim)
    level = x.float() / step
    inside = (level >= low) & (level <= high)
    clamped = level.clamp_min(low).clamp_max(high)
    towards_step = torch.where(inside, level.round() - level, clamped) * grad
    grad.copy_(torch.where(inside, grad, 0.0))
    return towards_step.flatten(1).sum(dim=1)


PLAIN = Kernels(_forward, _backward)


@runtime_checkable
class UsesKernels(Protocol):
    """A module that rounds with the kernels that it is given."""

    kernels: Kernels


def _strides(x: Tensor) -> tuple[int, ...]:
    """The strides of a tensor (R, ...) with rows laid out as x's are, one after the other."""
    return (x.numel() // len(x), *x.stride()[1:])


def _rows(x: Tensor) -> Tensor:
    """The memory of a tensor of dense rows as (R, M) with neither shape nor history: one compilation serves all."""
    return torch.empty(0, dtype=x.dtype, device=x.device).set_(
        x.untyped_storage(), x.storage_offset(), (len(x), x.numel() // len(x)), (x.stride(0), 1)
    )


@functools.cache
def fused(device: str) -> Kernels:
    """The same, compiled; the plain ones, with a warning, where nothing can be compiled for ``cpu`` or ``cuda``."""
    config = torch._dynamo.config
    config.recompile_limit = max(VARIANTS, config.recompile_limit)
    quick = functools.partial(torch.compile, dynamic=True)
    compiled = Kernels(quick(_forward), quick(_backward))

    def forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
        if len(x) == 1:  # would be compiled once more, for a single image or weight
            return PLAIN.forward(x, step, bounds)
        return compiled.forward(_rows(x), step, bounds).as_strided(x.shape, _strides(x))

    def backward(grad: Tensor, x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
        if len(x) == 1:
            return PLAIN.backward(grad, x, step, bounds)
        return compiled.backward(_rows(grad), _rows(x), step, bounds)

    x, step, bounds = (torch.ones(shape, device=device) for shape in ((3, 64), (3,), (3, 2)))
    try:
        with torch.no_grad():
            backward(forward(x, step, bounds), x, step, bounds)
    except Exception as error:  # compilers fail in many ways, and every one of them has the same cure
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        warnings.warn(f"training goes on without compiled quantisers, slower: {reason}", stacklevel=2)
        return PLAIN
    return Kernels(forward, backward)


def use_fused(model: nn.Module) -> None:
    """Give a model's quantisers the compiled kernels; the first call on a machine takes some ten seconds."""
    device = next(model.parameters()).device.type
    for module in model.modules():
        if isinstance(module, UsesKernels):
            module.kernels = fused(device)
