"""The chart of the gate film: gated blocks x budgets."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import class_name
from dashboard.answers.tables import Rows
from dashboard.answers.verdicts import GLYPHS, marked
from dashboard.drawing.blocks import block_numbers, start_of
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.palette import Palette
from dashboard.image.film import Film, StaysRight, price_text
from dashboard.image.layout import FRAME_PARAM, y_of
from dashboard.image.tables import Subject, frame_rows
from dfs_core.model.config import ModelConfig

ROW = 14  # pixels
NAME = 40  # pixels of a stage's name; if there are fewer, only its number is shown
COST = 70  # pixels of the image's own cost below the gates
_EVERY = 6  # frames between two labels of a dial's axis
_DIAL_LABEL = 52  # pixels that such a label needs, with air
TOP, BOTTOM, LEFT, RIGHT = 12, 44, 62, 62
BAND = 26  # pixels of the predictions above the gates
GAP = 12


def gate_film(film: Film, subject: Subject, where: float, stays_right: StaysRight, colours: Palette) -> Figure:
    """Every gate's decision at every budget, with the predictions above and the image's cost below.

    The frame nearest to the position in use has a border. A flag marks the frame from which the prediction stays right.
    A click on a frame puts its number into the selection ``FRAME_PARAM``.

    Args:
        film: of the image.
        subject: the image.
        where: the position in use: a budget in percent, or on a dial a price.
        stays_right: the frame from which the prediction stays right.
        colours: palette of the theme.
    """
    config, cost, click_id = subject.config, subject.cost, subject.click_id
    frames = frame_rows(film, subject.picture, config)
    rows = {block: y for block, y, _ in _places(config)}
    gates_end = max(rows.values()) + ROW
    foot = gates_end + GAP + COST
    column = MEASURES[cost].column
    most = max(1e-9, *(row[column] for row in frames)) * 1.05
    here, flag = film.nearest(where), _flag(stays_right)
    edges = (here, here + 1)
    data = {
        "cells": _cells(film, rows, colours),
        "options": _options(film, rows, (*edges, *(row["centre"] for row in flag)), colours),
        "bands": _bands(frames, edges, colours),
        "frames": [
            row
            | {"start": row["frame"], "end": row["frame"] + 1, "centre": row["frame"] + 0.5, "click_id": click_id}
            | {"y": foot - COST * row[column] / most, "cost": row[column], "at": position_text(film, row["frame"])}
            | {"about": f"{position_text(film, row['frame'])}: {row['prediction']}, {row[column]:.2f} %"}
            for row in frames
        ],
        "ticks": _ticks(film),
        "here": [{"start": here, "end": here + 1, "centre": here + 0.5}],
        "flag": flag,
        "blocks": [{"block": block, "y": y + ROW / 2} for block, y, _ in _places(config)],
        "stages": _stages(config),
        "scale": [
            {"y": foot, "text": "0 %"},
            {"y": foot - COST / 1.05, "text": f"{max(row[column] for row in frames):.3g} %"},
        ],
    }
    axis = "dial: price of a full block, in nats; not trained" if film.dial else "budget: the requested cp, %"
    return Figure(film_template(len(frames), gates_end, foot, axis, MEASURES[cost].name, colours), data)


def position_text(film: Film, frame: int) -> str:
    """A frame's budget or dial price as text."""
    position = film.positions[frame]
    if not film.dial:
        return f"{position:.3g} %"
    return "as trained" if position == 0 else f"price {price_text(position)}"


def _places(config: ModelConfig) -> list[tuple[int, float, int]]:
    """Block number, y and stage of every gated block, from the top, with a gap between stages."""
    places = [(row["block"], row["stage"]) for row in block_numbers(config)]
    top = start_of(*places[0])  # the first stage may have no gated block
    return [(block, BAND + GAP + ROW * (start_of(block, stage) - top), stage) for block, stage in places]


def _stages(config: ModelConfig) -> Rows:
    places = _places(config)
    return [
        {"stage": f"stage {stage}" if len(ys) * ROW >= NAME else str(stage), "y": ys[0], "y2": ys[-1] + ROW}
        for stage, ys in ((key, [y for _, y, _ in group]) for key, group in groupby(places, key=lambda p: p[2]))
    ]


def _cells(film: Film, rows: dict[int, float], colours: Palette) -> Rows:
    """Cells: neighbouring frames with the same decision share one, which makes a tenth of the marks."""
    fills = {name: colours.option(name) for name in film.traces[0].options}
    return [
        {"start": start, "end": end, "y": y, "y2": y + ROW, "skipped": option == "skip", "option": option}
        | {"fill": fills[option], "ink": colours.text_on(fills[option])}
        for option, start, end, y in _runs(film, rows)
    ]


def _options(film: Film, rows: dict[int, float], lines: Iterable[float], colours: Palette) -> Rows:
    """Option names in the cells, so that colour is not the only cue.

    They are a table of their own because they move with the position in use and the cells do not.
    """
    return [
        {"option": option, "y": y + ROW / 2, "ink": colours.text_on(colours.option(option))} | _room(start, end, lines)
        for option, start, end, y in _runs(film, rows)
        if option != "skip" and end - start >= 2
    ]


def _runs(film: Film, rows: dict[int, float]) -> list[tuple[str, int, int, float]]:
    """Option, first frame, end (exclusive) and y of every run of frames with the same decision of a gate."""
    runs = []
    for index, (_, y) in enumerate(sorted(rows.items())):
        start = 0
        for option, group in groupby(trace.decisions[index] for trace in film.traces):
            end = start + sum(1 for _ in group)
            runs.append((option, start, end, y))
            start = end
    return runs


def _room(start: float, end: float, lines: Iterable[float]) -> dict[str, float]:
    """A run's centre, and its longest part that no line of the chart crosses, where its name fits."""
    cuts = [start, *sorted(line for line in lines if start < line < end), end]
    low, high = max(pairwise(cuts), key=lambda piece: piece[1] - piece[0])
    return {"centre": (start + end) / 2, "low": low, "high": high}


def _bands(frames: Rows, lines: Iterable[float], colours: Palette) -> Rows:
    """Bands: neighbouring frames with the same prediction share one."""
    bands: Rows = []
    for (label, verdict), group in groupby(frames, key=lambda row: (row["prediction"], row["verdict"])):
        members = list(group)
        start, end = members[0]["frame"], members[-1]["frame"] + 1
        wrong = verdict == "wrong"
        bands.append(
            _room(start, end, lines)
            | {
                "start": start,
                "end": end,
                "label": marked(verdict, class_name(label)),
                "short": GLYPHS[verdict],
                "ink": colours.wrong if wrong else colours.ink,
                "dash": wrong,
            }
        )
    return bands


def _ticks(film: Film) -> Rows:
    """Labels of the axis: round budgets, which may lie between frames; on a dial some frames, including price 0.

    ``needed`` is the chart's width in pixels from which a label has room.
    """
    if film.dial:
        middle = film.positions.index(0.0)
        frames = [f for f in range(len(film.positions)) if (f - middle) % _EVERY == 0]
        return [
            {
                "centre": f + 0.5,
                "text": position_text(film, f).removeprefix("price "),
                "needed": 0 if (f - middle) % (3 * _EVERY) == 0 else _DIAL_LABEL * len(film.positions) // _EVERY,
            }
            for f in frames
        ]
    low, high = film.positions[0], film.positions[-1]
    digits = (1, 2, 5) if high >= 10 * low else range(1, 10)
    budgets = [budget for power in range(-3, 3) for digit in digits if low <= (budget := digit * 10.0**power) <= high]
    return [{"centre": film.fraction(budget) + 0.5, "text": f"{budget:.3g} %", "needed": 0} for budget in budgets]


def _flag(stays_right: StaysRight) -> Rows:
    if stays_right.frame is None:
        return []
    text = f"stays {'right' if stays_right.known else class_name(stays_right.label)} from here"
    return [{"frame": stays_right.frame, "centre": stays_right.frame + 0.5, "text": text}]


@lru_cache(maxsize=32)
def film_template(count: int, gates_end: int, foot: int, axis: str, cost: str, colours: Palette) -> dict[str, Any]:
    """The specification without data.

    Args:
        count: number of frames.
        gates_end: y below the last gate.
        foot: y of the axis.
        axis: title of the axis.
        cost: name of the measure below the gates.
        colours: palette of the theme.
    """
    place = alt.Scale(domain=[0, count], nice=False, zero=False)

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=place, axis=None)

    marks = [
        *_gate_marks(at, count),
        *_band_marks(at, count),
        *_cost_marks(at, foot, colours),
        *_side_marks(gates_end, foot, cost, colours),
        *_axis_marks(at, foot, axis, colours),
        *_here_marks(at, count, gates_end, foot, colours),
        _target(at, foot),
    ]
    return padded(alt.layer(*marks), LEFT, RIGHT, TOP, BOTTOM, foot + TOP + BOTTOM)


def _gate_marks(at: Any, count: int) -> list[alt.Chart]:
    """Decisions; a skip is a line."""
    cells = table("cells")
    needed = "7 + 5 * length(datum.option)"
    middle = alt.value(alt.expr("(datum.y + datum.y2) / 2"))
    return [
        cells.transform_filter("!datum.skipped")
        .mark_rect(aria=False)
        .encode(
            x=at("start"),
            x2="end:Q",
            y=alt.value(alt.expr("datum.y + 1")),
            y2=y_of("y2"),
            fill=alt.Fill("fill:N", scale=None),
        ),
        cells.transform_filter("datum.skipped")
        .mark_rule(aria=False, strokeWidth=1.3, opacity=0.6)
        .encode(x=at("start"), x2="end:Q", y=middle, stroke=alt.Stroke("ink:N", scale=None)),
        table("options")
        .mark_text(aria=False, fontSize=9.5, opacity=0.9)
        .encode(
            x=_beside_lines(needed, count),
            y=alt.value(alt.expr("datum.y + 1")),
            text=alt.value(alt.expr(f"{_fits(needed, count)} ? datum.option : ''")),
            color=alt.Color("ink:N", scale=None),
        ),
    ]


def _fits(needed: str, count: int) -> str:
    """Vega expression: whether that many pixels fit between ``low`` and ``high`` of a row."""
    return f"((datum.high - datum.low) * width / {count} >= {needed})"


def _beside_lines(needed: str, count: int) -> Any:
    """x of a name that needs that many pixels: the centre of its run, moved just so far that no line crosses it."""
    step = f"width / {count}"
    half = f"min({needed}, (datum.high - datum.low) * {step}) / 2"
    return alt.value(
        alt.expr(f"clamp(datum.centre * {step}, datum.low * {step} + {half}, datum.high * {step} - {half})")
    )


def _band_marks(at: Any, count: int) -> list[alt.Chart]:
    """A band for each prediction along the budgets, dashed if it is wrong."""
    bands = table("bands")
    look: dict[str, Any] = {"aria": False, "fontSize": 12, "fontWeight": 600}
    needed = "12 + 7.5 * length(datum.label)"
    fits = _fits(needed, count)
    dashed = alt.expr("datum.dash ? [4, 3] : []")  # a mark property: Vega-Lite ignores the encoding for rectangles
    return [
        bands.mark_rect(aria=False, cornerRadius=3, strokeWidth=1.2, strokeDash=dashed).encode(
            x=at("start"),
            x2="end:Q",
            y=alt.value(0),
            y2=alt.value(BAND),
            stroke=alt.Stroke("ink:N", scale=None),
            fill=alt.Fill("ink:N", scale=None),
            fillOpacity=alt.value(0.07),
        ),
        bands.mark_text(**look).encode(
            x=_beside_lines(f"({fits} ? {needed} : 14)", count),
            y=alt.value(BAND / 2 + 1),
            text=alt.value(alt.expr(f"{fits} ? datum.label : datum.short")),
            color=alt.Color("ink:N", scale=None),
        ),
    ]


def _cost_marks(at: Any, foot: int, colours: Palette) -> list[alt.Chart]:
    """The image's cost at every budget."""
    frames = table("frames", "frame")
    return [
        frames.mark_rect(aria=False, fill=colours.families[0], fillOpacity=0.25).encode(
            x=at("start"), x2="end:Q", y=y_of("y"), y2=alt.value(foot)
        ),
        frames.mark_rule(aria=False, strokeWidth=2, color=colours.families[0]).encode(
            x=at("start"), x2="end:Q", y=y_of("y")
        ),
    ]


def _side_marks(gates_end: int, foot: int, cost: str, colours: Palette) -> list[alt.Chart]:
    """Block numbers and stages beside the gates, and the scale of the cost."""
    small: dict[str, Any] = {"aria": False, "fontSize": 10, "color": colours.muted}
    blocks, stages = table("blocks"), table("stages")
    scale = table("scale")
    return [
        blocks.mark_text(**small, align="right").encode(x=alt.value(-8), y=y_of("y"), text="block:Q"),
        stages.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=alt.value(-26), y=y_of("y"), y2=y_of("y2")
        ),
        stages.mark_text(aria=False, fontSize=11, color=colours.muted, angle=270).encode(
            x=alt.value(-38), y=alt.value(alt.expr("(datum.y + datum.y2) / 2")), text="stage:N"
        ),
        scale.mark_text(**small, align="left").encode(x=alt.value(alt.expr("width + 6")), y=y_of("y"), text="text:N"),
        scale.transform_filter(f"datum.y == {foot}")
        .mark_text(aria=False, fontSize=11, color=colours.muted, align="right", text=["its own", cost])
        .encode(x=alt.value(-8), y=alt.value((gates_end + GAP + foot) / 2 - 6)),
    ]


def _axis_marks(at: Any, foot: int, axis: str, colours: Palette) -> list[alt.Chart]:
    ticks = table("ticks")
    look: dict[str, Any] = {"aria": False, "color": colours.muted, "baseline": "top"}
    return [
        ticks.mark_text(**look, fontSize=10.5).encode(
            x=at("centre"),
            y=alt.value(foot + 7),
            text=alt.value(alt.expr("width >= datum.needed ? datum.text : ''")),
        ),
        ticks.mark_tick(aria=False, orient="vertical", size=5, thickness=1, color=colours.muted).encode(
            x=at("centre"), y=alt.value(foot + 3)
        ),
        table("here")
        .mark_text(**look, fontSize=11.5, text=axis)
        .encode(x=alt.value(alt.expr("width / 2")), y=alt.value(foot + 24)),
    ]


def _here_marks(at: Any, count: int, gates_end: int, foot: int, colours: Palette) -> list[alt.Chart]:
    """The border of the frame in use, and the flag from which the prediction stays right."""
    here, flag = table("here"), table("flag")
    # The flag's text is right of its frame, or left of it if there is no room.
    behind = (
        f"({count} - datum.frame - 1) * width / {count} >= 8 + 5.2 * length(datum.text) || datum.frame < {count / 2}"
    )
    x = f"{behind} ? (datum.frame + 1) * width / {count} + 4 : datum.frame * width / {count} - 4"
    side = alt.expr(f"{behind} ? 'left' : 'right'")
    look: dict[str, Any] = {"aria": False, "align": side, "fontSize": 11, "fontWeight": 600, "baseline": "top"}
    place = {"x": alt.value(alt.expr(x)), "y": alt.value(gates_end + 2), "text": alt.Text("text:N")}
    return [
        flag.mark_rule(aria=False, strokeWidth=1.6, strokeDash=[2, 3], color=colours.ink).encode(
            x=at("centre"), y=alt.value(BAND), y2=alt.value(foot)
        ),
        here.mark_rect(aria=False, fill="transparent", stroke=colours.accent, strokeWidth=2.4, cornerRadius=3).encode(
            x=at("start"), x2="end:Q", y=alt.value(-3), y2=alt.value(foot + 2)
        ),
        here.mark_point(
            aria=False, shape="triangle-down", filled=True, size=70, opacity=1, color=colours.accent
        ).encode(x=at("centre"), y=alt.value(-8)),
        # An outline in the background colour keeps the text readable across lines.
        flag.mark_text(**look, color=colours.background, stroke=colours.background, strokeWidth=3).encode(**place),
        flag.mark_text(**look, color=colours.ink).encode(**place),
    ]


def _target(at: Any, foot: int) -> alt.Chart:
    """The invisible layer for tooltips and clicks, a frame over its whole height."""
    tooltip = [
        alt.Tooltip("at:N", title="at"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("confidence:Q", title="confidence %", format=".1f"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("cost:Q", title="its own cost %", format=".2f"),
    ]
    click = alt.selection_point(name=FRAME_PARAM, fields=["frame", "click_id"], on="click", empty=False)
    return (
        table("frames", "frame")
        .mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=at("start"), x2="end:Q", y=alt.value(0), y2=alt.value(foot), tooltip=tooltip, description="about:N")
        .add_params(click)
    )
