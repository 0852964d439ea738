"""The chart of both sides' decision vectors and their difference, for each image."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers import costs
from dashboard.answers.costs import Measure
from dashboard.answers.looks import in_passes
from dashboard.answers.naming import class_name
from dashboard.answers.tables import Rows
from dashboard.answers.verdicts import marked
from dashboard.compare.differences import SAME, DifferenceRow, Pair, difference_rows, lane_rows, options_of
from dashboard.drawing import blocks
from dashboard.drawing.diverging import colour_of, difference_keys, sign_of, signed
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dfs_core.model.config import ModelConfig

LANE, GAP = 22, 12  # pixels: of a lane, and between pairs
_PICTURE, _TEXT = 60, 182
_COST, _HEADER, _FOOTER = 128, 28, 20
_LEFT = _PICTURE + 12 + _TEXT


def lane_chart(pairs: Sequence[Pair], measure: Measure, colours: Palette) -> Figure:
    """For each pair a lane with the decisions of A, one with those of B, and one with the difference in cost.

    Every lane has the full width, so networks of different depth have their stages below each other. They have no third
    lane.

    Args:
        pairs: sides A and B of each comparison; at least one.
        measure: of the costs right of the lanes.
        colours: palette of the theme.
    """
    configs = pairs[0][0].config, pairs[0][1].config
    more = difference_rows(pairs)
    lanes = 3 if more else 2
    height = lanes * LANE + GAP
    data = {
        "cells": _cells(pairs, height, colours),
        "differences": [_difference(row, configs[0], height, colours) for row in more],
        "pairs": _labels(pairs, measure, height, lanes, colours),
        "pictures": _pictures(pairs, height, lanes),
        "stages": _scaled(blocks.stages(configs[0]), configs[0]),
        "blocks": _scaled(blocks.block_numbers(configs[0]), configs[0]) if more else [],
        "head": [{"title": measure.name + " %"}],
    }
    spec = _template(max(blocks.stages(config)[-1]["end"] for config in configs), colours)
    keys = option_keys(options_of(*configs), colours) + (difference_keys(colours) if more else ())
    return Figure(spec | {"height": height * len(pairs) - GAP + _HEADER + _FOOTER}, data, keys)


def _cells(pairs: Sequence[Pair], height: int, colours: Palette) -> Rows:
    cells = []
    for row in lane_rows(pairs):
        side = pairs[row["row"]]["AB".index(row["side"])]
        look = colours.cell(row["option"])
        top = row["row"] * height + "AB".index(row["side"]) * LANE
        about = f"{row['side']}, {row['image']}, block {row['block']}: {row['made']}"
        (cell,) = _scaled([blocks.placed(row)], side.config)
        cells.append(cell | look | {"cell": f"{top} {row['block']}", "top": top, "about": about})
    return cells


def _difference(row: DifferenceRow, config: ModelConfig, height: int, colours: Palette) -> dict[str, Any]:
    more = row["more"] if abs(row["more"]) > SAME else 0.0
    fill = colour_of(more, colours)
    (cell,) = _scaled([blocks.placed(row)], config)
    return cell | {
        "cell": f"{row['row']} {row['block']}",
        "top": row["row"] * height + 2 * LANE,
        "fill": fill,
        "edge": fill if more else colours.faint,
        "ink": colours.text_on(fill),
        "sign": sign_of(more),
        "about": f"block {row['block']}: {row['a']} at A, {row['b']} at B",
    }


def _labels(pairs: Sequence[Pair], measure: Measure, height: int, lanes: int, colours: Palette) -> Rows:
    """The texts beside the lanes of a pair: letters, predictions, costs and their difference."""
    labels: Rows = []
    for row, pair in enumerate(pairs):
        spent = [costs.of_trace(side.shown.trace, side.config)[measure.column] for side in pair]
        for place, (letter, side) in enumerate(zip("AB", pair, strict=True)):
            trace, found = side.shown.trace, side.shown.verdict
            text = marked(found, f"{class_name(trace.label)} {100 * trace.confidence:.0f} %")
            if trace.passes:
                text += f", {in_passes(len(trace.passes))}"
            ink = colours.wrong if found == "wrong" else colours.ink
            line = {"top": row * height + place * LANE, "letter": letter, "text": text, "ink": ink}
            labels.append(line | {"cost": f"{spent[place]:.2f}"})
        change = signed(spent[1] - spent[0])
        third = {"letter": "", "text": "B \N{MINUS SIGN} A", "ink": colours.muted, "cost": change}
        if lanes == 3:
            labels.append({"top": row * height + 2 * LANE} | third)
    return labels


def _pictures(pairs: Sequence[Pair], height: int, lanes: int) -> Rows:
    """One picture for each pair, or one for each lane if A and B are different images."""
    rows: Rows = []
    for row, (left, right) in enumerate(pairs):
        if left.shown.picture.key == right.shown.picture.key:
            side = min(_PICTURE, lanes * LANE - 2)
            rows.append({"middle": row * height + lanes * LANE / 2, "url": left.shown.picture.thumb_uri, "side": side})
        else:
            rows += [
                {"middle": row * height + (place + 0.5) * LANE, "url": item.shown.picture.thumb_uri, "side": LANE - 2}
                for place, item in enumerate((left, right))
            ]
    return rows


def _scaled(rows: Rows, config: ModelConfig) -> Rows:
    """Positions as shares of the strip's length."""
    length = blocks.stages(config)[-1]["end"]
    return [row | {key: row[key] / length for key in ("start", "end", "centre", "room") if key in row} for row in rows]


@lru_cache(maxsize=16)
def _template(length: float, colours: Palette) -> dict[str, Any]:
    scale = alt.Scale(domain=[0, 1], nice=False, zero=False)

    def down(pixels: float) -> Any:
        return alt.value(alt.expr(f"datum.top + {pixels}"))

    x, centre = (alt.X(f"{field}:Q", scale=scale, axis=None) for field in ("start", "centre"))
    box = {"x": x, "x2": alt.X2("end:Q"), "y": down(2), "y2": down(LANE - 2)}
    middle = down(LANE / 2)
    paint = {
        "fill": alt.Fill("fill:N", scale=None),
        "stroke": alt.Stroke("edge:N", scale=None),
    }
    ink = alt.Color("ink:N", scale=None)
    cells, more = table("cells", "cell"), table("differences", "cell")
    labels, pictures = table("pairs", "top"), table("pictures")
    costs_at = alt.value(alt.expr("width + 70"))
    said = [
        alt.Tooltip("about:N", title="block"),
        alt.Tooltip("fraction:Q", title="cost, share of the full block", format=".4~f"),
    ]
    told = [
        alt.Tooltip("about:N", title="difference"),
        alt.Tooltip("more:Q", title="B \N{MINUS SIGN} A, of the full block", format="+.4~f"),
        alt.Tooltip("cp:Q", title="cp, points", format="+.2f"),
        alt.Tooltip("all_in:Q", title="all-in, points", format="+.2f"),
    ]
    side = alt.expr("datum.side")
    marks = [
        pictures.mark_image(aria=False, align="left", width=side, height=side).encode(
            x=alt.value(2 - _LEFT), y=alt.value(alt.expr("datum.middle")), url="url:N"
        ),
        labels.mark_text(aria=False, align="left", fontSize=12, fontWeight=700, color=colours.muted).encode(
            x=alt.value(_PICTURE + 10 - _LEFT), y=middle, text="letter:N"
        ),
        labels.mark_text(aria=False, align="left", fontSize=12, limit=_TEXT - 22).encode(
            x=alt.value(_PICTURE + 26 - _LEFT), y=middle, text="text:N", color=ink
        ),
        labels.mark_text(aria=False, align="right", fontSize=12, color=colours.ink).encode(
            x=costs_at, y=middle, text="cost:N"
        ),
        table("head")
        .mark_text(aria=False, align="right", fontSize=11, color=colours.muted, baseline="bottom")
        .encode(x=costs_at, y=alt.value(-12), text="title:N"),
        cells.mark_rect(aria=False, cornerRadius=2, strokeWidth=1).encode(**box, **paint),
        cells.transform_filter("datum.bits == 0")
        .mark_rule(aria=False, strokeWidth=1.5, opacity=0.75)
        .encode(x=x, x2="end:Q", y=middle, stroke=alt.Stroke("ink:N", scale=None)),
        blocks.option_names(cells.transform_filter("datum.bits > 0"), length).encode(x=centre, y=middle, color=ink),
        cells.mark_rect(fillOpacity=0).encode(**box, tooltip=said, description="about:N"),
        more.mark_rect(aria=False, cornerRadius=2, strokeWidth=1).encode(**box, **paint),
        more.mark_text(aria=False, fontSize=14, fontWeight=700).encode(x=centre, y=middle, text="sign:N", color=ink),
        more.mark_rect(fillOpacity=0).encode(**box, tooltip=told, description="about:N"),
    ]
    headings = blocks.heading_marks(scale, alt.value(alt.expr("height + 5")), colours)
    return padded(alt.layer(*marks, *headings), _LEFT, _COST - 50, _HEADER, _FOOTER)
