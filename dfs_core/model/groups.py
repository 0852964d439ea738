"""A batch sorted by decision, so that the images of each option are adjacent."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfs_core.model.options import Option


@dataclass(frozen=True, slots=True)
class Groups:
    """The options of the images of a sorted batch.

    Attributes:
        counts: number of images for each option in use, cheapest first: the order of the sorted batch.
        rows: the group of each image, counted from 0, (N,).

    >>> groups = Groups({Option.parse("8"): 1, Option.parse("full"): 2}, torch.tensor([0, 1, 1]))
    >>> [part.tolist() for part in groups.split(torch.tensor([10, 11, 12]))]
    [[10], [11, 12]]
    """

    counts: dict[Option, int]
    rows: Tensor

    @classmethod
    def uniform(cls, option: Option, x: Tensor) -> Groups:
        """All images of a batch x (N, ...) under one option."""
        return cls({option: len(x)}, torch.zeros(len(x), dtype=torch.int64, device=x.device))

    def split(self, x: Tensor) -> tuple[Tensor, ...]:
        """The images of each group: x (N, ...) -> one view for each option in use."""
        return x.split(list(self.counts.values())) if len(self.counts) > 1 else (x,)

    def skipped_and_executed(self) -> tuple[Groups | None, Groups | None]:
        """The groups that skip and those that run. Either is None if it has no images."""
        (first, idle), *others = self.counts.items()
        if not first.is_skip:
            return None, self
        if not others:
            return self, None
        rows = self.rows.split([idle, sum(count for _, count in others)])
        return Groups({first: idle}, rows[0]), Groups(dict(others), rows[1] - 1)
