"""Views for tests of what leaves the app: small charts of every kind that the pages draw."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import altair as alt
import numpy as np

from dashboard.answers.pictures import make_picture
from dashboard.answers.tables import Rows
from dashboard.drawing.figure import Figure, Key
from dashboard.drawing.palette import Palette
from dashboard.export.stamp import Stamp
from dashboard.export.talk import Talk
from dashboard.export.view import View

STAMP = Stamp("tiny-dfs-20", "0123456789abcdef" * 4, "cp", "the images shown", "http://127.0.0.1:8501/image?block=3")
INSIDE = Stamp("tiny-dfs-20", "0123456789abcdef" * 4, "cp", "the images shown", "/image?block=3&image=frog")
ROWS: Rows = [
    {"row": 0, "key": "a", "name": 'a, "quoted" <b>', "cp": 12.5, "truth": None, "count": 3, "known": True},
    {"row": 1, "key": "b", "name": "b\nsecond line", "cp": 0.1 + 0.2, "truth": "ship ✓", "count": 4, "known": False},
]


def bars(colours: Palette) -> Figure:
    """Bars that fill their width, with a picture in the last one and a text in an unusual character."""
    base = alt.Chart(alt.NamedData("rows"))
    spec = alt.layer(
        base.mark_bar(color=colours.ink).encode(x="cp:Q", y="name:N", tooltip=[alt.Tooltip("name:N")]),
        base.mark_text(align="left", dx=4).encode(x="cp:Q", y="name:N", text="label:N"),
        base.mark_image(width=20, height=20).encode(x=alt.value(alt.expr("width - 20")), y="name:N", url="uri:N"),
    ).to_dict()
    uri = make_picture("p", "p", "upload", np.arange(3072, dtype=np.uint8).reshape(32, 32, 3)).seen_uri
    rows = [row | {"uri": uri, "label": f"✓ {row['key']}"} for row in ROWS]
    return Figure(spec, {"rows": rows}, (Key("full", colours.ink, "cell"), Key("published <us>", "#666666", "diamond")))


def bare(colours: Palette) -> Figure:
    """Sized by itself, without padding of Vega's, as the decision strip is."""
    base = alt.Chart(alt.NamedData("rows")).mark_point(color=colours.ink).encode(x="cp:Q")
    spec = base.properties(
        height=120,
        padding={"left": 80, "right": 60, "top": 20, "bottom": 20},
        autosize=alt.AutoSizeParams(type="none", contains="padding"),
    ).to_dict()
    return Figure(spec, {"rows": ROWS})


def pair(colours: Palette) -> Figure:
    """Two charts beside each other, with widths of their own."""
    one = alt.Chart(alt.NamedData("rows")).mark_bar(color=colours.ink).encode(x="cp:Q").properties(width=100)
    return Figure((one | one).to_dict(), {"rows": ROWS})


FIGURES = {"bars": bars, "bare": bare, "pair": pair}


def exhibit(draw: Callable[[Palette], Figure] = bars, **fields: Any) -> View:
    """A view of one of the figures; ``fields`` replace what it says."""
    usual = {
        "key": "bars",
        "title": "What it decides <&>",
        "tables": {"images": lambda: ROWS},
        "alt": "Two bars & a picture",
        "stamp": STAMP,
        "notes": "Say this.\nThen that.",
    }
    return View(draw=draw, **(usual | fields))


def example_talk() -> Talk:
    """A talk of every kind of chart."""
    made = Talk("A talk <about> skipping")
    for number, draw in enumerate(FIGURES.values(), start=1):
        made = made.add(exhibit(draw, title=f"View {number}", stamp=INSIDE))
    return made
