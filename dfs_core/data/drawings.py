"""The project's own SVG pictures, at least one for each CIFAR-10 class, for machines without the data sets.

Label them as drawings wherever they are shown: the networks were trained on photographs, so accuracy on drawings means
nothing.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_FOLDER = Path(__file__).with_name("drawn")
LABELS = {  # file name -> the CIFAR-10 class that it shows, in gallery order
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
    """A picture and the class that it shows.

    Attributes:
        name: short, unique and usable in a URL.
        label: the CIFAR-10 class.
        image: uint8, (256, 256, 3), RGB.
    """

    name: str
    label: str
    image: np.ndarray


def drawings() -> list[Drawing]:
    """All pictures, with the same pixels at every call. A call takes about a second, so keep the result."""
    return [Drawing(name, label, _drawn(_FOLDER / f"{name}.svg")) for name, label in LABELS.items()]


def _drawn(path: Path) -> np.ndarray:
    import vl_convert  # imported here because only this function needs it

    png = vl_convert.svg_to_png(path.read_text(encoding="utf-8"), scale=1.0)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGB"))
