"""The groups of images in charts by class: a data set's superclasses, or its classes one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from dashboard.answers.naming import class_name
from dfs_core.data.known import KNOWN
from dfs_core.data.superclasses import CIFAR100

MOST = 100  # classes for which a chart has room
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Group:
    """Images of one class, or of a superclass.

    Attributes:
        name: of the class or superclass.
        classes: names of its classes.
        labels: their labels.
    """

    name: str
    classes: tuple[str, ...]
    labels: tuple[int, ...]

    def among(self, labels: np.ndarray) -> np.ndarray:
        """Which of the labels belong to the group, as a mask."""
        return np.isin(labels, self.labels)


def has_superclasses(classes: Sequence[str]) -> bool:
    """Whether these are the classes of a data set with superclasses."""
    return tuple(classes) == KNOWN["cifar100"].classes


def word(shown: Sequence[Group]) -> str:
    """What the groups are, in one word: ``superclass`` or ``class``."""
    return "superclass" if any(len(group.classes) > 1 for group in shown) else "class"


def words(shown: Sequence[Group]) -> str:
    """The same for several."""
    return f"{word(shown)}es"


def group_numbers(labels: np.ndarray, shown: Sequence[Group]) -> np.ndarray:
    """For each label the place of its group in ``shown``, int64 (n,); each label is in one group."""
    numbers = np.empty(sum(len(group.labels) for group in shown), np.int64)
    for place, group in enumerate(shown):
        numbers[list(group.labels)] = place
    return numbers[labels]


def ends(rows: Sequence[Row]) -> Sequence[Row]:
    """The rows, one for each class, that a chart has room for: of more than ``MOST``, those at both ends."""
    return rows if len(rows) <= MOST else [*rows[: MOST // 2], *rows[-(MOST // 2) :]]


def largest(weights: Mapping[str, float]) -> tuple[str, ...]:
    """The names that a chart has room for: of more than ``MOST``, those with the largest weights, in their order."""
    kept = set(sorted(weights, key=lambda name: -weights[name])[:MOST])
    return tuple(name for name in weights if name in kept)


def left_out(count: int, kept: str) -> str:
    """The end of a caption: which of ``count`` classes the chart has, ``kept`` in words; empty if it has all.

    >>> left_out(1000, "the cheapest and the dearest")
    ' The chart has 100 of 1,000 classes, the cheapest and the dearest; the table has all.'
    """
    return f" The chart has {MOST} of {count:,} classes, {kept}; the table has all." if count > MOST else ""


def groups(classes: Sequence[str], opened: bool = False) -> tuple[Group, ...]:
    """The superclasses, if there are any and they are not opened; else the classes, each a group of its own."""
    if opened or not has_superclasses(classes):
        return tuple(Group(class_name(name), (name,), (label,)) for label, name in enumerate(classes))
    label_of = {name: label for label, name in enumerate(classes)}
    return tuple(Group(name, own, tuple(label_of[one] for one in own)) for name, own in CIFAR100.items())
