"""The chart of an image's decision vectors when it is mirrored and compressed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.looks import in_passes
from dashboard.answers.naming import class_name
from dashboard.answers.pictures import Picture, uri_of
from dashboard.answers.verdicts import marked
from dashboard.drawing.blocks import placed, stage_marks, stage_title
from dashboard.drawing.blocks import stages as placed_stages
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import y_of
from dashboard.image.probes import Variant
from dashboard.image.tables import StabilityRow, stability_rows
from dfs_core.model.config import ModelConfig
from dfs_core.trace import DecisionTrace

ROW = 54  # pixels
SIDE = 44
TOP, BOTTOM, LEFT, RIGHT = 22, 8, 200, 62


def stability_diff(
    free: DecisionTrace, variants: Sequence[Variant], picture: Picture, config: ModelConfig, colours: Palette
) -> Figure:
    """A row of decisions for the image as given and for each change; gates that flip are framed.

    Below a frame is the gate's decision for the image as given.

    Args:
        free: trace of the image as given.
        variants: the changed images with their traces.
        picture: the image.
        config: of the checkpoint.
        colours: palette of the theme.
    """
    rows = stability_rows(free, variants, picture, config)
    urls = [picture.seen_uri, *(uri_of(variant.pixels) for variant in variants)]
    fills = {name: colours.option(name) for name in config.option_set.names}
    cells = []
    for row in rows:
        fill = fills[row["option"]]
        flipped = row["flipped"]
        cells.append(
            placed(row, 0.04)
            | {
                "y": ROW * row["row"] + 8,
                "y2": ROW * row["row"] + ROW - 14,
                "fill": fill,
                "ink": colours.text_on(fill),
                "skipped": row["option"] == "skip",
                "edge": colours.accent if flipped else colours.faint,
                "weight": 2.4 if flipped else 1,
                "was": row["free"] if flipped else "",
            }
        )
    heads = [
        _head(row, urls[row["row"]], len(free.passes), colours) for row in rows if row["block"] == rows[0]["block"]
    ]
    stages = placed_stages(config)
    length = stages[-1]["end"]
    note = [{"text": "below a frame: as given"}] if any(cell["was"] for cell in cells) else []
    data = {"cells": cells, "heads": heads, "stages": stages, "note": note}
    return Figure(_template(length, len(heads), colours), data)


def _head(row: StabilityRow, url: str, as_given: int, colours: Palette) -> dict[str, Any]:
    """The picture, the prediction and the number of flipped gates or of passes beside a row."""
    wrong = row["verdict"] == "wrong"
    count = row["flips"]
    flips = {0: "no gate flips", 1: "1 gate flips"}.get(count, f"{count} gates flip")
    said = flips if row["row"] else ""
    if "passes" in row:
        said, count = in_passes(row["passes"]), row["passes"] - as_given
    return {
        "y": ROW * row["row"] + (ROW - 6) / 2,
        "url": url,
        "name": row["picture"],
        "detail": marked(row["verdict"], f"{class_name(row['prediction'])} {row['confidence']:.0f} %"),
        "ink": colours.wrong if wrong else colours.muted,
        "flips": said,
        "flips_ink": colours.accent if count else colours.muted,
    }


@lru_cache(maxsize=16)
def _template(length: float, count: int, colours: Palette) -> dict[str, Any]:
    """The specification without data."""
    scale = alt.Scale(domain=[0, length], nice=False, zero=False)

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=None)

    cells, heads = table("cells"), table("heads")
    box = {"x": at("start"), "x2": alt.X2("end:Q"), "y": y_of("y"), "y2": y_of("y2")}
    middle = alt.value(alt.expr("(datum.y + datum.y2) / 2"))
    tooltip = [alt.Tooltip("picture:N"), alt.Tooltip("block:Q"), alt.Tooltip("option:N")]
    tooltip += [alt.Tooltip("free:N", title="as given"), alt.Tooltip("flipped:N")]
    beside: dict[str, Any] = {"aria": False, "align": "left"}
    # A number in a cell needs a margin, a number below it does not.
    room, room_below = (alt.expr(f"width / {length} >= {pixels} ? 1 : 0") for pixels in (16, 12))
    marks = [
        cells.mark_rect(cornerRadius=2).encode(
            **box,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            strokeWidth=alt.StrokeWidth("weight:Q", scale=None),
            tooltip=tooltip,
        ),
        cells.transform_filter("datum.skipped")
        .mark_rule(aria=False, strokeWidth=1.5, opacity=0.75)
        .encode(x=at("start"), x2="end:Q", y=middle, stroke=alt.Stroke("ink:N", scale=None)),
        cells.transform_filter("!datum.skipped")
        .mark_text(aria=False, fontSize=10, opacity=room)
        .encode(x=at("centre"), y=middle, text="option:N", color=alt.Color("ink:N", scale=None)),
        cells.mark_text(aria=False, fontSize=9, color=colours.accent, baseline="top", dy=3, opacity=room_below).encode(
            x=at("centre"), y=y_of("y2"), text="was:N"
        ),
        table("note")
        .mark_text(**beside, fontSize=11, color=colours.accent, baseline="bottom", opacity=room_below)
        .encode(x=alt.value(2 - LEFT), y=alt.value(-6), text="text:N"),
        heads.mark_image(aria=False, width=SIDE, height=SIDE, align="left").encode(
            x=alt.value(2 - LEFT), y=y_of("y"), url="url:N"
        ),
        heads.mark_text(**beside, dy=-8, fontSize=13, fontWeight=600, color=colours.ink).encode(
            x=alt.value(SIDE + 12 - LEFT), y=y_of("y"), text="name:N"
        ),
        heads.mark_text(**beside, dy=9, fontSize=11.5, limit=LEFT - SIDE - 20).encode(
            x=alt.value(SIDE + 12 - LEFT), y=y_of("y"), text="detail:N", color=alt.Color("ink:N", scale=None)
        ),
        heads.mark_text(**beside, fontSize=11.5, fontWeight=600).encode(
            x=alt.value(alt.expr("width + 8")),
            y=y_of("y"),
            text="flips:N",
            color=alt.Color("flips_ink:N", scale=None),
        ),
        *stage_marks(at("start"), stage_title(length), 0, colours),
    ]
    return padded(alt.layer(*marks), LEFT, RIGHT, TOP, BOTTOM, ROW * count + TOP + BOTTOM)
