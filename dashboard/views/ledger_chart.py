"""The chart of the ledger: a bar and figures for each part, and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES, Cost
from dashboard.drawing.figure import Figure, Key, padded, table
from dashboard.drawing.palette import Palette
from dashboard.views.ledger_entries import ALWAYS, DECISIONS, GATES, SHORTCUTS, SUBJECTS, LedgerRow

ROW = 24  # pixels
_NAMES, _TOP, _FOOT = 200, 26, 60  # pixels beside, above and below the bars
_COLUMN, _HEADS = 74, {"focus": "in focus", "shown": "shown", "test": "test set"}

LEAST = 640.0  # pixels: names and figures take 430


def ledger_chart(rows: Sequence[LedgerRow], cost: Cost, colours: Palette) -> Figure:
    """The cost of each part: a bar for the image in focus, a tick for the mean of the images shown, and all figures.

    Args:
        rows: from ``ledger_entries.ledger_rows``; the last one is the sum.
        cost: the measure.
        colours: palette of the theme.
    """
    inks = _inks(colours)
    *parts, total = rows
    data = {
        "parts": [row | {"ink": inks[row["kind"]]} for row in parts],
        "total": [{**total}],
        "figures": [
            {"part": row["part"], "at": at, "text": "" if row[key] is None else f"{row[key]:.2f}", "sum": row is total}
            for row in rows
            for at, key in enumerate(SUBJECTS, start=1)
        ],
    }
    kinds = dict.fromkeys(row["kind"] for row in parts)
    legend = (*(Key(kind, inks[kind], "cell") for kind in kinds), Key("mean of the images shown", colours.ink, "tick"))
    return Figure(_template(tuple(row["part"] for row in rows), MEASURES[cost].axis, colours), data, legend)


def _inks(colours: Palette) -> dict[str, str]:
    return {
        ALWAYS: colours.muted,
        GATES: colours.families[4],
        SHORTCUTS: colours.families[1],
        DECISIONS: colours.families[0],
    }


@lru_cache(maxsize=16)
def _template(parts: tuple[str, ...], title: str, colours: Palette) -> dict[str, Any]:
    y = alt.Y(
        "part:N",
        title=None,
        scale=alt.Scale(domain=list(parts)),
        axis=alt.Axis(labelLimit=190, ticks=False, domain=False, labelPadding=8),
    )
    x = alt.X("focus:Q", title=title, scale=alt.Scale(zero=True, nice=True), axis=alt.Axis(tickCount=5, grid=False))
    base, figures = table("parts"), table("figures")
    tooltip = [alt.Tooltip("part:N"), alt.Tooltip("kind:N")]
    tooltip += [alt.Tooltip(f"{key}:Q", title=f"{head} %", format=".3f") for key, head in _HEADS.items()]
    look: Any = {"align": "right", "aria": False, "color": colours.ink}
    place = alt.value(alt.expr(f"width + datum.at * {_COLUMN}"))
    heads = [
        table("total")
        .mark_text(text=head, baseline="bottom", fontSize=11, **look | {"color": colours.muted})
        .encode(x=alt.value(alt.expr(f"width + {at * _COLUMN}")), y=alt.value(-6))
        for at, head in enumerate(_HEADS.values(), start=1)
    ]
    marks = [
        base.mark_bar(height=ROW - 10, cornerRadius=2).encode(
            x=x, y=y, color=alt.Color("ink:N", scale=None), tooltip=tooltip
        ),
        base.mark_tick(thickness=2, size=ROW - 6, color=colours.ink, aria=False).encode(x="shown:Q", y=y),
        figures.transform_filter("!datum.sum").mark_text(fontSize=12, **look).encode(x=place, y=y, text="text:N"),
        figures.transform_filter("datum.sum")
        .mark_text(fontSize=13, fontWeight=700, **look)
        .encode(x=place, y=y, text="text:N"),
        *heads,
    ]
    return padded(alt.layer(*marks), _NAMES, 3 * _COLUMN + 8, _TOP, _FOOT, ROW * len(parts) + _TOP + _FOOT)
