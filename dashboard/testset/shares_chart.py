"""The chart of decision shares per block as stacked bars, as in the paper's figures 7 to 15."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.drawing.blocks import block_numbers, heading_marks, option_names, placed, scale_of, stages
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dashboard.testset.statistics import ShareRow
from dfs_core.model.config import ModelConfig

SHARE_PARAM = "share"
HEIGHT = 330  # pixels, including header and footer
_HEADER, _FOOTER = 28, 22
_PLOT = HEIGHT - _HEADER - _FOOTER
_NAMED_FROM = 7.0  # percent from which a segment is high enough for its option's name
_PARTED_FROM = 1.0  # percent from which a segment has border lines; they would hide a smaller one


def share_chart(
    rows: Sequence[ShareRow],
    config: ModelConfig,
    taken: Collection[tuple[int, str]],
    colours: Palette,
    click_id: int = 0,
) -> Figure:
    """Stacked bars: a bar for each gated block, a segment for each option, cheapest at the bottom; skip is empty.

    Lines in the background colour separate segments of similar colours. A click on a segment puts its ``block`` and
    ``option`` into the selection ``SHARE_PARAM``.

    Args:
        rows: from ``statistics.share_rows``.
        config: of the checkpoint.
        taken: (block number, option) pairs of the filter, which are outlined.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    drawn = []
    for row in rows:
        if not row["share"]:
            continue
        fill = colours.option(row["option"])
        asked = (row["block"], row["option"]) in taken
        parting = colours.background if row["share"] >= _PARTED_FROM else fill
        drawn.append(
            placed(row, 0.05)
            | {
                "middle": (row["bottom"] + row["top"]) / 2,
                "fill": fill,
                "edge": colours.accent if asked else colours.muted if not row["bits"] else parting,
                "edge_width": 3.0 if asked else 1.0,
                "ink": colours.text_on(fill),
                "name": row["option"] if row["share"] >= _NAMED_FROM else "",
                "about": f"block {row['block']}, {row['option']}: {row['share']:.1f} % of the images",
                "click_id": click_id,
            }
        )
    # Outlined and small segments are drawn last, because their neighbours' lines would hide them.
    drawn.sort(key=lambda row: (row["edge_width"], row["edge"] != colours.background))
    data = {"segments": drawn, "stages": stages(config), "blocks": block_numbers(config)}
    return Figure(_template(config, colours), data, option_keys(config.option_set, colours))


@lru_cache(maxsize=32)
def _template(config: ModelConfig, colours: Palette) -> dict[str, Any]:
    scale = scale_of(config)
    base = table("segments")
    tooltip = [
        alt.Tooltip("block:Q", title="block"),
        alt.Tooltip("option:N"),
        alt.Tooltip("share:Q", title="share of images %", format=".2f"),
        alt.Tooltip("images:Q", format=","),
    ]
    percent = alt.Scale(domain=[0, 100], nice=False)
    axis = alt.Axis(grid=False, values=[0, 25, 50, 75, 100], titlePadding=8)
    box = {
        "x": alt.X("start:Q", scale=scale, axis=None),
        "x2": "end:Q",
        "y": alt.Y("bottom:Q", scale=percent, axis=axis, title="share of images, %"),
        "y2": "top:Q",
    }
    click = alt.selection_point(name=SHARE_PARAM, fields=["block", "option", "click_id"], on="click", empty=False)
    marks = [
        base.mark_rect(aria=False, cornerRadius=1).encode(
            **box,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            strokeWidth=alt.StrokeWidth("edge_width:Q", scale=None),
        ),
        option_names(base, scale["domain"][1], "name").encode(
            x=alt.X("centre:Q", scale=scale, axis=None),
            y=alt.Y("middle:Q", scale=percent, axis=axis, title="share of images, %"),
            color=alt.Color("ink:N", scale=None),
        ),
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(**box, tooltip=tooltip, description="about:N")
        .add_params(click),
    ]
    headings = heading_marks(scale, alt.value(_PLOT + 5), colours)
    return padded(alt.layer(*marks, *headings), 52, 4, _HEADER, _FOOTER, HEIGHT)
