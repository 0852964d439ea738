"""Quantisers: rounding tensors to b bits in the forward pass, with a useful gradient in the backward pass.

A quantiser belongs to one convolution. Called with the convolution's input, whose images lie sorted by their decisions,
and with its weight, it gives the input and the weight of each group as that group's option rounds them.
"""

from __future__ import annotations

from dfs_core.model.lsq import LearnedStepQuantiser
from dfs_core.model.minmax import MinMaxQuantiser

Quantiser = MinMaxQuantiser | LearnedStepQuantiser
QUANTISERS: dict[str, type[Quantiser]] = {
    "minmax": MinMaxQuantiser,
    "lsq": LearnedStepQuantiser,
}
