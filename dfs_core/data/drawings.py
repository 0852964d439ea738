"""The project's own pictures, for a machine without the data sets: drawn by code, at least one per CIFAR-10 class.

They are drawings and are to be labelled as such: a network that was trained on photographs owes them nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfs_core.data.sketch import render
from dfs_core.data.sketches_animals import ANIMALS
from dfs_core.data.sketches_vehicles import VEHICLES


@dataclass(frozen=True, eq=False, slots=True)
class Drawing:
    """A picture with the class that it is meant to show.

    Attributes:
        name: short and unique, fit for a URL.
        label: the CIFAR-10 class.
        image: uint8, (256, 256, 3), RGB.
    """

    name: str
    label: str
    image: np.ndarray


def drawings() -> list[Drawing]:
    """All pictures, vehicles first; the same pixels at every call (about a second: keep the result)."""
    sketches = {**VEHICLES, **ANIMALS}
    return [Drawing(name, label, render(sketch)) for name, (label, sketch) in sketches.items()]
