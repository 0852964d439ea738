"""Policies' gates as C++ takes them (``gates.cpp``): the same scores as ``Policy.step``."""

from __future__ import annotations

import ctypes
import math
from typing import Final, cast

import torch
from torch import Tensor, nn

from dfs_core.model.confidence import STRENGTH, ConfidencePolicy
from dfs_core.model.policy import Policy, RecurrentPolicy
from dfs_core.model.utilities import UtilityPolicy


class LinearStruct(ctypes.Structure):
    """``struct Linear`` of the source."""

    _fields_ = (
        *((name, ctypes.c_int32) for name in ("inputs", "outputs")),
        *((name, ctypes.c_void_p) for name in ("weight", "bias")),
    )


class MemoryStruct(ctypes.Structure):
    """``struct MemoryGate`` of the source."""

    _fields_ = (
        *((name, LinearStruct) for name in ("embed", "lstm", "out")),
        *((name, ctypes.c_int32) for name in ("valued", "options")),
        ("roots", ctypes.c_void_p),
    )


class DoubtStruct(ctypes.Structure):
    """``struct DoubtGate`` of the source."""

    _fields_ = (
        ("answer", LinearStruct),
        *((name, ctypes.c_int32) for name in ("options", "first")),
        *((name, ctypes.c_float) for name in ("usual", "inverse", "strength", "most")),
        ("roots", ctypes.c_void_p),
    )


class Linear:
    """A linear layer as the source takes it. It holds the memory that its structure points to."""

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        self.weight, self.bias = _copy(weight.T), _copy(bias)
        self.struct = LinearStruct(*self.weight.shape, self.weight.data_ptr(), self.bias.data_ptr())


def _copy(x: Tensor) -> Tensor:
    return x.detach().float().clone(memory_format=torch.contiguous_format)


def _behind_norm(norm: nn.LayerNorm, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A linear layer that takes what the norm only standardises: its factors and shifts are in the weights."""
    return weight * norm.weight, bias + weight @ norm.bias


class MemoryGate:
    """One block's gate of ``RecurrentPolicy`` or ``UtilityPolicy``.

    Attributes:
        kind: as in ``enum Gates`` of the source.
        kept: numbers that it keeps of an image: those of a hidden state.
    """

    kind: Final = 1

    def __init__(self, policy: RecurrentPolicy | UtilityPolicy, block: int) -> None:
        lstm, embed = policy.lstm, cast(nn.Linear, policy.embeddings[block])
        weight, bias = lstm.weight_ih, lstm.bias_ih + lstm.bias_hh
        self.roots: Tensor | None = None
        if isinstance(policy, UtilityPolicy):
            out, width = policy.to_own, embed.out_features
            own, bias = _behind_norm(policy.norm, weight[:, :width], bias)
            weight = torch.cat([own, weight[:, width:]], dim=1)
            self.roots = _copy(policy.coefficients[block])
        else:
            out = policy.to_options
        self.layers = (
            Linear(embed.weight, embed.bias),
            Linear(torch.cat([weight, lstm.weight_hh], dim=1), bias),
            Linear(out.weight, out.bias),
        )
        self.kept = lstm.hidden_size
        roots = None if self.roots is None else self.roots.data_ptr()
        valued = int(self.roots is not None)
        self.struct = MemoryStruct(*(one.struct for one in self.layers), valued, out.out_features, roots)


class DoubtGate:
    """One block's gate of ``ConfidencePolicy``.

    Attributes:
        kind: as in ``enum Gates`` of the source.
        kept: numbers that it keeps of an image: its classifier's answers.
    """

    kind: Final = 2

    def __init__(self, policy: ConfidencePolicy, block: int) -> None:
        norm, answer = cast(nn.LayerNorm, policy.norms[block]), cast(nn.Linear, policy.answers[block])
        usual = cast(nn.BatchNorm1d, policy.usual[block])
        mean, variance = float(cast(Tensor, usual.running_mean)), float(cast(Tensor, usual.running_var))
        self.answer = Linear(*_behind_norm(norm, answer.weight, answer.bias))
        self.roots = _copy(policy.coefficients[block])
        self.kept = answer.out_features
        numbers = mean, (variance + usual.eps) ** -0.5, STRENGTH * (1 - mean), math.log(self.kept)
        options, roots = len(self.roots) + 1, self.roots.data_ptr()
        self.struct = DoubtStruct(self.answer.struct, options, policy.run_steps, *numbers, roots)


def gates_of(policy: Policy | nn.Module, blocks: int) -> list[MemoryGate] | list[DoubtGate] | None:
    """The gates of a policy before each block; None of a policy that has none in the source."""
    with torch.no_grad():
        # A class that is made from one of these may decide otherwise.
        if type(policy) is RecurrentPolicy or type(policy) is UtilityPolicy:
            return [MemoryGate(policy, block) for block in range(blocks)]
        if type(policy) is ConfidencePolicy:
            return [DoubtGate(policy, block) for block in range(blocks)]
    return None
