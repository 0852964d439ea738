"""The chart of one image's gates: the probability of every option."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.tables import NEAR_TIE, margin_in_words
from dashboard.drawing.figure import Figure, table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import BLOCK_ROOM, GATE_PARAM, Line, frame, y_of
from dashboard.image.probes import WhatIf
from dashboard.image.tables import GateRow, gate_rows, margin_rows
from dfs_core.checkpoints.words import option_label
from dfs_core.model.config import ModelConfig

ROW = 27  # pixels of an option's row
TOP, BOTTOM = 4, 6
MARGIN_ROW = 30  # pixels below the options for the margins
_BAR = 4
MARGIN_TITLE = "margin, points"


def gate_board(what_if: WhatIf, config: ModelConfig, chosen: int | None, colours: Palette, click_id: int = 0) -> Figure:
    """A board of gates and options: each option's probability, the taken option, and its margin over the next one.

    The length of the bar in a cell is the option's probability; the cell of the taken option is filled. A margin below
    ten points is marked with ≈ as a near tie. A click on a cell puts its block and option into the selection
    ``GATE_PARAM``.

    Args:
        what_if: free and forced decisions.
        config: of the checkpoint.
        chosen: number of the chosen block, which is highlighted.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    line, names = Line.of(config), config.option_set.names[::-1]
    cells = [_cell(row, names, line, colours) | {"click_id": click_id} for row in gate_rows(what_if, config)]
    margins = [_margin(row, line, colours) for row in margin_rows(what_if.forced, config)]
    for row in margins:
        row |= {"chosen": row["block"] == chosen, "click_id": click_id}
    labels = [{"name": name, "y": y - TOP} for name, y in row_names(config)[:-1]]
    return Figure(_template(line, len(names), colours), {"cells": cells, "margins": margins, "names": labels})


def row_names(config: ModelConfig) -> list[tuple[str, float]]:
    """The options from top to bottom, then the margins, with the middles of their rows in pixels from the top."""
    names = [option_label(name) for name in config.option_set.names[::-1]]
    rows = [(name, TOP + ROW * (place + 0.5)) for place, name in enumerate(names)]
    return [*rows, (MARGIN_TITLE, TOP + ROW * len(names) + MARGIN_ROW / 2)]


@lru_cache(maxsize=32)
def _template(line: Line, options: int, colours: Palette) -> dict[str, Any]:
    """The specification without data."""
    marks = [*_cell_marks(line, colours), *_margin_marks(line, options), *_title_marks(options, colours)]
    band = (
        table("margins", "block")
        .transform_filter("datum.chosen")
        .mark_rect(aria=False, fill=colours.accent, fillOpacity=0.13, cornerRadius=4)
        .encode(x=line.at("start"), x2="end:Q", y=alt.value(-3), y2=alt.value(ROW * options + MARGIN_ROW))
    )
    return frame(alt.layer(band, *marks, _target(line)), ROW * options + MARGIN_ROW, TOP, BOTTOM)


def _cell(row: GateRow, names: tuple[str, ...], line: Line, colours: Palette) -> dict[str, Any]:
    """Position and look of a cell."""
    place, fill = names.index(row["option"]), colours.option(row["option"])
    start, inner = line.start(row["block"]) + 0.05, 0.9
    ink = colours.text_on(fill) if row["taken"] else colours.ink
    bar = ink if row["taken"] else colours.muted if row["option"] == "skip" else fill
    state = "forced" if row["forced"] else "taken" if row["taken"] else ""
    preferred = "the gate's own choice" if row["preferred"] else ""
    decision = ", ".join(filter(None, (state or "not taken", preferred)))
    return row | {
        "cell": f"{row['block']} {row['option']}",
        "start": start,
        "end": start + inner,
        "centre": start + inner / 2,
        "reach": start + inner * row["probability"] / 100,
        "y": ROW * place + 2,
        "y2": ROW * (place + 1) - 2,
        "fill": fill if row["taken"] else "transparent",
        "edge": colours.accent if row["forced"] else colours.ink if row["taken"] else colours.faint,
        "weight": 2.4 if row["forced"] else 1.3 if row["taken"] else 1,
        "ink": ink,
        "bar": bar,
        "decision": decision,
        "click": "lets the gate decide" if row["forced"] else "forces this option",
        "about": f"block {row['block']}, {row['option']}: {row['probability']:.1f} %" + (f", {state}" if state else ""),
    }


def _margin(row: dict[str, Any], line: Line, colours: Palette) -> dict[str, Any]:
    tie = row["near_tie"]
    return (
        row
        | line.span(row["block"])
        | {
            "text": f"≈ {margin_in_words(row['margin'])}" if tie else margin_in_words(row["margin"]),
            "ink": colours.accent if tie else colours.muted,
        }
    )


def _cell_marks(line: Line, colours: Palette) -> list[alt.Chart]:
    """Cells, each with its probability as a bar and a number, and the marks of forced ones."""
    cells = table("cells", "cell")
    box = {"x": line.at("start"), "x2": alt.X2("end:Q"), "y": y_of("y"), "y2": y_of("y2")}
    foot = alt.value(alt.expr("datum.y2 - 1"))
    number = cells.mark_text(aria=False, fontSize=11, dy=-_BAR / 2, opacity=alt.expr(line.room(BLOCK_ROOM)))
    return [
        cells.mark_rect(aria=False, cornerRadius=3).encode(
            **box,
            fill=alt.Fill("fill:N", scale=None),
            stroke=alt.Stroke("edge:N", scale=None),
            strokeWidth=alt.StrokeWidth("weight:Q", scale=None),
        ),
        cells.mark_rect(aria=False).encode(
            x=line.at("start"),
            x2="reach:Q",
            y=alt.value(alt.expr(f"datum.y2 - {_BAR + 1}")),
            y2=foot,
            fill=alt.Fill("bar:N", scale=None),
        ),
        number.encode(
            x=line.at("centre"),
            y=alt.value(alt.expr("(datum.y + datum.y2) / 2")),
            text=alt.Text("probability:Q", format=".0f"),
            color=alt.Color("ink:N", scale=None),
        ),
        cells.transform_filter("datum.forced")
        .mark_point(aria=False, shape="triangle-right", filled=True, size=50, opacity=1, color=colours.accent)
        .encode(x=line.at("start"), y=alt.value(alt.expr("(datum.y + datum.y2) / 2"))),
    ]


def _margin_marks(line: Line, options: int) -> list[alt.Chart]:
    """The margin below each gate; near ties have a sign and a colour."""
    margins = table("margins", "block")
    text = margins.mark_text(aria=False, fontSize=11, opacity=alt.expr(line.room(BLOCK_ROOM)))
    return [
        text.encode(
            x=line.at("centre"),
            y=alt.value(ROW * options + MARGIN_ROW / 2),
            text="text:N",
            color=alt.Color("ink:N", scale=None),
        )
    ]


def _title_marks(options: int, colours: Palette) -> list[alt.Chart]:
    """The options' names left of the board, and the meaning of the numbers right of it."""
    names = table("names")
    look: dict[str, Any] = {"aria": False, "fontSize": 11.5, "color": colours.muted}
    single = names.transform_filter(f"datum.y == {ROW / 2}")
    behind, tie = alt.value(alt.expr("width + 12")), f"≈ near tie, below {NEAR_TIE}"
    return [
        names.mark_text(**look, align="right").encode(x=alt.value(-12), y=y_of("y"), text="name:N"),
        single.mark_text(**look, align="right", text=MARGIN_TITLE).encode(
            x=alt.value(-12), y=alt.value(ROW * options + MARGIN_ROW / 2)
        ),
        single.mark_text(**look, align="left", text=["the gate's", "probability, %"]).encode(
            x=behind, y=alt.value(ROW * options / 2 - 8)
        ),
        single.mark_text(**look, align="left", text=tie).encode(x=behind, y=alt.value(ROW * options + MARGIN_ROW / 2)),
    ]


def _target(line: Line) -> alt.Chart:
    """The invisible layer for tooltips and clicks."""
    tooltip = [
        alt.Tooltip("block:Q"),
        alt.Tooltip("option:N"),
        alt.Tooltip("probability:Q", title="probability %", format=".1f"),
        alt.Tooltip("decision:N"),
        alt.Tooltip("click:N", title="a click"),
    ]
    click = alt.selection_point(name=GATE_PARAM, fields=["block", "option", "click_id"], on="click", empty=False)
    return (
        table("cells", "cell")
        .mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=line.at("start"), x2="end:Q", y=y_of("y"), y2=y_of("y2"), tooltip=tooltip, description="about:N")
        .add_params(click)
    )
