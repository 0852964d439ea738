"""The precision of a training step: bf16 if the machine has it in hardware, else float32; and that of kept weights."""

from __future__ import annotations

import platform
from typing import Literal

import torch
from torch import Tensor, nn

from dfs_core.machine import cpu_facts
from dfs_core.model.lsq import LearnedStep

BYTE = 8  # bits

Precision = Literal["auto", "bf16", "fp32"]


def has_bf16(device: torch.device) -> bool:
    """Whether the device has bf16 in hardware. Emulated bf16 is about ten times slower than float32."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu" or not torch.backends.mkldnn.is_available():
        return False
    flags = set(cpu_facts().get("flags", "").split())
    emulated = bool(flags) and not flags & {"avx512_bf16", "amx_bf16"}  # oneDNN counts AVX-512 that emulates it, too
    if not flags and platform.machine().lower() in ("amd64", "x86_64"):  # Windows tells no flags
        emulated = not (torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    return not emulated and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def resolve(precision: Precision, device: torch.device) -> Precision:
    """Replace ``auto`` by ``bf16`` or ``fp32``, whichever suits this device."""
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "fp32"


@torch.no_grad()
def round_to_half(body: nn.Module) -> None:
    """Round the weights of convolutions and linear layers to half precision, in place.

    So a checkpoint keeps them in 16 bits, and what is measured afterwards is measured with what is kept. Batch norms,
    biases and quantiser steps are few, and stay as they are.
    """
    for parameter in body.parameters():
        if parameter.ndim > 1:
            parameter.copy_(parameter.half())


@torch.no_grad()
def round_to_bytes(body: nn.Module) -> None:
    """Round the weights of a network that runs each layer at one number of bits, in place, so that a byte holds each.

    Every weight rounds to the same level as before, so the network computes the same. There are 256 values, a level's
    own in equal steps around it: whoever trains on starts close to where training ended. Layers in full precision, and
    layers for several numbers of bits, stay as they are.
    """
    for module in body.modules():
        own, weight = list(getattr(module, "quantisers", {}).values()), getattr(module, "weight", None)
        if len(own) == 1 and isinstance(own[0], LearnedStep) and own[0].bits <= BYTE and weight is not None:
            weight.copy_(_in_bytes(weight, own[0]))


def _in_bytes(weight: Tensor, rounding: LearnedStep) -> Tensor:
    """The weight in whole multiples of ``unit_of`` its step, none of them halfway between two levels."""
    fine, step = 2 ** (BYTE - rounding.bits), rounding.weight_step
    levels = (weight / step).round().clamp(*rounding.weight_bounds[0].tolist()) * fine
    aside = max(fine // 2 - 1, 0)
    wholes = (weight / step * fine).round().clamp(levels - aside, levels + aside).clamp(-128, 127)
    return wholes * unit_of(step, rounding.bits)


def unit_of(step: Tensor, bits: int) -> Tensor:
    """The unit of weights that are kept in a byte: the step, divided so that 256 units span all levels of ``bits``."""
    return step / 2 ** (BYTE - bits)
