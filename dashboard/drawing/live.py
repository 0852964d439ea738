"""What Plotly figures have in common: arrays packed for the way, scales of exact colours, and the bar of controls.

Figures are plain dictionaries here: to build Plotly's own objects would take longer than to draw them. No Streamlit.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

SCALE = 3  # pixels of a downloaded PNG for one of the page's
# Each by name: what Plotly would show by itself includes a way to send the chart to its makers.
_BUTTONS = ("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d")


def packed(values: np.ndarray) -> dict[str, str]:
    """An array of small numbers as Plotly sends it, a byte a cell in base64.

    >>> packed(np.array([[0, 1], [2, 3]], np.uint8))
    {'dtype': 'u1', 'bdata': 'AAECAw==', 'shape': '2, 2'}
    """
    data = base64.b64encode(values.astype(np.uint8).tobytes()).decode()
    return {"dtype": "u1", "bdata": data, "shape": ", ".join(map(str, values.shape))}


def steps(fills: list[str]) -> list[list[Any]]:
    """A scale of exactly these colours: each has a step of its own, and none runs into the next.

    >>> steps(["#000000", "#ffffff"])
    [[0.0, '#000000'], [0.5, '#000000'], [0.5, '#ffffff'], [1.0, '#ffffff']]
    """
    count = len(fills)
    return [[edge / count, fill] for place, fill in enumerate(fills) for edge in (place, place + 1)]


def mode_bar(picture: str = "") -> dict[str, Any]:
    """Plotly's configuration: a bar that is always there, and no way to any other host.

    Args:
        picture: name of the file, without its ending, under which the browser saves what it shows; none where empty.
    """
    buttons = ("toImage", *_BUTTONS) if picture else _BUTTONS
    config: dict[str, Any] = {
        "modeBarButtons": [list(buttons)],
        "displayModeBar": True,
        "displaylogo": False,
        "plotlyServerURL": "",
        "responsive": True,
        "scrollZoom": False,  # the wheel belongs to the page
    }
    if picture:
        config["toImageButtonOptions"] = {"format": "png", "filename": picture, "scale": SCALE}
    return config
