"""The chart of one image's path through the network, block by block."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.naming import class_name
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Rows
from dashboard.answers.verdicts import marked, verdict
from dashboard.drawing.blocks import stage_marks, stage_title
from dashboard.drawing.figure import Figure, table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import BLOCK_PARAM, BLOCK_ROOM, END, LEFT, SKIP_ROOM, Line, frame, y_of
from dashboard.image.probes import WhatIf
from dashboard.image.tables import PathRow, Subject, path_rows
from dfs_core.checkpoints.words import option_label
from dfs_core.model.options import Option

_ROUND = 0.5  # exponent of an arch: 1 is an ellipse, 0 a rectangle
SIDE = 46  # pixels of a full block, if there is room
TOP, BOTTOM = 26, 20
WIRE, BYPASS = 62, 12  # y of the line through the blocks, and of the shortcut past them
COST_TOP, COST_FOOT = 134, 196
_NAME, _WAS = 100, 114
_PICTURE = 72


def network_path(what_if: WhatIf, subject: Subject, chosen: int | None, colours: Palette) -> Figure:
    """The picture, the blocks that it passes or skips, the prediction, and the accumulated cost below.

    The filled area of a block is its cost: 8 of 32 bits fill a quarter of the side, which is a sixteenth of the area.
    The thick line is the image's path; it takes the shortcut past skipped blocks. A click on a block puts its number
    into the selection ``BLOCK_PARAM``.

    Args:
        what_if: free and forced decisions; both are shown if gates are forced.
        subject: the image.
        chosen: number of the chosen block, which is highlighted.
        colours: palette of the theme.
    """
    picture, config, cost = subject.picture, subject.config, subject.cost
    line, rows = Line.of(config), path_rows(what_if, config, cost)
    free = path_rows(WhatIf(what_if.free, what_if.free, {}, False), config, cost) if what_if.gates else []
    usual = "the same for every image" if not config.has_gates else "the gate's own choice"
    usual = "what its pass says" if what_if.free.passes else usual
    most = max(1.0, *(row["so_far"] for row in [*rows, *free])) * 1.12
    answer = _answer(what_if, picture, cost, rows[-1]["so_far"], free, colours)
    answer["cost_y"] = _cost_y(rows[-1]["so_far"], most)
    data = {
        "blocks": [
            _block(row, line, usual, colours)
            | {"y": _cost_y(row["so_far"], most), "before_y": _cost_y(row["so_far"] - row["adds"], most)}
            | {"click_id": subject.click_id, "chosen": row["block"] == chosen}
            for row in rows
        ],
        "way": _way(rows, line),
        "shortcuts": _shortcuts(rows, line),
        "spent": _spent(rows, line, most),
        "unforced": _spent(free, line, most),
        "ends": [{"x": END / 2, "name": "stem"}, {"x": line.length - END / 2, "name": "classes"}],
        "answer": [answer],
        "picture": [{"url": picture.seen_uri}],
        "stages": line.stages(config),
    }
    return Figure(path_template(line, len(free) > 0, colours), data)


def _block(row: PathRow, line: Line, usual: str, colours: Palette) -> dict[str, Any]:
    """Position and look of a block; ``usual`` says why it does what it does if nothing is forced."""
    fill = colours.option(row["option"])
    notes = []
    if row["forced"]:
        notes.append(f"forced, free: {row['free']}")
    elif row["followed"]:
        notes.append(f"was {row['free']}, decided again")
    elif not row["gated"]:
        notes.append(f"no gate: always {'in full' if row['option'] == 'full' else option_label(row['option'])}")
    name = option_label(row["option"])
    return row | {
        **line.span(row["block"]),
        "fill": fill,
        "edge": colours.accent if row["forced"] else colours.muted,
        "share": Option.parse(row["option"]).cost,
        "was": f"was {row['free']}" if row["free"] != row["option"] else "",
        "about": f"block {row['block']}: {name}" + "".join(f", {note}" for note in notes),
        "note": "; ".join(notes) or usual,
    }


def _way(rows: Sequence[PathRow], line: Line) -> Rows:
    """Points of the thick line: straight through executed blocks, an arch past skipped ones."""
    corners = [(0.0, float(WIRE))]
    for row in rows:
        straight = [(line.start(row["block"]), float(WIRE)), (line.end(row["block"]), float(WIRE))]
        corners += straight if row["bits"] else _arch(row, line)
    corners.append((line.length, WIRE))
    return [{"step": step, "x": x, "y": y} for step, (x, y) in enumerate(corners)]


def _shortcuts(rows: Sequence[PathRow], line: Line) -> Rows:
    """Points of the shortcut past each block."""
    arches = [(row["block"], _arch(row, line)) for row in rows]
    return [{"block": block, "x": x, "y": y} for block, arch in arches for x, y in arch]


def _arch(row: PathRow, line: Line) -> list[tuple[float, float]]:
    """Points of an arch over a block: half a superellipse, which clears the block's corners."""
    centre, angles = line.start(row["block"]) + 0.5, [math.pi * step / 16 for step in range(17)]
    return [
        (
            centre - math.copysign(abs(math.cos(angle)) ** _ROUND / 2, math.cos(angle)),
            WIRE - (WIRE - BYPASS) * math.sin(angle) ** _ROUND,
        )
        for angle in angles
    ]


def _spent(rows: Sequence[PathRow], line: Line, most: float) -> Rows:
    """Points of the staircase of accumulated cost, with a step at the start of each block."""
    if not rows:
        return []
    corners = [(0.0, rows[0]["so_far"])]
    for row in rows:
        corners += [(line.start(row["block"]), corners[-1][1]), (line.start(row["block"]), row["so_far"])]
    corners.append((line.length, rows[-1]["so_far"]))
    return [{"step": i, "x": x, "y": _cost_y(cost, most), "so_far": cost} for i, (x, cost) in enumerate(corners)]


def _cost_y(cost: float, most: float) -> float:
    return COST_FOOT - (COST_FOOT - COST_TOP) * cost / most


def _answer(
    what_if: WhatIf, picture: Picture, cost: Cost, total: float, free: Sequence[PathRow], colours: Palette
) -> dict[str, Any]:
    """The texts right of the network: prediction, confidence and cost, and the same without forced gates."""
    trace, measure = what_if.forced, MEASURES[cost].name
    found = verdict(trace, picture)
    truth = f" · {picture.truth_in_words}" if found == "wrong" else ""
    texts: dict[str, Any] = {
        "label": class_name(trace.label),
        "detail": marked(found, f"{100 * trace.confidence:.0f} %{truth}"),
        "ink": colours.wrong if found == "wrong" else colours.muted,
        "cost": f"{total:.2f} % {measure}",
        "before": "",
        "cost_before": "",
    }
    if free:
        texts["before"] = f"free: {class_name(what_if.free.label)} {100 * what_if.free.confidence:.0f} %"
        texts["cost_before"] = f"free: {free[-1]['so_far']:.2f} %"
    return texts


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
    """The thin shortcut past every block, and the thick path of the image."""
    look: dict[str, Any] = {"aria": False, "strokeCap": "round", "strokeJoin": "round"}
    shortcuts = table("shortcuts").mark_line(**look, strokeWidth=1, color=colours.faint)
    way = table("way").mark_line(**look, strokeWidth=3.5, color=colours.ink)
    return [
        shortcuts.encode(x=line.at("x"), y=y_of("y"), detail="block:N"),
        way.encode(x=line.at("x"), y=y_of("y"), order="step:Q"),
    ]


def _squares(line: Line, colours: Palette) -> list[alt.Chart]:
    """An outline for every block, with a filled area that shows its cost; stem and classifier as discs."""
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
        # At few bits the area is a dot of three pixels in a faint colour, so it needs an outline.
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
    """The option and the former option of every block, marks of forced ones, stage titles, block numbers."""
    blocks = table("blocks", "block")
    small: dict[str, Any] = {"aria": False, "fontSize": 10.5, "color": colours.muted}
    pin = blocks.transform_filter("datum.forced").mark_point(
        aria=False, shape="triangle-down", filled=True, size=70, opacity=1, color=colours.accent
    )
    names = blocks.mark_text(aria=False, fontSize=12, color=colours.ink, opacity=alt.expr(line.room(BLOCK_ROOM)))
    return [
        pin.encode(x=line.at("centre"), y=alt.value(WIRE - SIDE / 2 - 9)),
        names.encode(
            x=line.at("centre"),
            y=alt.value(_NAME),
            text=alt.value(
                alt.expr(f"datum.option === 'skip' && !({line.room(SKIP_ROOM)}) ? '\N{EN DASH}' : datum.option")
            ),
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
        *stage_marks(line.at("start"), stage_title(line.length), 4, colours),
    ]


def _costs(line: Line, compared: bool, colours: Palette) -> list[alt.Chart]:
    """Accumulated cost, with each block's part in its option's colour; dashed: without forced gates."""
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
    """The picture left of the network, the prediction right of it, and the title of the staircase."""
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
    """The invisible layer for tooltips and clicks, over the whole height of a block."""
    tooltip = [
        alt.Tooltip("block:Q"),
        alt.Tooltip("option:N"),
        alt.Tooltip("note:N", title="why"),
        alt.Tooltip("adds:Q", title="adds to cost %", format=".3f"),
        alt.Tooltip("so_far:Q", title="cost so far %", format=".2f"),
    ]
    click = alt.selection_point(name=BLOCK_PARAM, fields=["block", "click_id"], on="click", empty=False)
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
