"""The chart of cp and its target during training."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.tables import Rows
from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette


def training_curve(log: Rows, colours: Palette) -> Figure | None:
    """cp of the training batches, its target and cp on validation, over epochs; None if the log has no cp."""
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
    return Figure(_template(bool(checks), colours), data, tuple(legend))


@lru_cache(maxsize=8)
def _template(checked: bool, colours: Palette) -> dict[str, Any]:
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
