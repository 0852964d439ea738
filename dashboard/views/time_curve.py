"""Accuracy against measured time: the rows and the chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypedDict

import altair as alt
import numpy as np

from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette
from dashboard.views.curve import OTHERS
from dashboard.views.curve_chart import PATHS, TEST_AXIS, point_legend
from dashboard.views.points import PointRow
from dfs_core.timing.survey import Survey, Timing

RIVALS = "what you would run instead"
HEIGHT = 360
_ROOM = 1.25  # factor of time between the outermost points and the edges


class TimedRow(TypedDict):
    """A timed network.

    Attributes:
        what: its name, with the budget where it serves several.
        checkpoint: name of the checkpoint that it answers as.
        group: title of its family.
        budget: in percent of cp; None if it has one budget.
        accuracy: on the test set, in percent.
        accuracy_is: whether that was measured, is interpolated, or is that of the same network on the engine.
        ms: measured milliseconds an image.
        images_per_second: measured.
        speed: relative to the backbone in PyTorch, float32.
        cp: counted cost in percent; None for rivals.
    """

    what: str
    checkpoint: str
    group: str
    budget: float | None
    accuracy: float
    accuracy_is: str
    ms: float
    images_per_second: float
    speed: float
    cp: float | None


def timed_rows(survey: Survey, points: Sequence[PointRow], batch: int) -> list[TimedRow]:
    """The networks of a survey that have an accuracy.

    Args:
        survey: the timings.
        points: of the accuracy/cost curve.
        batch: images that ran at a time.
    """
    own: dict[str, list[PointRow]] = {}
    for point in points:
        if point["family"] not in OTHERS:
            own.setdefault(point["checkpoint"], []).append(point)
    timings = (timing for timing in survey.timings if timing.batch == batch)
    return [row for timing in timings if (row := _row(timing, own)) is not None]


def _row(timing: Timing, own: Mapping[str, Sequence[PointRow]]) -> TimedRow | None:
    points = sorted(own.get(timing.checkpoint, ()), key=lambda point: point["budget"] or 0.0)
    if not points:
        return None
    accuracy, cp, how = _at(points, timing.budget)
    return {
        "what": timing.what,
        "checkpoint": timing.checkpoint,
        "group": RIVALS if timing.rival else points[0]["group"],
        "budget": timing.budget,
        "accuracy": accuracy,
        "accuracy_is": "that of the same network on the engine" if timing.rival else how,
        "ms": timing.ms_an_image,
        "images_per_second": 1000 / timing.ms_an_image,
        "speed": timing.speed,
        "cp": None if timing.rival else cp,
    }


def _at(points: Sequence[PointRow], budget: float | None) -> tuple[float, float | None, str]:
    """Accuracy and cp of a checkpoint at a budget; between measured budgets they are interpolated."""
    if budget is None or len(points) == 1:
        return points[0]["accuracy"], points[0]["cp"], "measured"
    exact = next((point for point in points if point["budget"] == budget), None)
    if exact is not None:
        return exact["accuracy"], exact["cp"], "measured"
    at = [point["budget"] or 0.0 for point in points]
    if not at[0] <= budget <= at[-1]:
        nearest = points[0] if budget < at[0] else points[-1]
        return nearest["accuracy"], nearest["cp"], "that of the nearest measured budget"
    accuracy, cp = (float(np.interp(budget, at, [point[key] or 0.0 for point in points])) for key in ("accuracy", "cp"))
    return accuracy, cp, "interpolated between measured budgets"


def in_words(rows: Sequence[TimedRow]) -> str:
    """The fastest network within half a point of the most accurate one."""
    ours = [row for row in rows if row["group"] != RIVALS]
    if not ours:
        return ""
    best = max(row["accuracy"] for row in ours)
    fast = min((row for row in ours if row["accuracy"] >= best - 0.5), key=lambda row: row["ms"])
    return (
        f"Fastest within half a point of the best ({best:.2f} %): {fast['what']}, {fast['accuracy']:.2f} % at"
        f" {fast['ms']:.3g} ms an image, {fast['speed']:.2f} times as fast as the plain network in PyTorch"
    )


def time_curve(
    rows: Sequence[TimedRow], points: Sequence[PointRow], checkpoint: str, budget: float | None, colours: Palette
) -> Figure:
    """Test accuracy against measured milliseconds an image, on a logarithmic axis.

    Families look as on the accuracy/cost curve, and points of one checkpoint are joined. Rivals are hollow diamonds
    with their names. A ring marks the checkpoint in use, at the timed budget nearest to its own.
    """
    looks = {name: (ink, shape) for name, ink, shape in point_legend(points, colours)}
    looks[RIVALS] = (colours.ink, "diamond")
    mine = [row for row in rows if row["checkpoint"] == checkpoint and row["group"] != RIVALS]
    ringed = min(mine, key=lambda row: abs((row["budget"] or 0.0) - (budget or 0.0)), default=None)
    times, accuracies = [row["ms"] for row in rows], [row["accuracy"] for row in rows]
    drawn: list[dict[str, Any]] = [
        row
        | {
            "ink": looks[row["group"]][0],
            "shape": PATHS.get(looks[row["group"]][1], looks[row["group"]][1]),
            "in_use": row is ringed,
            "left": row["ms"] ** 2 < min(times) * max(times),
        }
        for row in rows
    ]
    span = max(max(accuracies) - min(accuracies), 0.5)
    x = (min(times) / _ROOM, max(times) * _ROOM)
    y = (max(0.0, min(accuracies) - 0.1 * span), min(100.0, max(accuracies) + 0.14 * span))
    data = {
        "timed": [row for row in drawn if row["group"] != RIVALS],
        "rivals": [row for row in drawn if row["group"] == RIVALS],
    }
    groups = dict.fromkeys(row["group"] for row in (*data["timed"], *data["rivals"]))
    return Figure(_template(x, y, colours), data, tuple(Key(group, *looks[group]) for group in groups))


@lru_cache(maxsize=8)
def _template(times: tuple[float, float], accuracies: tuple[float, float], colours: Palette) -> dict[str, Any]:
    axis = alt.Axis(grid=False, format="~g", labelFlush=False, labelOverlap=True)
    x = alt.X(
        "ms:Q",
        title="measured time, ms an image (logarithmic)",
        scale=alt.Scale(type="log", domain=list(times), nice=False),
        axis=axis,
    )
    y = alt.Y("accuracy:Q", title=TEST_AXIS, scale=alt.Scale(domain=list(accuracies), zero=False, nice=False))
    ink = alt.Color("ink:N", scale=None)
    look: Any = {"size": 85, "opacity": 1, "strokeWidth": 1.8}
    hollow: Any = {"filled": False, "fill": "transparent"}
    timed, rivals = table("timed"), table("rivals")
    mark: Any = {"x": x, "y": y, "tooltip": _tooltip()}
    return (
        alt.layer(
            timed.mark_line(strokeWidth=1.2, opacity=0.45).encode(x=x, y=y, color=ink, detail="checkpoint:N"),
            timed.mark_point(filled=True, **look).encode(
                **mark,
                fill=alt.Fill("ink:N", scale=None),
                stroke=alt.Stroke("ink:N", scale=None),
                shape=alt.Shape("shape:N", scale=None),
            ),
            timed.transform_filter("datum.in_use")
            .mark_point(shape="circle", color=colours.accent, **look | hollow | {"size": 330, "strokeWidth": 2.4})
            .encode(x=x, y=y),
            rivals.mark_point(shape="diamond", color=colours.ink, **look | hollow).encode(**mark),
            *(
                rivals.transform_filter(f"{'' if side == 'left' else '!'}datum.left")
                .mark_text(align=side, dx=9 if side == "left" else -9, dy=-9, fontSize=11.5, color=colours.ink)
                .encode(x=x, y=y, text="what:N")
                for side in ("left", "right")  # the text goes towards the middle
            ),
        )
        .properties(height=HEIGHT)
        .to_dict()
    )


def _tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("what:N"),
        alt.Tooltip("ms:Q", title="measured: ms an image", format=".4f"),
        alt.Tooltip("images_per_second:Q", title="measured: images a second", format=",.0f"),
        alt.Tooltip("speed:Q", title="times as fast as PyTorch, float32", format=".2f"),
        alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f"),
        alt.Tooltip("accuracy_is:N", title="this accuracy is"),
        alt.Tooltip("cp:Q", title="counted: cp %", format=".2f"),
    ]
