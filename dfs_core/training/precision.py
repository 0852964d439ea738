"""What a training step computes in: bf16 where the machine has arithmetic for it, else float32."""

from __future__ import annotations

from typing import Literal

import torch

Precision = Literal["auto", "bf16", "fp32"]


def has_bf16(device: torch.device) -> bool:
    """Whether bf16 is faster than float32 there. Emulated, as on a CPU without AVX-512, it is some ten times slower."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    on_cpu = device.type == "cpu" and torch.backends.mkldnn.is_available()
    return on_cpu and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def resolve(precision: Precision, device: torch.device) -> Precision:
    """``bf16`` or ``fp32``: what ``auto`` means on this device; the others mean what they say."""
    if precision != "auto":
        return precision
    return "bf16" if has_bf16(device) else "fp32"
