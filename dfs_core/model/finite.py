"""A check that all numbers of a network are finite. A diverged network is not saved, published, imported or loaded."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor with an entry that is infinite or not a number; None if all entries are finite.

    >>> import torch
    >>> first_not_finite({"weight": torch.ones(2), "bias": torch.tensor([0.0, float("nan")])})
    'bias'
    """
    return next((name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())), None)
