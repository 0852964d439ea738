"""Charts of a test set: cost and accuracy per class, cost against confidence, accuracy by cost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Literal

import altair as alt

from dashboard.answers.verdicts import Verdict, marked
from dashboard.drawing.figure import Figure, Key, padded, room_for, table
from dashboard.drawing.palette import Palette
from dashboard.testset.statistics import AccuracyRow, ClassRow, ConfidenceRow, CostRow

Along = Literal["cost", "accuracy"]  # column of the axis of a chart by class
CLASS_PARAM = "class_pick"
GROUP_PARAM = "group_pick"
CLASS_ROW = 26  # pixels
_TOP, _FOOT = 18, 74  # pixels above and below the classes: a heading, and the axis with its title in two lines
HEIGHT = 230


def class_chart(
    rows: Sequence[ClassRow], axis: str, picked: Collection[str], colours: Palette, click_id: int = 0
) -> Figure:
    """Mean cost of each class with its 95 % interval, and a band with the middle 80 % of its images.

    A click on a class puts its name as ``class`` into the selection ``CLASS_PARAM``.

    Args:
        rows: from ``statistics.class_rows``.
        axis: title of the cost axis.
        picked: classes of the filter, which are highlighted.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    return _class_figure(rows, ("cost", axis), picked, colours, click_id)


def accuracy_chart(rows: Sequence[AccuracyRow], picked: Collection[str], colours: Palette, click_id: int = 0) -> Figure:
    """Accuracy of each class with its 95 % interval, for images that all cost the same.

    A click does what it does in ``class_chart``, which describes the arguments; ``rows`` are from
    ``statistics.accuracy_rows``.
    """
    return _class_figure(rows, ("accuracy", "right, % of images"), picked, colours, click_id)


def _class_figure(
    rows: Sequence[ClassRow] | Sequence[AccuracyRow],
    along: tuple[Along, str],
    picked: Collection[str],
    colours: Palette,
    click_id: int,
) -> Figure:
    """A chart by class; ``along`` is the column of the axis, and its title."""
    drawn = [
        {**row, "ink": colours.accent if row["class"] in picked else colours.families[0], "click_id": click_id}
        for row in rows
    ]
    left = room_for((row["class"] for row in rows), 100)
    return Figure(_class_template(*along, len(rows), left, colours), {"classes": drawn})


@lru_cache(maxsize=32)
def _class_template(column: Along, axis: str, count: int, left: int, colours: Palette) -> dict[str, Any]:
    base, costs = table("classes"), column == "cost"
    y = alt.Y(
        "class:N",
        sort=None,
        title=None,
        axis=alt.Axis(domain=False, ticks=False, labelFontSize=12, labelLimit=left - 8),
    )
    title = _in_lines(axis)
    x = alt.X(f"{column}:Q", title=title, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6))
    ink = alt.Color("ink:N", scale=None)
    titles = {"cost": "mean cost %"} if costs else {"accuracy": "accuracy %"}
    titles |= {"low": "95 % from", "high": "95 % to"}
    titles |= {"p10": "10 % below", "p90": "10 % above", "accuracy": "accuracy %"} if costs else {}
    tooltip = [
        alt.Tooltip("class:N"),
        alt.Tooltip("images:Q", format=","),
        *(alt.Tooltip(f"{name}:Q", title=title, format=".2f") for name, title in titles.items()),
    ]
    click = alt.selection_point(name=CLASS_PARAM, fields=["class", "click_id"], on="click", empty=False)
    accuracy: Any = {"aria": False, "align": "right", "fontSize": 11, "color": colours.muted}
    band = base.mark_bar(aria=False, height=9, cornerRadius=4, opacity=0.22).encode(
        x=alt.X("p10:Q", title=title), x2="p90:Q", y=y, color=ink
    )
    chart = alt.layer(
        *([band] if costs else []),
        base.mark_rule(aria=False, strokeWidth=2.5).encode(x=alt.X("low:Q", title=title), x2="high:Q", y=y, color=ink),
        base.mark_point(aria=False, filled=True, size=75, opacity=1).encode(x=x, y=y, color=ink),
        base.mark_text(**accuracy).encode(
            x=alt.value(alt.expr("width + 44")), y=y, text=alt.Text("accuracy:Q", format=".1f")
        ),
        base.mark_bar(height=CLASS_ROW - 2, opacity=0.001, cursor="pointer")
        .encode(x=alt.value(0), x2=alt.value(alt.expr("width")), y=y, tooltip=tooltip, description="class:N")
        .add_params(click),
        alt.Chart(alt.Data(values=[{}]))
        .mark_text(text="right %", baseline="bottom", **accuracy)
        .encode(x=alt.value(alt.expr("width + 44")), y=alt.value(-4)),
    )
    return padded(chart, left, 50, _TOP, _FOOT, CLASS_ROW * max(count, 1) + _TOP + _FOOT)


def confidence_chart(rows: Sequence[ConfidenceRow], measure: str, colours: Palette) -> Figure:
    """Mean cost by confidence with 95 % intervals: right predictions as discs, wrong ones as crosses.

    Args:
        rows: from ``statistics.confidence_rows``.
        measure: name of the measure of cost.
        colours: palette of the theme.
    """
    right, wrong = (colours.families[0], "circle"), (colours.wrong, "cross")
    looks: dict[Verdict, tuple[str, str]] = {"right": right, "wrong": wrong}
    drawn = [
        row | {"ink": looks[row["verdict"]][0], "shape": looks[row["verdict"]][1], "name": _named(row["verdict"])}
        for row in rows
    ]
    order = [row["confidence"] for row in sorted(rows, key=lambda row: row["bin"])]
    spec = _confidence_template(f"mean {measure}, %", tuple(dict.fromkeys(order)))
    keys = tuple(Key(_named(verdict), *look) for verdict, look in looks.items())
    return Figure(spec, {"confidence": drawn}, keys)


@lru_cache(maxsize=32)
def _confidence_template(axis: str, order: tuple[str, ...]) -> dict[str, Any]:
    base = table("confidence")
    x = alt.X(
        "confidence:N",
        sort=list(order),
        title="confidence of the prediction, %",
        axis=alt.Axis(labelAngle=0, labelExpr="split(datum.label, ' to ')[0]", grid=False, titlePadding=8),
    )
    aside = alt.XOffset("verdict:N", sort=["right", "wrong"])
    ink, scale = alt.Color("ink:N", scale=None), alt.Scale(zero=False)
    tooltip = [
        alt.Tooltip("name:N", title="prediction"),
        alt.Tooltip("confidence:N"),
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("cost:Q", title="mean cost %", format=".2f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("high:Q", title="95 % to", format=".2f"),
    ]
    return (
        alt.layer(
            base.mark_rule(aria=False, strokeWidth=1.6, opacity=0.8).encode(
                x=x, xOffset=aside, y=alt.Y("low:Q", title=axis, scale=scale), y2="high:Q", color=ink
            ),
            base.mark_point(filled=True, size=75, opacity=1).encode(
                x=x,
                xOffset=aside,
                y=alt.Y("cost:Q", title=axis, scale=scale),
                color=ink,
                shape=alt.Shape("shape:N", scale=None),
                tooltip=tooltip,
            ),
        )
        .properties(height=HEIGHT)
        .configure_view(stroke=None)
        .to_dict()
    )


def group_chart(rows: Sequence[CostRow], axis: str, colours: Palette, click_id: int = 0) -> Figure:
    """Accuracy by cost, in groups of about equal size, with 95 % intervals.

    A click on a group puts its range of cost, ``from`` and ``to``, into the selection ``GROUP_PARAM``.

    Args:
        rows: from ``statistics.cost_rows``.
        axis: title of the cost axis.
        colours: palette of the theme.
        click_id: see ``links.State``.
    """
    return Figure(_group_template(axis, colours), {"groups": [row | {"click_id": click_id} for row in rows]})


@lru_cache(maxsize=32)
def _group_template(axis: str, colours: Palette) -> dict[str, Any]:
    base = table("groups")
    title = _in_lines(axis)
    x = alt.X("cost:Q", title=title, scale=alt.Scale(zero=False), axis=alt.Axis(grid=False, tickCount=6))
    scale = alt.Scale(zero=False)
    tooltip = [
        alt.Tooltip("from:Q", title="cost from %", format=".2f"),
        alt.Tooltip("to:Q", title="to %", format=".2f"),
        alt.Tooltip("images:Q", format=","),
        alt.Tooltip("accuracy:Q", title="right %", format=".2f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("high:Q", title="95 % to", format=".2f"),
    ]
    click = alt.selection_point(name=GROUP_PARAM, fields=["from", "to", "click_id"], on="click", empty=False)
    y = alt.Y("accuracy:Q", title="right, % of images", scale=scale)
    return (
        alt.layer(
            base.mark_rule(aria=False, strokeWidth=4, opacity=0.3, color=colours.families[0]).encode(
                x=alt.X("from:Q", title=title), x2="to:Q", y=y
            ),
            base.mark_rule(aria=False, strokeWidth=1.6, color=colours.families[0]).encode(
                x=x, y=alt.Y("low:Q", title="right, % of images", scale=scale), y2="high:Q"
            ),
            base.mark_point(aria=False, filled=True, size=75, opacity=1, color=colours.families[0]).encode(x=x, y=y),
            base.mark_circle(size=420, opacity=0.001, cursor="pointer")
            .encode(x=x, y=y, tooltip=tooltip)
            .add_params(click),
        )
        .properties(height=HEIGHT)
        .configure_view(stroke=None)
        .to_dict()
    )


def _named(verdict: Verdict) -> str:
    return marked(verdict, verdict)


def _in_lines(axis: str) -> list[str]:
    """An axis title in lines, of which a phone has room for each.

    >>> _in_lines("all-in cost: every bit operation, % of the plain network")
    ['all-in cost: every bit operation,', '% of the plain network']
    """
    *heads, last = axis.rsplit(", ", 1)
    return [*(f"{head}," for head in heads), last]
