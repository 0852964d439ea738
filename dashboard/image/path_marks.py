"""The marks of a network's path: wires, squares, texts, the waterfall of cost. Vega-Lite without data; no Streamlit."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.drawing.figure import table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import BLOCK_PARAM, LEFT, Line, frame, y_of

SIDE = 46  # pixels of a block in full, where there is room
TOP, BOTTOM = 26, 20
WIRE, BYPASS = 62, 12  # y of the wire through the blocks, and of its detour past a skipped one
COST_TOP, COST_FOOT = 134, 196
_NAME, _WAS = 100, 114
_PICTURE = 72


@lru_cache(maxsize=32)
def path_template(line: Line, compared: bool, colours: Palette) -> dict[str, Any]:
    """The specification without data."""
    marks = [
        *_wires(line, colours),
        *_squares(line, colours),
        *_texts(line, colours),
        *_costs(line, compared, colours),
        *_beside(colours),
        _target(line),
    ]
    return frame(alt.layer(*marks), COST_FOOT, TOP, BOTTOM)


def _wires(line: Line, colours: Palette) -> list[alt.Chart]:
    """The thin shortcut past every block, and the thick way that the image takes."""
    look: dict[str, Any] = {"aria": False, "strokeCap": "round", "strokeJoin": "round"}
    shortcuts = table("shortcuts").mark_line(**look, strokeWidth=1, color=colours.faint)
    way = table("way").mark_line(**look, strokeWidth=3.5, color=colours.ink)
    return [
        shortcuts.encode(x=line.at("x"), y=y_of("y"), detail="block:N"),
        way.encode(x=line.at("x"), y=y_of("y"), order="step:Q"),
    ]


def _squares(line: Line, colours: Palette) -> list[alt.Chart]:
    """Every block's whole, and in it the part that runs, its area the block's cost; stem and classifier as discs."""
    blocks, ends = table("blocks", "block"), table("ends")
    whole = f"pow(min({SIDE}, width / {line.length} * 0.86), 2)"
    middle = alt.value(WIRE)
    band = blocks.transform_filter("datum.chosen").mark_rect(
        aria=False, fill=colours.accent, fillOpacity=0.13, cornerRadius=4
    )
    look: dict[str, Any] = {"aria": False, "shape": "square", "filled": True, "opacity": 1}
    outline = blocks.mark_point(**look, strokeWidth=1.2)
    return [
        band.encode(x=line.at("start"), x2="end:Q", y=alt.value(2), y2=alt.value(_WAS + 8)),
        outline.encode(
            x=line.at("centre"),
            y=middle,
            size=alt.value(alt.expr(whole)),
            fill=alt.value(colours.background),
            stroke=alt.Stroke("edge:N", scale=None),
            strokeWidth=alt.condition("datum.forced", alt.value(2.6), alt.value(1.1)),
            strokeDash=alt.condition("datum.bits == 0 && !datum.forced", alt.value([3, 3]), alt.value([1, 0])),
        ),
        # Few bits are a dot of three pixels in a colour near the page's: outlined, or nobody would see it.
        blocks.transform_filter("datum.bits > 0")
        .mark_point(**look, stroke=colours.ink)
        .encode(
            x=line.at("centre"),
            y=middle,
            size=alt.value(alt.expr(f"{whole} * datum.share")),
            fill=alt.Fill("fill:N", scale=None),
            strokeWidth=alt.condition("datum.share < 1", alt.value(1.2), alt.value(0)),
        ),
        ends.mark_point(aria=False, shape="circle", filled=True, size=330, opacity=1, strokeWidth=2).encode(
            x=line.at("x"), y=middle, fill=alt.value(colours.background), stroke=alt.value(colours.ink)
        ),
    ]


def _texts(line: Line, colours: Palette) -> list[alt.Chart]:
    """Option under every block, what it was before, a mark over a forced one; stages above, block numbers below."""
    blocks, stages = table("blocks", "block"), table("stages")
    small: dict[str, Any] = {"aria": False, "fontSize": 10.5, "color": colours.muted}
    pin = blocks.transform_filter("datum.forced").mark_point(
        aria=False, shape="triangle-down", filled=True, size=70, opacity=1, color=colours.accent
    )
    names = blocks.mark_text(aria=False, fontSize=12, color=colours.ink, opacity=alt.expr(line.room(24)))
    return [
        pin.encode(x=line.at("centre"), y=alt.value(WIRE - SIDE / 2 - 9)),
        names.encode(
            x=line.at("centre"),
            y=alt.value(_NAME),
            text="option:N",
        ),
        blocks.mark_text(**small, opacity=alt.expr(line.room(36))).encode(
            x=line.at("centre"), y=alt.value(_WAS), text="was:N"
        ),
        blocks.mark_text(**small, baseline="top", dy=5).encode(
            x=line.at("centre"), y=alt.value(COST_FOOT), text="block:Q"
        ),
        table("ends")
        .mark_text(**small, opacity=alt.expr(line.room(36)))
        .encode(x=line.at("x"), y=alt.value(_NAME), text="name:N"),
        stages.mark_text(
            aria=False,
            align="left",
            baseline="bottom",
            fontSize=11,
            color=colours.muted,
            limit=alt.expr("width / 3 - 10"),
        ).encode(x=line.at("start"), y=alt.value(-10), text="title:N"),
        stages.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=line.at("start"), x2="end:Q", y=alt.value(-4)
        ),
    ]


def _costs(line: Line, compared: bool, colours: Palette) -> list[alt.Chart]:
    """Cost so far as a waterfall, what each block adds in its option's colour; dashed what it was without force."""
    blocks = table("blocks", "block")
    place = {"x": line.at("start"), "x2": alt.X2("end:Q")}
    spent = table("spent").mark_line(aria=False, color=colours.ink, strokeWidth=1.4)
    marks = [
        blocks.mark_rect(aria=False, fill=colours.ink, fillOpacity=0.07).encode(
            **place, y=y_of("before_y"), y2=alt.value(COST_FOOT)
        ),
        blocks.mark_rect(aria=False).encode(
            **place, y=y_of("y"), y2=y_of("before_y"), fill=alt.Fill("fill:N", scale=None)
        ),
        spent.encode(x=line.at("x"), y=y_of("y"), order="step:Q"),
    ]
    if compared:
        before = table("unforced").mark_line(aria=False, color=colours.accent, strokeWidth=1.6, strokeDash=[5, 4])
        marks.append(before.encode(x=line.at("x"), y=y_of("y"), order="step:Q"))
    return marks


def _beside(colours: Palette) -> list[alt.Chart]:
    """The picture before the network, the answer behind it, and the title of the staircase."""
    answer = table("answer")
    behind = alt.value(alt.expr("width + 12"))
    text: dict[str, Any] = {"aria": False, "align": "left", "limit": 136}
    muted: dict[str, Any] = {"fontSize": 11, "color": colours.muted}
    return [
        table("picture")
        .mark_image(aria=False, width=_PICTURE, height=_PICTURE, align="left")
        .encode(x=alt.value(4 - LEFT), y=alt.value(WIRE), url="url:N"),
        answer.mark_text(**text, fontSize=19, fontWeight=600, color=colours.ink).encode(
            x=behind, y=alt.value(WIRE - 12), text="label:N"
        ),
        answer.mark_text(**text, fontSize=13).encode(
            x=behind, y=alt.value(WIRE + 10), text="detail:N", color=alt.Color("ink:N", scale=None)
        ),
        answer.mark_text(**text, **muted).encode(x=behind, y=alt.value(WIRE + 28), text="before:N"),
        answer.mark_text(**text, fontSize=14, fontWeight=600, color=colours.ink).encode(
            x=behind, y=y_of("cost_y"), text="cost:N"
        ),
        answer.mark_text(**text, **muted, dy=16).encode(x=behind, y=y_of("cost_y"), text="cost_before:N"),
        answer.mark_text(aria=False, align="right", text=["cost", "so far"], **muted).encode(
            x=alt.value(-12), y=alt.value((COST_TOP + COST_FOOT) / 2)
        ),
    ]


def _target(line: Line) -> alt.Chart:
    """What is pointed at and clicked: the whole height of a gated block."""
    tooltip = [
        alt.Tooltip("block:Q"),
        alt.Tooltip("option:N"),
        alt.Tooltip("note:N", title="why"),
        alt.Tooltip("adds:Q", title="adds to cost %", format=".3f"),
        alt.Tooltip("so_far:Q", title="cost so far %", format=".2f"),
    ]
    click = alt.selection_point(name=BLOCK_PARAM, fields=["block", "turn"], on="click", empty=False)
    return (
        table("blocks", "block")
        .mark_rect(fillOpacity=0, cursor="pointer")
        .encode(
            x=line.at("start"),
            x2="end:Q",
            y=alt.value(0),
            y2=alt.value(COST_FOOT),
            tooltip=tooltip,
            description="about:N",
        )
        .add_params(click)
    )
