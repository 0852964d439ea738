"""The decision strip: who takes which option where. Traces and colours in, an Altair figure out; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal

import altair as alt

from dashboard.answers.costs import MEASURES, Cost, Measure
from dashboard.answers.tables import Rows, Shown, decision_rows, image_rows
from dashboard.drawing import blocks
from dashboard.drawing.blocks import name_room
from dashboard.drawing.figure import Figure, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dfs_core.model.config import ModelConfig

ROW = 42  # pixels; thumbnails are a little less
DENSE_ROW = 34
DENSE_FROM = 13  # images
_HEADER, _FOOTER = 26, 18
FOCUS_PARAMS = ("cell", "thumb")
TEXT_WIDTH, COST_WIDTH = 118, 108  # pixels before the cells for texts, and behind them for costs
NAME_ROOM, NUMBER_ROOM = 17, 14  # pixels that a cell needs for an option's name, and a column for its block's number


def decision_strip(
    shown: Sequence[Shown],
    config: ModelConfig,
    focus: str | None,
    colours: Palette,
    turn: int = 0,
    cost: Cost = "all-in",
) -> Figure:
    """Heatmap of decisions: one row an image, one column a gated block, with the picture before and its cost behind.

    A cell's colour is the option's cost, its text the option's name where there is room; a skipped block is an empty
    cell that the shortcut runs through as a line. A click on a row gives that image's key to the selections
    ``strip_marks.FOCUS_PARAMS``, together with ``turn``.

    Args:
        shown: images with their traces; at least one.
        config: of the checkpoint that all traces come from.
        focus: key of the image whose row is marked.
        colours: of the theme.
        turn: comes back with a selection; by another one a second click on the same row is told from the first.
        cost: the measure that stands behind each row beside cp; cp itself gives all-in.
    """
    row = ROW if len(shown) < DENSE_FROM else DENSE_ROW
    both = any(item.picture.origin != "test" for item in shown)  # of a test image both pictures are the same
    stages = blocks.stages(config)
    cells = _cells(shown, config, colours)
    data = {
        "cells": [cell | {"turn": turn} for cell in cells],
        "images": [image | {"turn": turn} for image in _images(shown, config, focus, colours)],
        "pictures": [
            {"row": row, "given": item.picture.thumb_uri, "seen": item.picture.seen_uri}
            for row, item in enumerate(shown)
        ],
        "stages": stages,
        "blocks": [
            {"row": len(shown), "block": cell["block"], "centre": cell["centre"]} for cell in cells if cell["row"] == 0
        ],
    }
    spec = _template(stages[-1]["end"], row, both, colours, MEASURES["all-in" if cost == "cp" else cost])
    spec = spec | {"height": row * len(shown) + _HEADER + _FOOTER}
    return Figure(spec, data, option_keys(config.option_set, colours))


@lru_cache(maxsize=32)
def _template(length: float, row: int, both: bool, colours: Palette, second: Measure) -> dict[str, Any]:
    """The specification without data: to build one takes a quarter of a second.

    Args:
        length: of the strip, in blocks.
        row: height of a row in pixels.
        both: whether the pictures as given stand beside those that the network sees.
        colours: of the theme.
        second: the measure in the last column.
    """
    left = (row - 4) * (2 if both else 1) + 8 + TEXT_WIDTH
    place = Place(row, left, alt.Scale(domain=[0, length], nice=False, zero=False))
    marks = [
        *row_marks(place, both, colours, second),
        *cell_marks(place, length),
        *headings(place, length, both, colours, second),
    ]
    # What stands beside the cells has a known size. Left to fit it all into the width, Vega would measure every text at
    # every move of the slider.
    return (
        alt.layer(*marks)
        .properties(
            padding={"left": left, "right": COST_WIDTH, "top": _HEADER, "bottom": _FOOTER},
            autosize=alt.AutoSizeParams(type="none", contains="padding"),
        )
        .configure_view(stroke=None)
        .to_dict()
    )


def _cells(shown: Sequence[Shown], config: ModelConfig, colours: Palette) -> Rows:
    """Where each cell lies, in blocks, and how it looks."""
    looks = {}
    for option in config.option_set:
        fill = colours.option(option.name)
        edge = colours.faint if option.is_skip else fill
        looks[option.name] = {"fill": fill, "ink": colours.text_on(fill), "edge": edge}
    return [
        blocks.placed(row)
        | looks[row["option"]]
        | {"cell": row["row"] * 1000 + row["block"], "about": f"{row['image']}, block {row['block']}: {row['option']}"}
        for row in decision_rows(shown, config)
    ]


def _images(shown: Sequence[Shown], config: ModelConfig, focus: str | None, colours: Palette) -> Rows:
    """One row an image: its texts and whether it is in focus."""
    glyphs = {"right": "✓ ", "wrong": "✗ ", "": ""}
    rows = image_rows(shown, config)
    for row in rows:
        about = f" · is {row['truth']}" if row["verdict"] == "wrong" else "" if row["truth"] else f" · {row['image']}"
        row["detail"] = f"{glyphs[row['verdict']]}{row['confidence']:.0f} %{about}"
        row["detail_ink"] = colours.wrong if row["verdict"] == "wrong" else colours.muted
        row["about"] = f"{row['image']}: {row['prediction']}, {row['detail']}"
        row["strength"] = 0.13 if row["key"] == focus else 0.0
    return rows


class Place:
    """Where things stand: blocks along a scale, rows in pixels from the top, and what lies beside the strip."""

    def __init__(self, row: int, left: int, scale: alt.Scale) -> None:
        self.row, self.left, self.scale = row, left, scale

    def at(self, field: str) -> alt.X:
        """x of a column in blocks."""
        return alt.X(f"{field}:Q", scale=self.scale, axis=None)

    def down(self, share: float) -> Any:
        """y within the row of a datum: 0 is its upper edge, 1 the lower."""
        return alt.value(alt.expr(f"(datum.row + {share}) * {self.row}"))


def row_marks(place: Place, both: bool, colours: Palette, second: Measure) -> list[alt.Chart]:
    """The band of the image in focus, its pictures, the prediction before and the cost behind its strip."""
    base, pictures = table("images", "row"), table("pictures")
    left, side = place.left, place.row - 8
    columns = ["given", "seen"] if both else ["seen"]
    text_at = alt.value(4 - left + len(columns) * (side + 4) + 4)
    tooltip = [
        alt.Tooltip("image:N", title="picture"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("confidence:Q", title="confidence %", format=".1f"),
        alt.Tooltip("truth:N", title="is"),
        *(alt.Tooltip(f"{one.column}:Q", title=f"{one.name} %", format=".2f") for one in MEASURES.values()),
    ]
    whole = {"y": place.down(0.01), "y2": place.down(0.99)}
    middle = place.down(0.5)
    label = base.mark_text(
        aria=False, align="left", dy=-7, fontSize=13, fontWeight=600, limit=TEXT_WIDTH - 8, color=colours.ink
    )
    detail = base.mark_text(aria=False, align="left", dy=9, fontSize=11, limit=TEXT_WIDTH - 8)
    cost = base.mark_text(aria=False, align="right", fontSize=12, color=colours.ink)
    click = alt.selection_point(name=FOCUS_PARAMS[1], fields=["key", "turn"], on="click", empty=False)
    end = alt.value(alt.expr(f"width + {COST_WIDTH - 2}"))
    return [
        base.mark_rect(aria=False, cornerRadius=4, fill=colours.accent).encode(
            x=alt.value(-left), x2=end, **whole, fillOpacity=alt.FillOpacity("strength:Q", scale=None)
        ),
        *(
            pictures.mark_image(aria=False, width=side, height=side, align="left").encode(
                x=alt.value(4 - left + index * (side + 4)), y=middle, url=f"{column}:N"
            )
            for index, column in enumerate(columns)
        ),
        label.encode(x=text_at, y=middle, text="prediction:N"),
        detail.encode(x=text_at, y=middle, text="detail:N", color=alt.Color("detail_ink:N", scale=None)),
        cost.encode(x=alt.value(alt.expr("width + 50")), y=middle, text=alt.Text("cp:Q", format=".1f")),
        cost.encode(x=alt.value(alt.expr("width + 100")), y=middle, text=alt.Text(f"{second.column}:Q", format=".1f")),
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=alt.value(-left), x2=alt.value(-2), **whole, tooltip=tooltip, description="about:N")
        .add_params(click),
        base.mark_rect(aria=False, fillOpacity=0).encode(
            x=alt.value(alt.expr("width + 8")), x2=end, **whole, tooltip=tooltip
        ),
    ]


def cell_marks(place: Place, length: float) -> list[alt.Chart]:
    """Cells, the wire through skipped ones, names, and above all an invisible layer that is pointed at and clicked."""
    base = table("cells", "cell")
    room = f"width / {length} >= {NAME_ROOM} ? 1 : 0"
    tooltip = [
        alt.Tooltip("image:N", title="picture"),
        alt.Tooltip("block:Q", title="block"),
        alt.Tooltip("option:N", title="option"),
        alt.Tooltip("fraction:Q", title="cost of the full block", format=".4~f"),
        alt.Tooltip("bits:Q", title="bits"),
        alt.Tooltip("probability:Q", title="gate's probability %", format=".1f"),
        alt.Tooltip("lead:Q", title="lead over the next %", format=".1f"),
        *(alt.Tooltip(f"{one.column}:Q", title=f"adds to {one.name} %", format=".2f") for one in MEASURES.values()),
    ]
    click = alt.selection_point(name=FOCUS_PARAMS[0], fields=["key", "turn"], on="click", empty=False)
    filled, skipped = base.transform_filter("datum.bits > 0"), base.transform_filter("datum.bits == 0")
    x, x2, middle = place.at("start"), alt.X2("end:Q"), place.down(0.5)
    box = {"x": x, "x2": x2, "y": place.down(0.09), "y2": place.down(0.91)}
    ink = "ink:N"
    return [
        base.mark_rect(aria=False, cornerRadius=2, strokeWidth=1).encode(
            **box, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None)
        ),
        skipped.mark_rule(aria=False, strokeWidth=1.5, opacity=0.75).encode(
            x=x, x2=x2, y=middle, stroke=alt.Stroke(ink, scale=None)
        ),
        filled.mark_text(aria=False, fontSize=10.5, opacity=alt.expr(room)).encode(
            x=place.at("centre"), y=middle, text="option:N", color=alt.Color(ink, scale=None)
        ),
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(**box, tooltip=tooltip, description="about:N")
        .add_params(click),
    ]


def headings(place: Place, length: float, both: bool, colours: Palette, second: Measure) -> list[alt.Chart]:
    """Stage names with a line over each, block numbers below, and the titles of the columns on either side."""
    room = alt.expr(f"width / {length} >= {NUMBER_ROOM} || datum.block % 4 == 0 ? 1 : 0")
    look: dict[str, Any] = {"aria": False, "fontSize": 11, "color": colours.muted, "baseline": "bottom"}
    above = alt.value(-14)
    stages, blocks = table("stages"), table("blocks")
    titles: list[tuple[str, Literal["left", "right"], str]] = [
        (f"{4 - place.left}", "left", "given and seen" if both else "image"),
        ("width + 50", "right", "cp %"),
        ("width + 100", "right", f"{second.name} %"),
    ]
    return [
        stages.mark_text(align="left", limit=alt.expr(name_room(length)), **look).encode(
            x=place.at("start"), y=above, text="title:N"
        ),
        stages.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=place.at("start"), x2="end:Q", y=alt.value(-6)
        ),
        blocks.mark_text(aria=False, fontSize=10, color=colours.muted, baseline="top", opacity=room).encode(
            x=place.at("centre"), y=place.down(0.12), text="block:Q"
        ),
        *(
            stages.transform_filter("datum.stage == 1")
            .mark_text(align=align, text=text, **look)
            .encode(x=alt.value(alt.expr(at)), y=above)
            for at, align, text in titles
        ),
    ]
