"""The arithmetic of the learned-step quantiser: plain, or fused by torch.compile into one pass each way.

Memory traffic dominates the time of quantising in training: the plain version reads the activations a dozen times.
Fusing needs a C++ compiler, or Triton on a GPU. Without one, training is slower but gives the same result.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

# More combinations of types, offsets and strides than occur. PyTorch stops compiling at its default limit of 8.
VARIANTS = 32


class Kernels(NamedTuple):
    """Both passes of the quantiser on tensors (R, ...). Each row has its own step (R,) and bounds (R, 2).

    Attributes:
        forward: (x, step, bounds) -> rounded x, of x's type.
        backward: (grad, x, step, bounds) -> unscaled gradient of the steps, (R,). It overwrites ``grad`` with the
            gradient of x.
    """

    forward: Callable[[Tensor, Tensor, Tensor], Tensor]
    backward: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


def _columns(step: Tensor, bounds: Tensor, dims: int) -> tuple[Tensor, Tensor, Tensor]:
    """Step, lowest and highest level of each row, shaped to broadcast against a tensor of ``dims`` dimensions."""
    shape = (-1,) + (1,) * (dims - 1)
    return step.view(shape), bounds[:, 0].view(shape), bounds[:, 1].view(shape)


def _forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
    step, low, high = _columns(step, bounds, x.ndim)
    # bf16 has too few digits to count to 2^b - 1, so this runs in float32. Clamping one bound at a time takes a third
    # of the time: PyTorch does not vectorise a clamp by two tensors.
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
    """A module that rounds with exchangeable kernels."""

    kernels: Kernels


def _strides(x: Tensor) -> tuple[int, ...]:
    """The strides of a gapless tensor (R, ...) whose rows have the memory layout of the rows of x."""
    return (x.numel() // len(x), *x.stride()[1:])


def _rows(x: Tensor) -> Tensor:
    """The memory of a tensor of dense rows as (R, M), without autograd history: one compilation serves all shapes."""
    return torch.empty(0, dtype=x.dtype, device=x.device).set_(
        x.untyped_storage(), x.storage_offset(), (len(x), x.numel() // len(x)), (x.stride(0), 1)
    )


@functools.cache
def fused(device: str) -> Kernels:
    """The compiled kernels for ``cpu`` or ``cuda``. If compiling fails, warn and return the plain kernels."""
    config = torch._dynamo.config
    config.recompile_limit = max(VARIANTS, config.recompile_limit)
    quick = functools.partial(torch.compile, dynamic=True)
    compiled = Kernels(quick(_forward), quick(_backward))

    def forward(x: Tensor, step: Tensor, bounds: Tensor) -> Tensor:
        if len(x) == 1:  # torch.compile would specialise, and compile once more, for a single row
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
    except Exception as error:  # compilers fail in many ways; the plain kernels replace them all
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        warnings.warn(f"the quantisers cannot be compiled, so training is slower: {reason}", stacklevel=2)
        return PLAIN
    return Kernels(forward, backward)


def use_fused(model: nn.Module) -> None:
    """Make a model's quantisers use the compiled kernels. The first call on a machine takes about ten seconds."""
    device = next(model.parameters()).device.type
    for module in model.modules():
        if isinstance(module, UsesKernels):
            module.kernels = fused(device)
