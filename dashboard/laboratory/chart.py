"""The charts of cp and its target, live and recorded, and of accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.tables import Rows, Table
from dashboard.drawing.figure import Figure, table
from dashboard.drawing.palette import Palette
from dashboard.laboratory.runs import ChaseRow

HEIGHT, LOW_HEIGHT = 300, 190
_DASHES = ((1, 0), (6, 2), (2, 2), (8, 3, 2, 3))  # so that runs differ not only in colour


def chase(rows: Sequence[ChaseRow], target: float, steps: int, colours: Palette) -> Figure:
    """cp of every step and the target: the current run in colour, earlier ones thin and grey.

    Args:
        rows: from ``runs.chase_rows``; empty before the first step.
        target: of the current run, in percent.
        steps: number of steps of the current run.
        colours: palette of the theme.
    """
    last = {row["run"]: row for row in rows}
    inks = {name: colours.families[0] if row["current"] else colours.muted for name, row in last.items()}
    data: dict[str, Table] = {
        "steps": [row | {"ink": inks[row["run"]]} for row in rows],
        "names": [{"run": name, "place": index, "ink": ink} for index, (name, ink) in enumerate(inks.items())],
        "now": [row for row in last.values() if row["current"]],
        "target": [{"target": target, "text": f"target {target:g} %"}],
    }
    longest = max([steps, *(row["step"] for row in rows)])
    highest = _ceiling(max([1.5 * target, *(row["cp"] for row in rows)]))
    return Figure(_chase_template(longest, highest, tuple(inks), colours), data)


@lru_cache(maxsize=32)
def _chase_template(steps: int, highest: float, runs: tuple[str, ...], colours: Palette) -> dict[str, Any]:
    x = _steps_axis(steps)
    y = alt.Y("cp:Q", title="cp of the batch, %", scale=alt.Scale(domain=[0, highest], nice=False))
    base = table("steps")
    tooltip = [
        alt.Tooltip("run:N"),
        alt.Tooltip("step:Q"),
        alt.Tooltip("cp:Q", title="cp %", format=".1f"),
        alt.Tooltip("batch_accuracy:Q", title="accuracy on the training batch %", format=".1f"),
    ]
    line = table("target")
    before, now = base.transform_filter("!datum.current"), base.transform_filter("datum.current")
    ink, dash = alt.Color("ink:N", scale=None), _dashes(runs)
    marks = [
        line.mark_rule(strokeDash=[5, 4], strokeWidth=1.6, color=colours.accent).encode(y="target:Q"),
        line.mark_text(align="left", dx=4, dy=-7, fontSize=11, color=colours.accent).encode(
            x=alt.value(0), y="target:Q", text="text:N"
        ),
        before.mark_line(strokeWidth=1.2, opacity=0.8).encode(x=x, y=y, color=ink, strokeDash=dash),
        now.mark_line(strokeWidth=2.2).encode(x=x, y=y, color=ink, strokeDash=dash),
        base.mark_circle(size=90, opacity=0.001).encode(x=x, y=y, tooltip=tooltip),
        table("now").mark_circle(size=70, opacity=1, color=colours.families[0]).encode(x=x, y=y),
        *_names(dash, 216),
    ]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()


def accuracy(rows: Sequence[ChaseRow], steps: int, colours: Palette) -> Figure:
    """Accuracy on the current run's training batches, and its running mean."""
    current = [row for row in rows if row["current"]]
    lowest = min([80.0, *(row["batch_accuracy"] for row in current)])
    return Figure(_accuracy_template(steps, 10 * (lowest // 10), colours), {"steps": current})


@lru_cache(maxsize=32)
def _accuracy_template(steps: int, lowest: float, colours: Palette) -> dict[str, Any]:
    x = _steps_axis(steps)
    scale = alt.Scale(domain=[lowest, 101], nice=False)
    base = table("steps")
    tooltip = [
        alt.Tooltip("step:Q"),
        alt.Tooltip("batch_accuracy:Q", title="accuracy on the training batch %", format=".1f"),
        alt.Tooltip("smooth:Q", title="mean of the last training batches %", format=".1f"),
    ]
    marks = [
        base.mark_circle(size=26, opacity=0.45, color=colours.muted).encode(
            x=x, y=alt.Y("batch_accuracy:Q", title="accuracy of batches, %", scale=scale), tooltip=tooltip
        ),
        base.mark_line(strokeWidth=2, color=colours.families[3]).encode(x=x, y=alt.Y("smooth:Q", scale=scale)),
    ]
    return alt.layer(*marks).properties(height=LOW_HEIGHT).to_dict()


def recorded(rows: Rows, colours: Palette) -> Figure:
    """cp and its target in recorded trainings, a line for each run."""
    names = sorted({row["run"]: row["alpha"] for row in rows}.items(), key=lambda pair: pair[1])
    inks = {name: colours.families[index % len(colours.families)] for index, (name, _) in enumerate(names)}
    data = {
        "steps": [row | {"ink": inks[row["run"]]} for row in rows],
        "names": [{"run": name, "place": index, "ink": inks[name]} for index, (name, _) in enumerate(names)],
        "target": [{"target": target} for target in {row["target"] for row in rows}],
    }
    longest = max(row["step"] for row in rows)
    highest = _ceiling(max(row["cp"] for row in rows))
    return Figure(_recorded_template(longest, highest, tuple(inks), colours), data)


@lru_cache(maxsize=32)
def _recorded_template(steps: int, highest: float, runs: tuple[str, ...], colours: Palette) -> dict[str, Any]:
    x = _steps_axis(steps)
    y = alt.Y("cp:Q", title="cp of the batch, %", scale=alt.Scale(domain=[0, highest], nice=False))
    ink = alt.Color("ink:N", scale=None)
    dash = _dashes(runs)
    base = table("steps")
    tooltip = [alt.Tooltip("run:N"), alt.Tooltip("step:Q"), alt.Tooltip("cp:Q", title="cp %", format=".1f")]
    marks = [
        table("target").mark_rule(strokeDash=[5, 4], strokeWidth=1.6, color=colours.accent).encode(y="target:Q"),
        base.mark_line(strokeWidth=1.8).encode(x=x, y=y, color=ink, strokeDash=dash),
        base.mark_circle(size=70, opacity=0.001).encode(x=x, y=y, tooltip=tooltip),
        *_names(dash, 112),
    ]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()


def _dashes(runs: tuple[str, ...]) -> alt.StrokeDash:
    """A dash pattern for each run; the last run (the current one, or the largest alpha) has a solid line."""
    dashes = [list(_DASHES[index % len(_DASHES)]) for index in range(len(runs))][::-1]
    return alt.StrokeDash("run:N", legend=None, scale=alt.Scale(domain=list(runs), range=dashes))


def _names(dash: alt.StrokeDash, room: int) -> list[alt.Chart]:
    """Legend of the runs in the upper right corner, ``room`` pixels wide."""
    names, ink = table("names"), alt.Color("ink:N", scale=None)
    at = alt.value(alt.expr("14 + datum.place * 16"))
    start, end = alt.value(alt.expr(f"width - {room}")), alt.value(alt.expr(f"width - {room - 26}"))
    return [
        names.mark_rule(strokeWidth=2).encode(x=start, x2=end, y=at, color=ink, strokeDash=dash),
        names.mark_text(align="left", dx=4, fontSize=11.5).encode(x=end, y=at, text="run:N", color=ink),
    ]


def _steps_axis(steps: int) -> alt.X:
    return alt.X(
        "step:Q",
        title="step",
        scale=alt.Scale(domain=[0, steps], nice=False),
        axis=alt.Axis(grid=False, tickMinStep=1, tickCount=8, format="d"),
    )


def _ceiling(value: float) -> float:
    """The next multiple of 20, at most 105: so the axis seldom changes while values come in."""
    return min(105.0, 20.0 * (value // 20 + 1))
