"""Networks: what methods are compared within. A network is an architecture trained on one data set."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from dfs_core.checkpoints.card import Card
from dfs_core.data.known import KNOWN, title_of


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture on a data set.

    Attributes:
        dataset: name of the data set.
        title: of the architecture, with its depth.
        depth: number of weighted layers.
    """

    dataset: str
    title: str
    depth: int

    @classmethod
    def of(cls, card: Card) -> Self:
        """The network of a checkpoint."""
        return cls(card.dataset, card.config.layout.title, card.config.depth)

    @property
    def in_words(self) -> str:
        """Such as ``ResNet-38 on CIFAR-10``."""
        return f"{self.title} on {title_of(self.dataset)}"

    @property
    def key(self) -> str:
        """Its form in links, such as ``resnet-38-cifar10``."""
        return re.sub(r"[\s,]+", "-", f"{self.title}-{self.dataset}").lower()

    @property
    def place(self) -> tuple[int, str, int, str]:
        """Sort key: public data sets as they are listed, then others by name; smaller networks first."""
        known = list(KNOWN)
        rank = known.index(self.dataset) if self.dataset in known else len(known)
        return rank, self.dataset, self.depth, self.title
