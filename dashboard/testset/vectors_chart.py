"""The chart of the most frequent decision vectors, each as a strip with its share of the images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import Column
from dashboard.drawing.blocks import block_numbers, heading_marks, option_names, scale_of, stages
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dashboard.testset.filters import indices
from dashboard.testset.statistics import VectorRow
from dfs_core.model.config import ModelConfig

VECTOR_PARAM = "vector_pick"
MOST = 20  # decision vectors that are drawn
ROW = 25  # pixels
_RANK, _SHARE = 34, 96  # pixels left of the strips for ranks, and right of them for bars


def vector_chart(
    rows: Sequence[VectorRow], column: Column, config: ModelConfig, picked: str, colours: Palette, click_id: int = 0
) -> Figure:
    """The most frequent decision vectors, a row for each: decisions, share of the images, cost and accuracy.

    A click on a row puts its ``vector`` into the selection ``VECTOR_PARAM``.

    Args:
        rows: from ``statistics.vector_rows``, with or without accuracies; the first ``MOST`` are drawn.
        column: column of the measure of cost.
        config: of the checkpoint.
        picked: the decision vector of the filter, which is highlighted.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    shown = rows[:MOST]
    most = max((row["share"] for row in shown), default=1.0)
    looks = {name: colours.cell(name) for name in config.option_set.names}
    names, blocks = config.option_set.names, block_numbers(config)
    cells = [
        {"row": place, "option": names[index]} | looks[names[index]] | block
        for place, row in enumerate(shown)
        for index, block in zip(indices(row["vector"]), blocks, strict=True)
    ]
    vectors = [
        row
        | {
            "row": place,
            "cost": row[column],
            "length": row["share"] / most,
            "strength": 0.14 if row["vector"] == picked else 0.0,
            "about": f"decision vector {row['rank']}: {row['share']:.1f} % of the images",
            "click_id": click_id,
        }
        for place, row in enumerate(shown)
    ]
    data = {"cells": cells, "vectors": vectors, "stages": stages(config), "blocks": blocks, "heads": [{"row": 0}]}
    spec = _template(config, colours, graded=all("accuracy" in row for row in shown))
    height = ROW * len(shown) + spec["padding"]["top"] + spec["padding"]["bottom"]
    return Figure(spec | {"height": height}, data, option_keys(config.option_set, colours))


@lru_cache(maxsize=32)
def _template(config: ModelConfig, colours: Palette, graded: bool) -> dict[str, Any]:
    scale = scale_of(config)
    cells, vectors = table("cells"), table("vectors")

    def down(share: float) -> Any:
        return alt.value(alt.expr(f"(datum.row + {share}) * {ROW}"))

    def right(pixels: float) -> Any:
        return alt.value(alt.expr(f"width + {pixels}"))

    x, centre = (alt.X(f"{field}:Q", scale=scale, axis=None) for field in ("start", "centre"))
    box = {"x": x, "x2": "end:Q", "y": down(0.1), "y2": down(0.9)}
    ink, middle = "ink:N", down(0.5)
    look: Any = {"aria": False, "align": "right", "fontSize": 12, "color": colours.ink}
    head: Any = {"aria": False, "align": "right", "fontSize": 11, "color": colours.muted, "baseline": "bottom"}
    columns = [("cumulative", _SHARE + 56, "sum %", ".1f"), ("cost", _SHARE + 108, "cost %", ".2f")]
    columns += [("accuracy", _SHARE + 164, "right %", ".1f")] if graded else []
    tooltip = [
        alt.Tooltip("rank:Q"),
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("share:Q", title="share of images %", format=".2f"),
        alt.Tooltip("cumulative:Q", title="with all more frequent ones %", format=".2f"),
        *([alt.Tooltip("accuracy:Q", title="right %", format=".2f")] if graded else []),
        alt.Tooltip("cp:Q", title="cp %", format=".2f"),
        alt.Tooltip("all_in:Q", title="all-in %", format=".2f"),
    ]
    click = alt.selection_point(name=VECTOR_PARAM, fields=["vector", "click_id"], on="click", empty=False)
    bar = alt.value(alt.expr(f"width + 12 + datum.length * {_SHARE - 44}"))
    top = table("heads")
    titles = [(right(_SHARE + 4), "images %"), *((right(at), title) for _, at, title, _ in columns)]
    whole = {"x": alt.value(-_RANK), "x2": right(_SHARE + 168), "y": down(0), "y2": down(1)}
    marks = [
        vectors.mark_rect(aria=False, fill=colours.accent, cornerRadius=4).encode(
            **whole,
            fillOpacity=alt.FillOpacity("strength:Q", scale=None),
        ),
        cells.mark_rect(aria=False, cornerRadius=2).encode(
            **box, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None)
        ),
        cells.transform_filter("datum.option == 'skip'")
        .mark_rule(aria=False, strokeWidth=1.5, opacity=0.75)
        .encode(x=x, x2="end:Q", y=middle, stroke=alt.Stroke(ink, scale=None)),
        option_names(cells.transform_filter("datum.option != 'skip'"), scale["domain"][1]).encode(
            x=centre, y=middle, color=alt.Color(ink, scale=None)
        ),
        vectors.mark_text(aria=False, align="right", fontSize=11, color=colours.muted).encode(
            x=alt.value(-8), y=middle, text="rank:Q"
        ),
        vectors.mark_rect(aria=False, fill=colours.families[0], opacity=0.55, cornerRadius=2).encode(
            x=right(12), x2=bar, y=down(0.22), y2=down(0.78)
        ),
        vectors.mark_text(**look).encode(x=right(_SHARE + 4), y=middle, text=alt.Text("share:Q", format=".1f")),
        *(
            vectors.mark_text(**look).encode(x=right(at), y=middle, text=alt.Text(f"{name}:Q", format=form))
            for name, at, _, form in columns
        ),
        *(top.mark_text(text=title, **head).encode(x=at, y=alt.value(-12)) for at, title in titles),
        vectors.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(
            x=alt.value(-_RANK), x2=right(_SHARE + 168), y=down(0), y2=down(1), tooltip=tooltip, description="about:N"
        )
        .add_params(click),
    ]
    below = alt.value(alt.expr("height + 4"))
    return padded(alt.layer(*marks, *heading_marks(scale, below, colours)), _RANK, _SHARE + 172, 28, 20)
