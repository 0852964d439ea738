"""The marks of legends: as SVG for pages and exports, and as a character where only text fits."""

from __future__ import annotations

import base64
from html import escape
from typing import NamedTuple

from dashboard.drawing.figure import Key

WIDTH, HEIGHT = 20, 16  # pixels of a mark, with its edge


class Shape(NamedTuple):
    """The form of a mark.

    Attributes:
        path: SVG path around (0, 0), in pixels.
        character: a similar character, which is no emoji: browsers draw those in their own colours.
        dash: dash pattern of the line, "none" for a solid one; None for a filled shape.
    """

    path: str
    character: str
    dash: str | None = None


_CIRCLE = "M-5,0a5,5 0 1,0 10,0a5,5 0 1,0 -10,0"
SHAPES = {
    "circle": Shape(_CIRCLE, "●"),
    "square": Shape("M-5,-5h10v10h-10Z", "■"),
    "triangle-up": Shape("M0,-6L6,5H-6Z", "▲"),
    "triangle-down": Shape("M0,6L6,-5H-6Z", "▼"),
    "triangle-right": Shape("M6,0L-5,6V-6Z", "►"),
    "triangle-left": Shape("M-6,0L5,6V-6Z", "◄"),
    "star": Shape("M0,-7L2,-2.2L7,-2.2L3,1.2L4.4,6L0,3.1L-4.4,6L-3,1.2L-7,-2.2L-2,-2.2Z", "★"),
    "cross": Shape("M-2,-6h4v4h4v4h-4v4h-4v-4h-4v-4h4Z", "✚"),
    "ring": Shape(_CIRCLE, "○", "none"),
    "open-square": Shape("M-5,-5h10v10h-10Z", "□", "none"),
    "x": Shape("M-4,-4L4,4M-4,4L4,-4", "✕", "none"),
    "diamond": Shape("M0,-6L6,0L0,6L-6,0Z", "◇", "none"),
    "line": Shape("M-9,0h18", "—", "none"),
    "dashed": Shape("M-9,0h18", "╌", "5 4"),
    "tick": Shape("M0,-7v14", "|", "none"),
}
CELLS = ("cell", "skip")  # of the decision strip: a filled box, and an empty one with a wire through it


def drawn(key: Key, ink: str, edge: str) -> str:
    """The mark of a legend entry as SVG, centred on (0, 0).

    Args:
        key: the entry.
        ink: colour of a skipped cell's wire.
        edge: colour of a cell's edge.
    """
    colour = escape(key.colour)
    if key.shape in CELLS:
        wire = f'<path d="M-9,0h18" stroke="{ink}" stroke-width="1.5"/>' if key.shape == "skip" else ""
        return f'<rect x="-9" y="-7" width="18" height="14" rx="3" fill="{colour}" stroke="{edge}"/>{wire}'
    shape = SHAPES[key.shape]
    if shape.dash is None:
        return f'<path d="{shape.path}" fill="{colour}"/>'
    return f'<path d="{shape.path}" fill="none" stroke="{colour}" stroke-width="1.8" stroke-dasharray="{shape.dash}"/>'


def alone(key: Key, ink: str, edge: str) -> str:
    """The mark as a complete SVG, hidden from screen readers because its text stands beside it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="{-WIDTH / 2:g} {-HEIGHT / 2:g} {WIDTH} {HEIGHT}" aria-hidden="true">{drawn(key, ink, edge)}</svg>'
    )


def image(svg: str, alt: str = "") -> str:
    """An SVG as an ``<img>``: no script in it runs, nothing is fetched, and Streamlit does not remove it."""
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{escape(alt)}" src="data:image/svg+xml;base64,{data}">'
