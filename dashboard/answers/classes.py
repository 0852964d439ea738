"""The groups of images in charts by class: a data set's superclasses, or its classes one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboard.answers.naming import class_name
from dfs_core.data.known import KNOWN
from dfs_core.data.superclasses import CIFAR100


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


def groups(classes: Sequence[str], opened: bool = False) -> tuple[Group, ...]:
    """The superclasses, if there are any and they are not opened; else the classes, each a group of its own."""
    if opened or not has_superclasses(classes):
        return tuple(Group(class_name(name), (name,), (label,)) for label, name in enumerate(classes))
    label_of = {name: label for label, name in enumerate(classes)}
    return tuple(Group(name, own, tuple(label_of[one] for one in own)) for name, own in CIFAR100.items())
