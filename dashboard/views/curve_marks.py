"""The marks of the accuracy/cost curve: families, dials, shuffled and published points, images."""

from __future__ import annotations

from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES
from dashboard.drawing.figure import table
from dashboard.drawing.palette import Palette

POINT_PARAM, TICK_PARAM, ZOOM_PARAM = "pick", "tick", "zoom"
_LANE = 22  # pixels at the foot of the plot, where the shown images stand


def marks(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """All layers, in the order in which they are drawn."""
    return [*_others(x, y, colours), *_measured(x, y, colours), *_images(x)]


def _others(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """What stands behind the families: published points, shuffled decisions, dials, the budget that is asked for."""
    hollow: Any = {"filled": False, "fill": "transparent", "color": colours.muted}
    dial = table("dial")
    asked = table("asked").encode(x=x)
    # Held back by keys, so that the wheel scrolls the page and a click selects; a pinch counts as Ctrl and the wheel.
    zoom = alt.selection_interval(
        name=ZOOM_PARAM,
        bind="scales",
        translate="[pointerdown[event.shiftKey], window:pointerup] > window:pointermove!",
        zoom="wheel![event.ctrlKey || event.metaKey]",
    )
    tooltip = [*_tooltip("published")[:1], alt.Tooltip("accuracy:Q", title="accuracy %"), *_tooltip("")[-1:]]
    return [
        table("published")
        .mark_point(shape="diamond", size=70, strokeWidth=1.3, clip=True, **hollow)
        .encode(x=x, y=y, tooltip=[*tooltip[:2], alt.Tooltip("cp:Q", title="cp %"), tooltip[2]])
        .add_params(zoom),
        table("shuffled")
        .mark_point(shape="M-.6,-.6L.6,.6M-.6,.6L.6,-.6", size=70, strokeWidth=1.6, clip=True, **hollow)
        .encode(x=x, y=y, tooltip=_tooltip("decisions shuffled")),
        dial.mark_line(strokeWidth=1.4, strokeDash=[5, 4], color=colours.muted, clip=True).encode(
            x=x, y=y, detail="line:N"
        ),
        dial.mark_point(shape="circle", size=36, strokeWidth=1.4, clip=True, **hollow).encode(
            x=x, y=y, tooltip=_tooltip("dial, not trained")
        ),
        asked.mark_rule(strokeWidth=1.2, strokeDash=[2, 3], color=colours.accent).encode(),
        asked.mark_text(text="budget", align="left", dx=4, dy=6, fontSize=11, color=colours.accent, aria=False).encode(
            y=alt.value(0)
        ),
    ]


def _measured(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """A line along each family's budgets, intervals, points, a ring round the one in use, and what is clicked."""
    base = table("measured", "id")
    ink, shape = alt.Color("ink:N", scale=None), alt.Shape("shape:N", scale=None)
    in_use = base.transform_filter("datum.in_use")
    number = in_use.encode(x=x, y=y, text=alt.Text("accuracy:Q", format=".2f"))
    look: Any = {"dy": -20, "fontSize": 13, "fontWeight": 600, "color": colours.accent}
    ring: Any = {"shape": "circle", "filled": False, "fill": "transparent", "color": colours.accent}
    click = alt.selection_point(name=POINT_PARAM, fields=["checkpoint", "budget", "turn"], on="click", empty=False)
    line = base.mark_line(strokeWidth=1.2, opacity=0.45, clip=True)
    return [
        line.encode(x=x, y=y, color=ink, detail=["family:N", "line:N"]),
        base.mark_rule(strokeWidth=1.3, opacity=0.8, clip=True).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=ink),
        base.mark_point(filled=True, size=85, opacity=1, strokeWidth=1.8, clip=True).encode(
            x=x, y=y, fill=alt.Fill("body:N", scale=None), stroke=alt.Stroke("ink:N", scale=None), shape=shape
        ),
        in_use.mark_point(size=330, strokeWidth=2.4, clip=True, **ring).encode(x=x, y=y),
        number.mark_text(stroke=colours.background, strokeWidth=5, strokeJoin="round", clip=True, **look),
        number.mark_text(clip=True, **look),
        base.mark_circle(size=420, opacity=0.001, cursor="pointer", clip=True)
        .encode(x=x, y=y, tooltip=_tooltip("measured"))
        .add_params(click),
    ]


def _tooltip(title: str) -> list[alt.Tooltip]:
    """Everything that is known of a point; a measure that it has not is null there."""
    costs = [alt.Tooltip(f"{one.column}:Q", title=f"{one.name} %", format=".2f") for one in MEASURES.values()]
    return [
        alt.Tooltip("label:N", title=title),
        alt.Tooltip("checkpoint:N"),
        alt.Tooltip("accuracy:Q", title="accuracy %", format=".2f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("high:Q", title="95 % to", format=".2f"),
        alt.Tooltip("backbone:N", title="made of"),
        alt.Tooltip("loss:Q", title="points below that", format=".2f"),
        *costs,
        alt.Tooltip("source:N"),
    ]


def _images(x: alt.X) -> list[alt.Chart]:
    """A tick for each shown image at the foot of the plot, at its own cost; the one in focus is longer."""
    base = table("images", "row")
    tooltip = [alt.Tooltip("image:N", title="picture"), alt.Tooltip("prediction:N")]
    tooltip += [
        alt.Tooltip(f"{one.column}:Q", title=f"its own {one.name} %", format=".2f") for one in MEASURES.values()
    ]
    ink = alt.Color("ink:N", scale=None)
    foot = alt.value(alt.expr("height"))
    click = alt.selection_point(name=TICK_PARAM, fields=["key", "turn"], on="click", empty=False)
    return [
        base.mark_rule(strokeWidth=2, opacity=0.55, clip=True, aria=False).encode(
            x=x, y=alt.value(alt.expr(f"height - {_LANE}")), y2=alt.value(alt.expr("height - 4")), color=ink
        ),
        base.transform_filter("datum.long")
        .mark_rule(strokeWidth=3, clip=True, aria=False)
        .encode(x=x, y=alt.value(alt.expr(f"height - {_LANE + 10}")), y2=foot, color=ink),
        base.mark_rule(strokeWidth=9, opacity=0.001, cursor="pointer", clip=True)
        .encode(x=x, y=alt.value(alt.expr(f"height - {_LANE + 4}")), y2=foot, tooltip=tooltip)
        .add_params(click),
    ]
