"""Accuracy against cost, and cp against its target. Tables and colours in, Altair charts out; no Streamlit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.costs import MEASURES, Cost
from dashboard.figure import Figure, Key
from dashboard.palette import Palette
from dashboard.tables import PUBLISHED_GROUP, Rows, Scale

POINT_PARAM = "pick"
HEIGHT = 400
_SHAPES = ("circle", "square", "triangle-up", "triangle-down", "cross", "triangle-right")
_LANE = 22  # pixels at the foot of the plot, where the shown images stand


def accuracy_curve(
    points: Rows,
    images: Rows,
    selected: str,
    focus: str | None,
    cost: Cost,
    scale: Scale,
    colours: Palette,
    turn: int = 0,
) -> Figure:
    """Test accuracy against cost: checkpoints with 95 % intervals, published points, and where the shown images stand.

    A click on a measured point gives its checkpoint to the selection ``POINT_PARAM``, with ``turn``. Published points
    are hollow diamonds and cannot be clicked: there is nothing to load.

    Args:
        points: as ``tables.point_rows`` gives them, all with the chosen cost.
        images: as ``tables.image_rows`` gives them: each image's own cost is a tick at the foot.
        selected: the checkpoint in use.
        focus: key of the image in focus; its tick is the long one.
        cost: the measure on the x axis.
        scale: of the x axis. A cost of 0 has no place on a logarithmic axis and stands at its left end.
        colours: of the theme.
        turn: comes back with a selection; by another one a second click on the same point is told from the first.
    """
    column, title = MEASURES[cost].column, MEASURES[cost].axis
    low, high = _domain([row[column] for row in [*points, *images]], scale)
    looks = {name: (ink, shape) for name, ink, shape in point_legend(points, colours)}
    drawn = [
        point
        | {
            "x": max(point[column], low),
            "in_use": point["checkpoint"] == selected,
            "ink": looks[point["group"]][0],
            "shape": looks[point["group"]][1],
            "turn": turn,
        }
        for point in points
    ]
    data = {
        "measured": [point for point in drawn if point["group"] != PUBLISHED_GROUP],
        "published": [point for point in drawn if point["group"] == PUBLISHED_GROUP],
        "images": [
            image
            | {
                "x": max(image[column], low),
                "long": image["key"] == focus,
                "ink": colours.accent if image["key"] == focus else colours.ink,
            }
            for image in images
        ],
    }
    return Figure(
        _curve_template((low, high), _accuracy_domain(points), title, scale, colours), data, point_keys(points, colours)
    )


@lru_cache(maxsize=32)
def _curve_template(
    costs: tuple[float, float],
    accuracies: tuple[float, float],
    title: str,
    scale: Scale,
    colours: Palette,
) -> dict[str, Any]:
    """The specification of the curve without its data."""
    x = alt.X(
        "x:Q",
        title=title,
        scale=alt.Scale(type=scale, domain=list(costs), nice=False),
        axis=alt.Axis(format=".3~r", tickCount=6, labelFlush=False, grid=False),
    )
    # Room at the foot for the lane of the images, so that no point lies in it.
    y = alt.Y("accuracy:Q", title="test accuracy, %", scale=alt.Scale(domain=list(accuracies), zero=False, nice=False))
    marks = [*_published_marks(x, y, colours), *_measured_marks(x, y, colours), *_image_marks(x)]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()


def point_legend(points: Rows, colours: Palette) -> list[tuple[str, str, str]]:
    """Name, colour and shape of each group of points, in their order; published ones have none of the families'."""
    groups = tuple(dict.fromkeys(point["group"] for point in points))
    families = iter(zip(colours.families * len(groups), _SHAPES * len(groups), strict=True))
    published = (colours.muted, "diamond")
    return [(name, *(published if name == PUBLISHED_GROUP else next(families))) for name in groups]


def point_keys(points: Rows, colours: Palette) -> tuple[Key, ...]:
    """What the points mean."""
    return tuple(
        Key("published, not measured here" if name == PUBLISHED_GROUP else name, ink, shape)
        for name, ink, shape in point_legend(points, colours)
    )


def training_curve(log: Rows, colours: Palette) -> Figure | None:
    """cp of the training batches against the target, over epochs, with cp on validation; None if the log has no cp."""
    steps = [row for row in log if "cp" in row and "target" in row]
    if len(steps) < 2:
        return None
    data = {"steps": [{key: row[key] for key in ("epoch", "cp", "target")} for row in steps]}
    checks = [row for row in log if "validation_cp" in row]
    if checks:
        keys = ("epoch", "validation_cp", "validation_accuracy")
        data["checks"] = [{key: row.get(key) for key in keys} for row in checks]
    legend = [Key("training batches", colours.families[0], "line"), Key("target", colours.accent, "dashed")]
    if checks:
        legend.append(Key("validation", colours.ink, "ring"))
    return Figure(_training_template(bool(checks), colours), data, tuple(legend))


@lru_cache(maxsize=8)
def _training_template(checked: bool, colours: Palette) -> dict[str, Any]:
    """The specification of the training curve without its data."""
    x = alt.X("epoch:Q", title="epoch", axis=alt.Axis(grid=False, tickMinStep=1, format="d"))
    y = alt.Y("cp:Q", title="cp %", scale=alt.Scale(zero=True))
    when = alt.Tooltip("epoch:Q", format=".2f")
    base = alt.Chart(alt.NamedData("steps"))
    marks = [
        base.mark_line(strokeWidth=1.5, color=colours.families[0]).encode(
            x=x, y=y, tooltip=[when, alt.Tooltip("cp:Q", title="cp %", format=".2f")]
        ),
        base.mark_line(strokeDash=[5, 4], strokeWidth=1.5, color=colours.accent).encode(x=x, y="target:Q"),
    ]
    if checked:
        tooltip = [
            when,
            alt.Tooltip("validation_cp:Q", title="cp on validation %", format=".2f"),
            alt.Tooltip("validation_accuracy:Q", title="accuracy on validation %", format=".2f"),
        ]
        checks = alt.Chart(alt.NamedData("checks"))
        points = checks.mark_point(filled=False, size=60, strokeWidth=1.8, color=colours.ink)
        marks.append(points.encode(x=x, y="validation_cp:Q", tooltip=tooltip))
    return alt.layer(*marks).properties(height=240).to_dict()


def _domain(costs: list[float], scale: Scale) -> tuple[float, float]:
    """Of the cost axis; a logarithmic one starts at the power of ten below the cheapest point or image."""
    if scale == "linear":
        return 0.0, 105.0
    cheapest = min((cost for cost in costs if cost > 0), default=1.0)
    return 10.0 ** math.floor(math.log10(cheapest)), 120.0


def _accuracy_domain(points: Rows) -> tuple[float, float]:
    bounds = [point[key] for point in points for key in ("accuracy", "low", "high") if point[key] is not None]
    if not bounds:
        return 0.0, 100.0
    low, high = min(bounds), max(bounds)
    span = max(high - low, 0.5)
    return max(0.0, low - 0.14 * span), min(100.0, high + 0.08 * span)


def _published_marks(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    tooltip = [
        alt.Tooltip("label:N", title="published"),
        alt.Tooltip("accuracy:Q", title="accuracy %"),
        alt.Tooltip("cp:Q", title="cp %"),
        alt.Tooltip("source:N"),
    ]
    mark = alt.Chart(alt.NamedData("published")).mark_point(
        shape="diamond", filled=False, fill="transparent", size=70, strokeWidth=1.3, color=colours.muted
    )
    return [mark.encode(x=x, y=y, tooltip=tooltip)]


def _measured_marks(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """A line along each family's budgets, intervals, points, a ring round the one in use, and what is clicked."""
    base = alt.Chart(alt.NamedData("measured"))
    ink, shape = alt.Color("ink:N", scale=None), alt.Shape("shape:N", scale=None)
    tooltip = [
        alt.Tooltip("label:N", title="measured"),
        alt.Tooltip("checkpoint:N"),
        alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("high:Q", title="95 % to", format=".2f"),
        alt.Tooltip("cp:Q", title="cp %", format=".2f"),
        alt.Tooltip("all_in:Q", title="all-in %", format=".2f"),
        alt.Tooltip("source:N"),
    ]
    in_use = base.transform_filter("datum.in_use")
    number = in_use.encode(x=x, y=y, text=alt.Text("accuracy:Q", format=".2f"))
    look: Any = {"dy": -20, "fontSize": 13, "fontWeight": 600, "color": colours.accent}
    ring: Any = {"shape": "circle", "filled": False, "fill": "transparent", "color": colours.accent}
    click = alt.selection_point(name=POINT_PARAM, fields=["checkpoint", "turn"], on="click", empty=False)
    return [
        base.mark_line(strokeWidth=1.2, opacity=0.45).encode(x=x, y=y, color=ink, detail=["group:N", "alpha:Q"]),
        base.mark_rule(strokeWidth=1.3, opacity=0.8).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=ink),
        base.mark_point(filled=True, size=85, opacity=1).encode(x=x, y=y, color=ink, shape=shape),
        in_use.mark_point(size=330, strokeWidth=2.4, **ring).encode(x=x, y=y),
        number.mark_text(stroke=colours.background, strokeWidth=5, strokeJoin="round", **look),
        number.mark_text(**look),
        base.mark_circle(size=420, opacity=0.001, cursor="pointer").encode(x=x, y=y, tooltip=tooltip).add_params(click),
    ]


def _image_marks(x: alt.X) -> list[alt.Chart]:
    """A tick for each shown image at the foot of the plot, at its own cost; the one in focus is longer."""
    base = alt.Chart(alt.NamedData("images"))
    tooltip = [
        alt.Tooltip("image:N", title="picture"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("cp:Q", title="its own cp %", format=".2f"),
        alt.Tooltip("all_in:Q", title="its own all-in %", format=".2f"),
    ]
    ink = alt.Color("ink:N", scale=None)
    return [
        base.mark_rule(strokeWidth=2, opacity=0.55).encode(
            x=x,
            y=alt.value(alt.expr(f"height - {_LANE}")),
            y2=alt.value(alt.expr("height - 4")),
            color=ink,
            tooltip=tooltip,
        ),
        base.transform_filter("datum.long")
        .mark_rule(strokeWidth=3)
        .encode(
            x=x,
            y=alt.value(alt.expr(f"height - {_LANE + 10}")),
            y2=alt.value(alt.expr("height")),
            color=ink,
            tooltip=tooltip,
        ),
    ]
