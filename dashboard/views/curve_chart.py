"""The chart of accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES
from dashboard.answers.naming import CASCADE_KEY, DIAL_KEY, LIVE_KEY, PUBLISHED_KEY, SHUFFLED_KEY
from dashboard.answers.tables import Scale, Table
from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette
from dashboard.views.curve import OTHERS, CurveState
from dashboard.views.points import PointRow

POINT_PARAM, BESIDE_PARAM, TICK_PARAM, ZOOM_PARAM = "pick", "pick_beside", "tick", "zoom"
HEIGHT = 400
_NUMBER = 30  # pixels above the point in use for its number
_LANE = 22  # pixels at the bottom of the plot for the ticks of the images
_SHAPES = ("circle", "square", "triangle-up", "triangle-down", "cross", "triangle-right", "triangle-left")
# Vega has no star; this one has the size of its other symbols.
PATHS = {"star": "M0,-.7L.2,-.22L.7,-.22L.3,.12L.44,.6L0,.31L-.44,.6L-.3,.12L-.7,-.22L-.2,-.22Z"}
_LOG_TICKS = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 5)]
FRONT_WORDS = "front: nothing here is cheaper and more accurate"
TEST_AXIS = "test accuracy, %"
MIXED_AXIS = "accuracy, %: test set; tuned live: validation images"
_WORDS = {
    PUBLISHED_KEY: "published, not measured here",
    LIVE_KEY: "tuned live: on validation images, not comparable",
}


def accuracy_curve(state: CurveState, colours: Palette) -> Figure:
    """Test accuracy against cost: checkpoints with 95 % intervals, other points, and a tick for each image shown.

    A thin step line is the front: no point here is both cheaper and more accurate than one on it. Points of another
    network are hollow, on dotted lines.

    A click on a measured point puts its checkpoint and budget into the selection ``POINT_PARAM``; where points lie on
    each other, a click takes the one after the point in use. ``BESIDE_PARAM`` is the same for the other network. A
    click on a tick puts the image's key into ``TICK_PARAM``. Published points are hollow diamonds without clicks, as
    there is nothing to load. Dial points, reached by a price without training, are joined by a dashed line. Points
    tuned live are hollow squares, and while they are shown, the axis says which images each accuracy is of. A cost of 0
    is drawn at the left end of a logarithmic axis. Hiding a family does not change the colours of the others.
    """
    looks = {name: (ink, shape) for name, ink, shape in point_legend([*state.points, *state.beside], colours)}
    low, high = state.costs

    def drawn(points: Sequence[PointRow]) -> list[dict[str, Any]]:
        return [
            point
            | {
                "x": max(
                    state.cost_of(point), low / 100 if state.close else low
                ),  # close up, what is outside is clipped
                "in_use": state.in_use(point),
                "ink": looks[point["group"]][0],
                "shape": PATHS.get(looks[point["group"]][1], looks[point["group"]][1]),
            }
            for point in points
        ]

    points = drawn(state.shown)
    own = [point for point in points if point["family"] not in OTHERS]
    asked = state.budget if state.cost == "cp" else None
    data: dict[str, Table] = {
        "measured": _clickable(own, state.click_id),
        "beside": [point | {"click_id": state.click_id} for point in drawn(state.shown_beside)],
        "front": [{key: point[key] for key in ("x", "accuracy")} for point in drawn(state.front)],
        **{key: [point for point in points if point["family"] == key] for key in OTHERS},
        "asked": [{"x": asked}] if asked and low <= asked <= high else [],
        "images": [
            image
            | {
                "x": max(image[state.column], low),
                "long": image["key"] == state.focus,
                "ink": colours.accent if image["key"] == state.focus else colours.ink,
                "click_id": state.click_id,
            }
            for image in state.images_inside
        ],
    }
    axis = MEASURES[state.cost].axis + ("; each network has its own 100 %" if state.beside else "")
    titles = axis, MIXED_AXIS if state.has_live else TEST_AXIS
    template = _template(state.costs, state.accuracies, titles, state.scale, colours)
    keys = (*_point_keys(state.shown, looks), Key(FRONT_WORDS, colours.ink, "line"))
    others = dict.fromkeys(point["network"] for point in state.shown_beside)
    return Figure(template, data, (*keys, *(Key(f"hollow: {name}", colours.ink, "ring") for name in others)))


def _clickable(points: Sequence[dict[str, Any]], click_id: int) -> list[dict[str, Any]]:
    """The points with what clicks need. ``turn`` is their order for clicks, the last on top.

    The point in use is at the bottom and the one after it on top, so that repeated clicks on points that lie on each
    other take one after the other.
    """
    at = next((place for place, point in enumerate(points) if point["in_use"]), 0)
    return [
        point | {"id": number, "click_id": click_id, "turn": (at - number) % len(points)}
        for number, point in enumerate(points)
    ]


def point_legend(points: Sequence[PointRow], colours: Palette) -> list[tuple[str, str, str]]:
    """Name, colour and shape of each group of points, in order.

    Points that are not a checkpoint's own are grey. The first cascade has a look of its own, so that the others keep
    theirs when it comes.
    """
    families = dict.fromkeys((point["group"], point["family"]) for point in points)
    looks = iter(zip(colours.families * len(families), _SHAPES * len(families), strict=False))
    shapes = {DIAL_KEY: "ring", SHUFFLED_KEY: "x", LIVE_KEY: "open-square", PUBLISHED_KEY: "diamond"}
    own = {key: (colours.muted, shape) for key, shape in shapes.items()}
    cascade = next((key for _, key in families if key.startswith(CASCADE_KEY)), None)
    if cascade is not None:
        own[cascade] = (colours.cascade, "star")
    return [(name, *(own[key] if key in own else next(looks))) for name, key in families]


def _point_keys(points: Sequence[PointRow], looks: dict[str, tuple[str, str]]) -> tuple[Key, ...]:
    """Legend entries of the groups in ``points``; ``looks`` has colour and shape of all groups."""
    groups = dict.fromkeys((point["group"], point["family"]) for point in points)
    return tuple(Key(_WORDS.get(str(family), str(name)), *looks[name]) for name, family in groups)


@lru_cache(maxsize=32)
def _template(
    costs: tuple[float, float],
    accuracies: tuple[float, float],
    titles: tuple[str, str],
    scale: Scale,
    colours: Palette,
) -> dict[str, Any]:
    """The specification of the curve without its data."""
    ticks: dict[str, Any] = {"values": _LOG_TICKS, "labelOverlap": True} if scale == "log" else {"tickCount": 6}
    x = alt.X(
        "x:Q",
        title=titles[0],
        scale=alt.Scale(type=scale, domain=list(costs), nice=False),
        axis=alt.Axis(format=".3~r", labelFlush=False, grid=False, **ticks),
    )
    above = "datum.value > 100"  # room for a point at 100 %, not figures
    y = alt.Y(
        "accuracy:Q",
        title=titles[1],
        scale=alt.Scale(domain=list(accuracies), zero=False, nice=False),
        axis=alt.Axis(
            labelExpr=f"{above} ? '' : datum.label",
            gridOpacity=alt.condition(above, alt.value(0), alt.value(1)),
            tickOpacity=alt.condition(above, alt.value(0), alt.value(1)),
        ),
    )
    low, high = accuracies
    room = high - _NUMBER * (high - low) / HEIGHT
    marks = [*_others(x, y, colours), *_beside(x, y, colours), *_measured(x, y, room, colours), *_images(x)]
    return alt.layer(*marks).properties(height=HEIGHT).to_dict()


def _others(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """The marks behind the families: published, shuffled, live and dial points, and the requested budget."""
    hollow: Any = {"filled": False, "fill": "transparent", "color": colours.muted}
    dial = table("dial")
    live = table("live")
    asked = table("asked").encode(x=x)
    budget_looks: list[dict[str, Any]] = [{"stroke": colours.background, "strokeWidth": 4}, {"color": colours.accent}]
    # Panning and zooming need a key, so that the wheel scrolls the page and a click selects. A pinch is Ctrl + wheel.
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
        live.mark_rule(strokeWidth=1.3, color=colours.muted, clip=True).encode(x=x, y=alt.Y("low:Q"), y2="high:Q"),
        live.mark_point(
            shape="square", size=70, strokeWidth=1.6, clip=True, **hollow | {"fill": colours.background}
        ).encode(x=x, y=y, tooltip=_tooltip("tuned live", "validation accuracy %")),
        asked.mark_rule(strokeWidth=1.2, strokeDash=[2, 3], color=colours.accent).encode(),
        *(
            asked.mark_text(text="budget", align="left", dx=4, fontSize=11, aria=False, **look).encode(
                y=alt.value(alt.expr(f"height - {_LANE + 22}"))  # at the top is the number of the point in use
            )
            for look in budget_looks
        ),
    ]


def _beside(x: alt.X, y: alt.Y, colours: Palette) -> list[alt.Chart]:
    """The points of another network: hollow, on dotted lines, without intervals."""
    base = table("beside")
    ink = alt.Color("ink:N", scale=None)
    click = alt.selection_point(name=BESIDE_PARAM, fields=["checkpoint", "budget", "click_id"], on="click", empty=False)
    return [
        base.mark_line(strokeWidth=1.2, strokeDash=[1, 3], opacity=0.7, clip=True).encode(
            x=x, y=y, color=ink, detail=["family:N", "line:N"]
        ),
        base.mark_point(size=75, strokeWidth=1.7, opacity=1, fill=colours.background, cursor="pointer", clip=True)
        .encode(
            x=x,
            y=y,
            stroke=alt.Stroke("ink:N", scale=None),
            shape=alt.Shape("shape:N", scale=None),
            tooltip=_tooltip("measured"),
        )
        .add_params(click),
    ]


def _measured(x: alt.X, y: alt.Y, room: float, colours: Palette) -> list[alt.Chart]:
    """The front, lines, intervals and points of the families, a ring around the point in use, and the clickable layers.

    Above the accuracy ``room``, the number of the point in use stands below it. A click within a point's own mark is
    that point's; around it, that of the point whose wider disc is on top.
    """
    base = table("measured", "id")
    ink, shape = alt.Color("ink:N", scale=None), alt.Shape("shape:N", scale=None)
    in_use = base.transform_filter("datum.in_use")
    number = in_use.encode(x=x, y=y, text=alt.Text("accuracy:Q", format=".2f"))
    aside = alt.expr(f"datum.accuracy > {room} ? 22 : -20")
    look: Any = {"dy": aside, "fontSize": 13, "fontWeight": 600, "color": colours.accent}
    ring: Any = {"shape": "circle", "filled": False, "fill": "transparent", "color": colours.accent}
    click = alt.selection_point(name=POINT_PARAM, fields=["checkpoint", "budget", "click_id"], on="click", empty=False)
    line = base.mark_line(strokeWidth=1.2, opacity=0.45, clip=True)
    turn = alt.Order("turn:Q", sort="ascending")
    mark = {
        "x": x,
        "y": y,
        "fill": alt.Fill("ink:N", scale=None),
        "stroke": alt.Stroke("ink:N", scale=None),
        "shape": shape,
    }
    return [
        table("front")
        .mark_line(interpolate="step-after", strokeWidth=1.6, color=colours.ink, opacity=0.55, clip=True, aria=False)
        .encode(x=x, y=y),
        line.encode(x=x, y=y, color=ink, detail=["family:N", "line:N"]),
        base.mark_rule(strokeWidth=1.3, opacity=0.8, clip=True).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=ink),
        base.mark_point(filled=True, size=85, opacity=1, strokeWidth=1.8, clip=True).encode(**mark),
        in_use.mark_point(filled=True, size=85, opacity=1, strokeWidth=1.8, clip=True, aria=False).encode(**mark),
        in_use.mark_point(size=330, strokeWidth=2.4, clip=True, **ring).encode(x=x, y=y),
        number.mark_text(stroke=colours.background, strokeWidth=5, strokeJoin="round", clip=True, **look),
        number.mark_text(clip=True, **look),
        base.mark_circle(size=420, opacity=0.001, cursor="pointer", clip=True, aria=False)
        .encode(x=x, y=y, order=turn)
        .add_params(click),
        base.mark_circle(size=110, opacity=0.001, cursor="pointer", clip=True)
        .encode(x=x, y=y, order=turn, tooltip=_tooltip("measured"))
        .add_params(click),
    ]


def _tooltip(title: str, accuracy: str = "accuracy %") -> list[alt.Tooltip]:
    """Tooltip of a point; measures that it does not have are null."""
    costs = [alt.Tooltip(f"{one.column}:Q", title=f"{one.name} %", format=".2f") for one in MEASURES.values()]
    return [
        alt.Tooltip("label:N", title=title),
        alt.Tooltip("checkpoint:N"),
        alt.Tooltip("network:N"),
        alt.Tooltip("accuracy:Q", title=accuracy, format=".2f"),
        alt.Tooltip("low:Q", title="95 % from", format=".2f"),
        alt.Tooltip("high:Q", title="95 % to", format=".2f"),
        alt.Tooltip("backbone:N", title="backbone"),
        alt.Tooltip("loss:Q", title="points below the backbone", format=".2f"),
        *costs,
        alt.Tooltip("source:N"),
    ]


def _images(x: alt.X) -> list[alt.Chart]:
    """A tick for each image at the bottom of the plot, at its own cost; that of the image in focus is longer."""
    base = table("images", "row")
    tooltip = [alt.Tooltip("image:N", title="picture"), alt.Tooltip("prediction:N")]
    tooltip += [
        alt.Tooltip(f"{one.column}:Q", title=f"its own {one.name} %", format=".2f") for one in MEASURES.values()
    ]
    ink = alt.Color("ink:N", scale=None)
    foot = alt.value(alt.expr("height"))
    click = alt.selection_point(name=TICK_PARAM, fields=["key", "click_id"], on="click", empty=False)
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
