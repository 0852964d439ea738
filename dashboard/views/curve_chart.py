"""Accuracy against cost, and cp against its target. Tables and colours in, Altair charts out; no Streamlit."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.naming import DIAL_KEY, METHODS, PUBLISHED_KEY, SESSION, SHUFFLED_KEY
from dashboard.answers.tables import LIVE_KEY, SAME_BUDGET, Rows, Scale
from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette
from dashboard.views import curve_axes, curve_marks
from dashboard.views.curve_marks import POINT_PARAM, TICK_PARAM

__all__ = ["POINT_PARAM", "TICK_PARAM", "accuracy_curve", "outside", "point_legend", "training_curve", "visible"]

HEIGHT = 400
_SHAPES = ("circle", "square", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left")
_LOG_TICKS = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 5)]
_WORDS = {
    PUBLISHED_KEY: "published, not measured here",
    LIVE_KEY: f"{METHODS[SESSION]}: hollow, on validation images, not published",
}
_OTHERS = (DIAL_KEY, SHUFFLED_KEY, PUBLISHED_KEY)


def accuracy_curve(
    points: Rows,
    images: Rows,
    selected: str,
    focus: str | None,
    cost: Cost,
    scale: Scale,
    colours: Palette,
    turn: int = 0,
    budget: float | None = None,
    hidden: Collection[str] = (),
    close: bool = False,
) -> Figure:
    """Test accuracy against cost: checkpoints with 95 % intervals, other points, and where the shown images stand.

    A click on a measured point gives its checkpoint and budget to the selection ``POINT_PARAM``, one on an image's tick
    gives its key to ``TICK_PARAM``, both with ``turn``. Published points are hollow diamonds and cannot be clicked:
    there is nothing to load. A dial, reached by a price without training, is dashed.

    Args:
        points: as ``points.point_rows`` gives them, all with the chosen cost.
        images: as ``tables.image_rows`` gives them: each image's own cost is a tick at the foot.
        selected: the checkpoint in use.
        focus: key of the image in focus; its tick is the long one.
        cost: the measure on the x axis.
        scale: of the x axis. A cost of 0 has no place on a logarithmic axis and stands at its left end.
        colours: of the theme.
        turn: comes back with a selection; by another one a second click on the same point is told from the first.
        budget: what a checkpoint for every budget is asked for; on an axis of cp it is marked.
        hidden: keys of the families that are switched off; the others keep their colours.
        close: whether the axes span the points that cost about as much as the one in use, not all costs up to 100 %.
            Images that lie outside are left out; ``outside`` counts them.
    """
    column, title = MEASURES[cost].column, MEASURES[cost].axis
    looks = {name: (ink, shape) for name, ink, shape in point_legend(points, colours)}
    points = visible(points, hidden)
    near = _near(points, selected, budget, column) if close else None
    low, high = domain = curve_axes.cost_domain(points, images, column, scale, near)
    drawn = [
        point
        | {
            "x": max(point[column], low / 100 if close else low),  # close up, what is outside is cut off
            "in_use": _in_use(point, selected, budget),
            "ink": looks[point["group"]][0],
            "shape": looks[point["group"]][1],
            "body": colours.background if str(point["family"]).startswith(LIVE_KEY) else looks[point["group"]][0],
        }
        for point in points
    ]
    kinds: dict[str, Rows] = {key: [point for point in drawn if point["family"] == key] for key in _OTHERS}
    data = {
        "measured": [
            point | {"id": number, "turn": turn}
            for number, point in enumerate(point for point in drawn if point["family"] not in _OTHERS)
        ],
        **kinds,
        "asked": [{"x": budget}] if budget and cost == "cp" and low <= budget <= high else [],
        "images": [
            image
            | {
                "x": max(image[column], low),
                "long": image["key"] == focus,
                "ink": colours.accent if image["key"] == focus else colours.ink,
                "turn": turn,
            }
            for image in curve_axes.in_view(images, column, domain, close)
        ],
    }
    template = _curve_template(domain, curve_axes.accuracy_domain(near or points), title, scale, colours)
    return Figure(template, data, _point_keys(points, looks))


@lru_cache(maxsize=32)
def _curve_template(
    costs: tuple[float, float],
    accuracies: tuple[float, float],
    title: str,
    scale: Scale,
    colours: Palette,
) -> dict[str, Any]:
    """The specification of the curve without its data."""
    ticks: dict[str, Any] = {"values": _LOG_TICKS, "labelOverlap": True} if scale == "log" else {"tickCount": 6}
    x = alt.X(
        "x:Q",
        title=title,
        scale=alt.Scale(type=scale, domain=list(costs), nice=False),
        axis=alt.Axis(format=".3~r", labelFlush=False, grid=False, **ticks),
    )
    # Room at the foot for the lane of the images, so that no point lies in it.
    y = alt.Y("accuracy:Q", title="test accuracy, %", scale=alt.Scale(domain=list(accuracies), zero=False, nice=False))
    return alt.layer(*curve_marks.marks(x, y, colours)).properties(height=HEIGHT).to_dict()


def outside(
    points: Rows,
    images: Rows,
    selected: str,
    cost: Cost,
    scale: Scale,
    budget: float | None = None,
    hidden: Collection[str] = (),
    close: bool = False,
) -> int:
    """How many of the images have no place on the axis that ``accuracy_curve`` draws of the same."""
    column, points = MEASURES[cost].column, visible(points, hidden)
    near = _near(points, selected, budget, column) if close else None
    domain = curve_axes.cost_domain(points, images, column, scale, near)
    return len(images) - len(curve_axes.in_view(images, column, domain, close))


def visible(points: Rows, hidden: Collection[str]) -> Rows:
    """The points of the families that are not switched off.

    A dial and shuffled decisions are made from a checkpoint, and go with the family that its own points are of.

    Args:
        points: of all families, those that are switched off among them.
        hidden: keys of the families that are switched off.
    """
    owners = {point["checkpoint"]: point["family"] for point in points if point["family"] not in _OTHERS}
    return [
        point
        for point in points
        if point["family"] not in hidden and owners.get(point["checkpoint"], point["family"]) not in hidden
    ]


def point_legend(points: Rows, colours: Palette) -> list[tuple[str, str, str]]:
    """Name, colour and shape of each group of points, in their order; those of another standing are grey and hollow."""
    families = dict.fromkeys((point["group"], point["family"]) for point in points)
    looks = iter(zip(colours.families * len(families), _SHAPES * len(families), strict=False))
    others = {DIAL_KEY: "ring", SHUFFLED_KEY: "x", PUBLISHED_KEY: "diamond"}
    return [(name, *((colours.muted, others[key]) if key in others else next(looks))) for name, key in families]


def _point_keys(points: Rows, looks: dict[str, tuple[str, str]]) -> tuple[Key, ...]:
    """What the points mean; ``looks`` are those of all groups, where ``points`` are some of them."""
    groups = dict.fromkeys((point["group"], point["family"]) for point in points)
    return tuple(Key(_WORDS.get(str(family), str(name)), *looks[name]) for name, family in groups)


def _near(points: Rows, selected: str, budget: float | None, column: str) -> Rows:
    """The points around the one in use, or around that of its checkpoint with the nearest budget."""
    own = [point for point in points if point["checkpoint"] == selected and point["family"] not in _OTHERS]
    point = min(own, key=lambda one: abs((one["budget"] or 0.0) - (budget or 0.0)), default=None)
    return curve_axes.neighbours(points, None if point is None else point[column], column)


def _in_use(point: dict[str, Any], selected: str, budget: float | None) -> bool:
    """Whether a point is the operating point: its checkpoint and, where it serves every budget, its budget too."""
    if point["checkpoint"] != selected or point["family"] in _OTHERS:
        return False
    own = point["budget"]
    return budget is None or own is None or math.isclose(own, budget, rel_tol=SAME_BUDGET)


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
    base = table("steps")
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
        checks = table("checks")
        points = checks.mark_point(filled=False, size=60, strokeWidth=1.8, color=colours.ink)
        marks.append(points.encode(x=x, y="validation_cp:Q", tooltip=tooltip))
    return alt.layer(*marks).properties(height=240).to_dict()
