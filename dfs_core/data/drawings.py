"""The project's own SVG pictures, for machines without the data sets: each CIFAR-10 class, each CIFAR-100 superclass.

Label them as drawings wherever they are shown: the networks were trained on photographs, so accuracy on drawings means
nothing. Those for CIFAR-100 were even drawn with a network's answers at hand.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

_FOLDER = Path(__file__).with_name("drawn")
USUAL = "cifar10"  # its drawings stand in for those of a data set that has none
LABELS = {  # data set -> file name -> the class that it shows, in gallery order
    "cifar10": {
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
    },
    "cifar100": {  # one for each superclass, in the order of superclasses.py
        "dolphin": "dolphin",
        "shark": "shark",
        "sunflower": "sunflower",
        "bottle": "bottle",
        "apple": "apple",
        "clock": "clock",
        "chair": "chair",
        "butterfly": "butterfly",
        "lion": "lion",
        "bridge": "bridge",
        "mountain": "mountain",
        "elephant": "elephant",
        "fox": "fox",
        "crab": "crab",
        "boy": "boy",
        "turtle": "turtle",
        "rabbit": "rabbit",
        "palm-tree": "palm_tree",
        "bus": "bus",
        "rocket": "rocket",
    },
}


@dataclass(frozen=True, eq=False, slots=True)
class Drawing:
    """A picture and the class that it shows.

    Attributes:
        name: short, unique and usable in a URL.
        label: the class.
        image: uint8, (256, 256, 3), RGB.
    """

    name: str
    label: str
    image: np.ndarray


def drawings(dataset: str = USUAL) -> list[Drawing]:
    """The pictures of a data set's classes, with the same pixels at every call.

    A call takes about a second, so keep the result.

    Args:
        dataset: name of the data set. One without drawings gets those of CIFAR-10.
    """
    place = dataset if dataset in LABELS else USUAL
    return [Drawing(name, label, _drawn(_FOLDER / place / f"{name}.svg")) for name, label in LABELS[place].items()]


def _drawn(path: Path) -> np.ndarray:
    import vl_convert  # imported here because only this function needs it

    png = vl_convert.svg_to_png(path.read_text(encoding="utf-8"), scale=1.0)
    with Image.open(io.BytesIO(png)) as image:
        return np.array(image.convert("RGB"))
