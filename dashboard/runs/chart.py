"""The chart of one metric of some runs over their steps."""

from __future__ import annotations

import altair as alt

from dashboard.answers.tables import Rows
from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette


def metric(rows: Rows, axis: str, colours: Palette) -> Figure:
    """Lines over steps, one for each run.

    Args:
        rows: from ``logs.metric_rows``.
        axis: title of the vertical axis.
        colours: palette of the theme.
    """
    names = list(dict.fromkeys(row["run"] for row in rows))
    shades = [colours.families[place % len(colours.families)] for place in range(len(names))]
    base = table("rows").encode(
        x=alt.X("step:Q", title="step", axis=alt.Axis(grid=False, format="d", tickMinStep=1)),
        y=alt.Y("value:Q", title=axis, scale=alt.Scale(zero=False)),
        color=alt.Color("run:N", scale=alt.Scale(domain=names, range=shades), legend=None),
        tooltip=[
            alt.Tooltip("run:N"),
            alt.Tooltip("step:Q", format=",d"),
            alt.Tooltip("value:Q", title=axis, format=".3f"),
        ],
    )
    spec = alt.layer(base.mark_line(strokeWidth=1.5), base.mark_point(size=14, filled=True)).properties(height=220)
    return Figure(spec.to_dict(), {"rows": rows}, tuple(Key(*pair, "line") for pair in zip(names, shades, strict=True)))
