"""The precision of a training step: bf16 if the machine has it in hardware, else float32; and that of kept weights."""

from __future__ import annotations

import platform
from typing import Literal

import torch
from torch import nn

from dfs_core.machine import cpu_facts

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
