"""The project's own pictures, for a machine without the data sets: at least one per CIFAR-10 class, as SVG.

They are drawings and are to be labelled as such: a network that was trained on photographs owes them nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_FOLDER = Path(__file__).with_name("drawn")
LABELS = {  # name of the file -> the CIFAR-10 class that it shows, in the order of a gallery
    "airplane": "airplane",
    "automobile": "automobile",
    "taxi": "automobile",
    "ship": "ship",
    "sailing-boat": "ship",
    "truck": "truck",
    "bird": "bird",
    "gull": "bird",
    "cat": "cat",
    "grey-cat": "cat",
    "deer": "deer",
    "dog": "dog",
    "frog": "frog",
    "horse": "horse",
}


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
    """All pictures; the same pixels at every call (about a second: keep the result)."""
    return [Drawing(name, label, _drawn(_FOLDER / f"{name}.svg")) for name, label in LABELS.items()]


def _drawn(path: Path) -> np.ndarray:
    import vl_convert  # needed for this alone

    png = vl_convert.svg_to_png(path.read_text(encoding="utf-8"), scale=1.0)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGB"))
