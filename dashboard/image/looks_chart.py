"""The chart of when a cascade looks again: one image's passes at every budget, above the whole test set's figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, TypedDict

import altair as alt

from dashboard.answers.looks import BudgetRow, times
from dashboard.answers.naming import class_name
from dashboard.answers.tables import Rows
from dashboard.answers.verdicts import Verdict, marked, verdict
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.palette import Palette
from dashboard.image.film import Film
from dashboard.image.layout import FRAME_PARAM, y_of
from dashboard.image.tables import Subject
from dfs_core.model.config import ModelConfig

_TOP, _FOOT, _LEFT, _RIGHT = 8, 60, 128, 44  # pixels
_IMAGE = (2, 40)  # y of the image's passes
_BANDS: dict[Literal["again", "accuracy"], tuple[int, int]] = {"again": (70, 142), "accuracy": (172, 244)}
HEIGHT = 250
_TITLES = {"again": "test set:\nlooked at again, %", "accuracy": "test set:\naccuracy, %"}
_CHARACTER = 6.2  # pixels of a character of the labels, at most


class LookRow(TypedDict):
    """One image at one budget.

    Attributes:
        frame: number of the film's frame, from 0.
        budget: in percent.
        limit: how many times as probable as the next class the first answer must be, in words.
        passes: number of passes.
        prediction: of the last pass.
        verdict: ``right``, ``wrong`` or empty.
        cp: in percent, every pass counted.
    """

    frame: int
    budget: float
    limit: str
    passes: int
    prediction: str
    verdict: Verdict
    cp: float


def look_rows(film: Film, subject: Subject) -> list[LookRow]:
    """One row for each frame of a cascade's film."""
    return [
        {
            "frame": frame,
            "budget": budget,
            "limit": first_limit(subject.config, budget),
            "passes": len(trace.passes),
            "prediction": trace.label,
            "verdict": verdict(trace, subject.picture),
            "cp": trace.cp,
        }
        for frame, (budget, trace) in enumerate(zip(film.positions, film.traces, strict=True))
    ]


def first_limit(config: ModelConfig, budget: float) -> str:
    """How many times as probable as the next class the first answer must be to stop there, at a budget in percent."""
    return times(config.limits_for(config.price_for(budget))[0])


def looks_chart(film: Film, where: float, stored: Sequence[BudgetRow], subject: Subject, colours: Palette) -> Figure:
    """The image's passes at every budget; below them, on the test set, the share looked at again and the accuracy.

    A click puts the nearest frame of the film into the selection ``FRAME_PARAM``.

    Args:
        film: of the image.
        where: the budget in use, in percent.
        stored: from ``looks.budget_rows``; may be empty.
        subject: the image.
        colours: palette of the theme.
    """
    rows = look_rows(film, subject)
    inside = [row for row in stored if film.positions[0] <= row["budget"] <= film.positions[-1]]
    points, ends = _points(inside, where)
    domain = film.positions[0], film.positions[-1]
    data = {
        "runs": _runs(rows, subject, colours),
        "frames": [
            row | {"start": start, "end": end, "click_id": subject.click_id}
            for row, (start, end) in zip(rows, pairwise(_edges(film.positions)), strict=True)
        ],
        "points": points,
        "ends": ends,
        "here": [{"budget": min(max(where, domain[0]), domain[1])}],
        "titles": [{"y": 21, "text": "this image: passes"}]
        + [{"y": sum(_BANDS[name]) / 2, "text": _TITLES[name]} for name in _BANDS if inside],
    }
    return Figure(_template(domain, bool(inside), colours), data)


def _edges(positions: Sequence[float]) -> list[float]:
    """Boundaries between frames, halfway by ratio, and both ends of the axis."""
    return [positions[0], *(math.sqrt(a * b) for a, b in pairwise(positions)), positions[-1]]


def _runs(rows: Sequence[LookRow], subject: Subject, colours: Palette) -> Rows:
    """Neighbouring frames with the same number of passes and the same prediction, as one box each."""
    edges = _edges([row["budget"] for row in rows])
    runs: Rows = []
    for row, (start, end) in zip(rows, pairwise(edges), strict=True):
        last = runs[-1] if runs else None
        if last and (last["passes"], last["prediction"]) == (row["passes"], row["prediction"]):
            last["end"] = end
            continue
        fill = colours.option(subject.config.passes[row["passes"] - 1])
        text = f"{row['passes']}: {marked(row['verdict'], class_name(row['prediction']))}"
        look = {"fill": fill, "ink": colours.text_on(fill), "short": str(row["passes"])}
        runs.append(row | look | {"text": text, "start": start, "end": end})
    return [run | {"centre": math.sqrt(run["start"] * run["end"]), "letters": len(run["text"])} for run in runs]


def _points(stored: Sequence[BudgetRow], where: float) -> tuple[Rows, Rows]:
    """The test set's points with their y in pixels, and the ends of each scale; the point in use has its number."""
    here = min(stored, key=lambda row: abs(math.log(row["budget"] / where)), default=None)
    points: Rows = []
    ends: Rows = []
    for name, (top, bottom) in _BANDS.items():
        values = [row[name] for row in stored]
        if not values:
            continue
        low, high = (0.0, 100.0) if name == "again" else (min(values), max(max(values), min(values) + 0.1))
        for row in stored:
            y = bottom - (row[name] - low) / (high - low) * (bottom - top)
            text = f"{row[name]:.{1 if name == 'again' else 2}f}" if row is here else ""
            points.append(row | {"band": name, "y": y, "text": text, "limit": times(row["limit"])})
        ends += [{"y": top, "text": f"{high:.4g}"}, {"y": bottom, "text": f"{low:.4g}"}]
    return points, ends


@lru_cache(maxsize=16)
def _template(domain: tuple[float, float], measured: bool, colours: Palette) -> dict[str, Any]:
    scale = alt.Scale(type="log", domain=list(domain), nice=False)
    axis = alt.Axis(title="budget: the requested cp, %", format=".3~r", grid=False, tickCount=8, labelOverlap=True)
    height = HEIGHT if measured else _IMAGE[1] + 8

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=axis, title="budget: the requested cp, %")

    runs, frames, points, here = table("runs"), table("frames"), table("points"), table("here")
    box: Any = {"x": at("start"), "x2": "end:Q", "y": alt.value(_IMAGE[0]), "y2": alt.value(_IMAGE[1])}
    pixels = f"(log(datum.end) - log(datum.start)) / {math.log(domain[1] / domain[0])} * width"
    room = f"{pixels} > datum.letters * {_CHARACTER} ? datum.text : {pixels} > 12 ? datum.short : ''"
    ink = alt.Color("ink:N", scale=None)
    number: Any = {"aria": False, "dy": -11, "fontSize": 12, "fontWeight": 600}
    side: Any = {"aria": False, "fontSize": 11.5, "color": colours.muted}
    of_image = [
        alt.Tooltip("budget:Q", title="budget %", format=".3~f"),
        alt.Tooltip("limit:N", title="stops if so many times as probable"),
        alt.Tooltip("passes:Q"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("cp:Q", title="its own cp %", format=".2f"),
    ]
    of_set = [
        alt.Tooltip("budget:Q", title="test set at budget %", format=".3~f"),
        alt.Tooltip("limit:N", title="stops if so many times as probable"),
        alt.Tooltip("again:Q", title="looked at again %", format=".1f"),
        alt.Tooltip("passes:Q", title="passes an image", format=".2f"),
        alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f"),
        alt.Tooltip("cp:Q", title="cp %", format=".2f"),
        alt.Tooltip("all_in:Q", title="all-in %", format=".2f"),
        alt.Tooltip("righted:Q", title="put right", format=","),
        alt.Tooltip("spoiled:Q", title="put wrong", format=","),
    ]
    click = alt.selection_point(name=FRAME_PARAM, fields=["frame", "click_id"], on="click", empty=False)
    marks = [
        runs.mark_rect(aria=False, stroke=colours.background, strokeWidth=1.5).encode(
            **box, fill=alt.Fill("fill:N", scale=None)
        ),
        runs.transform_calculate(fits=room)
        .mark_text(aria=False, fontSize=11)
        .encode(x=at("centre"), y=alt.value(sum(_IMAGE) / 2), text="fits:N", color=ink),
        here.mark_rule(strokeWidth=1.6, color=colours.accent).encode(
            x=at("budget"), y=alt.value(0), y2=alt.value(height)
        ),
        points.mark_line(aria=False, strokeWidth=1.6, color=colours.cascade).encode(
            x=at("budget"), y=y_of("y"), detail="band:N"
        ),
        frames.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=at("start"), x2="end:Q", y=alt.value(0), y2=alt.value(height), tooltip=of_image)
        .add_params(click),
        points.mark_circle(size=46, opacity=1, color=colours.cascade).encode(
            x=at("budget"), y=y_of("y"), tooltip=of_set
        ),
        points.mark_text(**number, stroke=colours.background, strokeWidth=4).encode(
            x=at("budget"), y=y_of("y"), text="text:N"
        ),
        points.mark_text(**number, color=colours.cascade).encode(x=at("budget"), y=y_of("y"), text="text:N"),
        table("titles")
        .mark_text(**side, align="right", limit=_LEFT - 8, lineBreak="\n")
        .encode(x=alt.value(-8), y=y_of("y"), text="text:N"),
        table("ends")
        .mark_text(**side, align="left")
        .encode(x=alt.value(alt.expr("width + 8")), y=y_of("y"), text="text:N"),
    ]
    return padded(alt.layer(*marks), _LEFT, _RIGHT, _TOP, _FOOT, height + _TOP + _FOOT)
