"""The heatmap of differences in computation between two operating points, by class and block."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.classes import largest
from dashboard.answers.two_points import ClassBlockRow
from dashboard.drawing.blocks import SHORT_ROOM, block_numbers, heading_marks, placed, scale_of, stages
from dashboard.drawing.diverging import colour_of, difference_keys, sign_of, signed
from dashboard.drawing.figure import Figure, padded, room_for, table
from dashboard.drawing.palette import Palette
from dfs_core.model.config import ModelConfig

ROW = 24  # pixels
SHOWN_FROM = 0.5  # points; smaller differences have no colour and no number
_ROOM = 26  # pixels that a number needs; a narrower column has its sign
_LEFT, _HEADER, _FOOTER = 96, 28, 20


def class_heatmap(rows: Sequence[ClassBlockRow], config: ModelConfig, colours: Palette) -> Figure:
    """Mean difference in cost, a row for each class and a column for each block: orange and + if B computes more.

    Of too many classes it has those that differ most.

    Args:
        rows: from ``two_points.class_block_rows``.
        config: of either network; their layouts are equal.
        colours: palette of the theme.
    """
    away: dict[str, float] = {}
    for row in rows:
        away[row["class"]] = away.get(row["class"], 0.0) + abs(row["more"])
    names = largest(away)
    cells = []
    for row in rows:
        if row["class"] not in names:
            continue
        more = row["more"] if abs(row["more"]) >= SHOWN_FROM else 0.0
        fill = colour_of(more / 100, colours)
        look = {"fill": fill, "edge": fill if more else colours.faint, "ink": colours.text_on(fill)}
        said = {"text": signed(row["more"], 0) if more else "", "sign": sign_of(more)}
        cells.append(placed(row) | look | said | {"row": names.index(row["class"])})
    labels = [{"row": place, "class": name} for place, name in enumerate(names)]
    data = {"cells": cells, "labels": labels, "stages": stages(config), "blocks": block_numbers(config)}
    height = ROW * len(names) + _HEADER + _FOOTER
    return Figure(
        _template(config, room_for(names, _LEFT), colours) | {"height": height}, data, difference_keys(colours)
    )


@lru_cache(maxsize=16)
def _template(config: ModelConfig, left: int, colours: Palette) -> dict[str, Any]:
    scale = scale_of(config)
    column = f"width / {scale['domain'][1]}"

    def down(share: float) -> Any:
        return alt.value(alt.expr(f"(datum.row + {share}) * {ROW}"))

    x, centre = (alt.X(f"{field}:Q", scale=scale, axis=None) for field in ("start", "centre"))
    box = {"x": x, "x2": alt.X2("end:Q"), "y": down(0.06), "y2": down(0.94)}
    cells = table("cells")
    tooltip = [
        alt.Tooltip("class:N"),
        alt.Tooltip("block:Q"),
        alt.Tooltip("a:Q", title="A, % of the full block", format=".2f"),
        alt.Tooltip("b:Q", title="B, % of the full block", format=".2f"),
        alt.Tooltip("more:Q", title="B \N{MINUS SIGN} A, points", format="+.2f"),
    ]
    marks = [
        table("labels")
        .mark_text(aria=False, align="right", fontSize=12, color=colours.ink, limit=left - 12)
        .encode(x=alt.value(-8), y=down(0.5), text="class:N"),
        cells.mark_rect(cornerRadius=2, strokeWidth=1).encode(
            **box, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None), tooltip=tooltip
        ),
        cells.mark_text(
            aria=False,
            fontSize=10.5,
            opacity=alt.expr(f"{column} >= {SHORT_ROOM} ? 1 : 0"),
            text=alt.expr(f"{column} >= {_ROOM} ? datum.text : datum.sign"),
        ).encode(x=centre, y=down(0.5), color=alt.Color("ink:N", scale=None)),
    ]
    return padded(
        alt.layer(*marks, *heading_marks(scale, alt.value(alt.expr("height + 5")), colours)), left, 4, _HEADER, _FOOTER
    )
