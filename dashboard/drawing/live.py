"""Shared parts of Plotly figures: packed arrays, stepped colour scales, and the mode bar.

Figures are plain dictionaries, because building Plotly's objects takes longer than drawing them.
"""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

SCALE = 3  # pixels of a downloaded PNG for each pixel of the page
# Listed one by one, because Plotly's default includes a button that uploads the chart to its makers.
_BUTTONS = ("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d")


def packed(values: np.ndarray) -> dict[str, str]:
    """An array of numbers from 0 to 255 in Plotly's base64 form, one byte a cell.

    >>> packed(np.array([[0, 1], [2, 3]], np.uint8))
    {'dtype': 'u1', 'bdata': 'AAECAw==', 'shape': '2, 2'}
    """
    data = base64.b64encode(values.astype(np.uint8).tobytes()).decode()
    return {"dtype": "u1", "bdata": data, "shape": ", ".join(map(str, values.shape))}


def steps(fills: list[str]) -> list[list[Any]]:
    """A Plotly colour scale with one step for each colour and no transitions.

    >>> steps(["#000000", "#ffffff"])
    [[0.0, '#000000'], [0.5, '#000000'], [0.5, '#ffffff'], [1.0, '#ffffff']]
    """
    count = len(fills)
    return [[edge / count, fill] for place, fill in enumerate(fills) for edge in (place, place + 1)]


def mode_bar(picture: str = "") -> dict[str, Any]:
    """Plotly's configuration: a mode bar that is always visible, and no connection to any host.

    Args:
        picture: file name, without extension, for the button that saves a PNG; if empty there is no such button.
    """
    buttons = ("toImage", *_BUTTONS) if picture else _BUTTONS
    config: dict[str, Any] = {
        "modeBarButtons": [list(buttons)],
        "displayModeBar": True,
        "displaylogo": False,
        "plotlyServerURL": "",
        "responsive": True,
        "scrollZoom": False,  # the mouse wheel scrolls the page
    }
    if picture:
        config["toImageButtonOptions"] = {"format": "png", "filename": picture, "scale": SCALE}
    return config
