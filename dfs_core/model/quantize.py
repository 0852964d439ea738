"""Quantisers by name. They round tensors to b bits forward and pass a useful gradient backward (method section 4).

Each convolution has its own quantiser. It takes the convolution's weight and its input, whose images are sorted by
decision. For each group of images it returns the input and the weight as the group's option rounds them.
"""

from __future__ import annotations

from dfs_core.model.lsq import LearnedStepQuantiser
from dfs_core.model.minmax import MinMaxQuantiser

Quantiser = MinMaxQuantiser | LearnedStepQuantiser
QUANTISERS: dict[str, type[Quantiser]] = {
    "minmax": MinMaxQuantiser,
    "lsq": LearnedStepQuantiser,
}
