"""The marks of a gate film: decisions, predictions, cost, axis. Vega-Lite without data; no Streamlit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.drawing.figure import table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import FRAME_PARAM, y_of

TOP, BOTTOM, LEFT, RIGHT = 12, 44, 62, 62
BAND = 26  # pixels of the predictions above the gates
GAP = 12


@lru_cache(maxsize=32)
def film_template(count: int, gates_end: int, foot: int, axis: str, cost: str, colours: Palette) -> dict[str, Any]:
    """The specification without data.

    Args:
        count: number of frames.
        gates_end: y below the last gate.
        foot: y of the axis.
        axis: its title.
        cost: name of the measure at the foot.
        colours: of the theme.
    """
    place = alt.Scale(domain=[0, count], nice=False, zero=False)

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=place, axis=None)

    marks = [
        *_gate_marks(at, count),
        *_band_marks(at, count, colours),
        *_cost_marks(at, foot, colours),
        *_side_marks(gates_end, foot, cost, colours),
        *_axis_marks(at, foot, axis, colours),
        *_here_marks(at, count, gates_end, foot, colours),
        _target(at, foot),
    ]
    return alt.layer(*marks).properties(
        padding={"left": LEFT, "right": RIGHT, "top": TOP, "bottom": BOTTOM},
        autosize=alt.AutoSizeParams(type="none", contains="padding"),
    ).configure_view(stroke=None).to_dict() | {"height": foot + TOP + BOTTOM}


def _gate_marks(at: Any, count: int) -> list[alt.Chart]:
    """Decisions; the shortcut runs through skipped ones as a line."""
    cells = table("cells")
    needed = "7 + 5 * length(datum.option)"
    middle = alt.value(alt.expr("(datum.y + datum.y2) / 2"))
    return [
        cells.transform_filter("!datum.skipped")
        .mark_rect(aria=False)
        .encode(
            x=at("start"),
            x2="end:Q",
            y=alt.value(alt.expr("datum.y + 1")),
            y2=y_of("y2"),
            fill=alt.Fill("fill:N", scale=None),
        ),
        cells.transform_filter("datum.skipped")
        .mark_rule(aria=False, strokeWidth=1.3, opacity=0.6)
        .encode(x=at("start"), x2="end:Q", y=middle, stroke=alt.Stroke("ink:N", scale=None)),
        table("options")
        .mark_text(aria=False, fontSize=9.5, opacity=0.9)
        .encode(
            x=_beside_lines(needed, count),
            y=alt.value(alt.expr("datum.y + 1")),
            text=alt.value(alt.expr(f"{_fits(needed, count)} ? datum.option : ''")),
            color=alt.Color("ink:N", scale=None),
        ),
    ]


def _fits(needed: str, count: int) -> str:
    """Vega expression: whether so many pixels have room in a row's longest piece that no line crosses."""
    return f"((datum.high - datum.low) * width / {count} >= {needed})"


def _beside_lines(needed: str, count: int) -> Any:
    """x of a name of so many pixels: in the middle of its run, or as near to it as no line crosses the name."""
    step = f"width / {count}"
    half = f"min({needed}, (datum.high - datum.low) * {step}) / 2"
    return alt.value(
        alt.expr(f"clamp(datum.centre * {step}, datum.low * {step} + {half}, datum.high * {step} - {half})")
    )


def _band_marks(at: Any, count: int, colours: Palette) -> list[alt.Chart]:
    """What the image is taken for along the budgets: a band of each prediction, dashed where it is wrong."""
    bands = table("bands")
    look: dict[str, Any] = {"aria": False, "fontSize": 12, "fontWeight": 600}
    needed = "12 + 7.5 * length(datum.label)"
    fits = _fits(needed, count)
    dashed = alt.expr("datum.dash ? [4, 3] : []")  # of the mark: as an encoding, Vega-Lite drops it for rectangles
    return [
        bands.mark_rect(aria=False, cornerRadius=3, strokeWidth=1.2, strokeDash=dashed).encode(
            x=at("start"),
            x2="end:Q",
            y=alt.value(0),
            y2=alt.value(BAND),
            stroke=alt.Stroke("ink:N", scale=None),
            fill=alt.Fill("ink:N", scale=None),
            fillOpacity=alt.value(0.07),
        ),
        bands.mark_text(**look).encode(
            x=_beside_lines(f"({fits} ? {needed} : 14)", count),
            y=alt.value(BAND / 2 + 1),
            text=alt.value(alt.expr(f"{fits} ? datum.label : datum.short")),
            color=alt.Color("ink:N", scale=None),
        ),
    ]


def _cost_marks(at: Any, foot: int, colours: Palette) -> list[alt.Chart]:
    """The image's own cost at every budget."""
    frames = table("frames", "frame")
    return [
        frames.mark_rect(aria=False, fill=colours.families[0], fillOpacity=0.25).encode(
            x=at("start"), x2="end:Q", y=y_of("y"), y2=alt.value(foot)
        ),
        frames.mark_rule(aria=False, strokeWidth=2, color=colours.families[0]).encode(
            x=at("start"), x2="end:Q", y=y_of("y")
        ),
    ]


def _side_marks(gates_end: int, foot: int, cost: str, colours: Palette) -> list[alt.Chart]:
    """Block numbers and stages beside the gates, and the scale of the cost."""
    small: dict[str, Any] = {"aria": False, "fontSize": 10, "color": colours.muted}
    blocks, stages = table("blocks"), table("stages")
    scale = table("scale")
    return [
        blocks.mark_text(**small, align="right").encode(x=alt.value(-8), y=y_of("y"), text="block:Q"),
        stages.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=alt.value(-26), y=y_of("y"), y2=y_of("y2")
        ),
        stages.mark_text(aria=False, fontSize=11, color=colours.muted, angle=270).encode(
            x=alt.value(-38), y=alt.value(alt.expr("(datum.y + datum.y2) / 2")), text="stage:N"
        ),
        scale.mark_text(**small, align="left").encode(x=alt.value(alt.expr("width + 6")), y=y_of("y"), text="text:N"),
        scale.transform_filter(f"datum.y == {foot}")
        .mark_text(aria=False, fontSize=11, color=colours.muted, align="right", text=["its own", cost])
        .encode(x=alt.value(-8), y=alt.value((gates_end + GAP + foot) / 2 - 6)),
    ]


def _axis_marks(at: Any, foot: int, axis: str, colours: Palette) -> list[alt.Chart]:
    ticks = table("ticks")
    look: dict[str, Any] = {"aria": False, "color": colours.muted, "baseline": "top"}
    return [
        ticks.mark_text(**look, fontSize=10.5).encode(x=at("centre"), y=alt.value(foot + 7), text="text:N"),
        ticks.mark_tick(aria=False, orient="vertical", size=5, thickness=1, color=colours.muted).encode(
            x=at("centre"), y=alt.value(foot + 3)
        ),
        table("here")
        .mark_text(**look, fontSize=11.5, text=axis)
        .encode(x=alt.value(alt.expr("width / 2")), y=alt.value(foot + 24)),
    ]


def _here_marks(at: Any, count: int, gates_end: int, foot: int, colours: Palette) -> list[alt.Chart]:
    """The frame round where the page stands, and the flag where the prediction starts to stay right."""
    here, flag = table("here"), table("flag")
    # The flag's text stands behind its frame, and before it where there is no room behind.
    behind = (
        f"({count} - datum.frame - 1) * width / {count} >= 8 + 5.2 * length(datum.text) || datum.frame < {count / 2}"
    )
    x = f"{behind} ? (datum.frame + 1) * width / {count} + 4 : datum.frame * width / {count} - 4"
    side = alt.expr(f"{behind} ? 'left' : 'right'")
    look: dict[str, Any] = {"aria": False, "align": side, "fontSize": 11, "fontWeight": 600, "baseline": "top"}
    place = {"x": alt.value(alt.expr(x)), "y": alt.value(gates_end + 2), "text": alt.Text("text:N")}
    return [
        flag.mark_rule(aria=False, strokeWidth=1.6, strokeDash=[2, 3], color=colours.ink).encode(
            x=at("centre"), y=alt.value(BAND), y2=alt.value(foot)
        ),
        here.mark_rect(aria=False, fill="transparent", stroke=colours.accent, strokeWidth=2.4, cornerRadius=3).encode(
            x=at("start"), x2="end:Q", y=alt.value(-3), y2=alt.value(foot + 2)
        ),
        here.mark_point(
            aria=False, shape="triangle-down", filled=True, size=70, opacity=1, color=colours.accent
        ).encode(x=at("centre"), y=alt.value(-8)),
        # A border in the colour of the page, so that the frame gives way to the text.
        flag.mark_text(**look, color=colours.background, stroke=colours.background, strokeWidth=3).encode(**place),
        flag.mark_text(**look, color=colours.ink).encode(**place),
    ]


def _target(at: Any, foot: int) -> alt.Chart:
    """What is pointed at and clicked: a frame in its whole height."""
    tooltip = [
        alt.Tooltip("at:N", title="at"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("confidence:Q", title="confidence %", format=".1f"),
        alt.Tooltip("verdict:N"),
        alt.Tooltip("cost:Q", title="its own cost %", format=".2f"),
    ]
    click = alt.selection_point(name=FRAME_PARAM, fields=["frame", "turn"], on="click", empty=False)
    return (
        table("frames", "frame")
        .mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=at("start"), x2="end:Q", y=alt.value(0), y2=alt.value(foot), tooltip=tooltip, description="about:N")
        .add_params(click)
    )
