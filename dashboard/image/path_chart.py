"""One image's way through the network, block by block. Tables and colours in, an Altair figure out; no Streamlit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from dashboard.answers.costs import MEASURES, Cost
from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Rows
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import Palette
from dashboard.image.layout import END, GLYPHS, Line
from dashboard.image.path_marks import BYPASS, COST_FOOT, COST_TOP, WIRE, path_template
from dashboard.image.probes import WhatIf
from dashboard.image.tables import path_rows, verdict
from dfs_core.model.config import ModelConfig

_ROUND = 0.5  # of an arch: 1 is an ellipse, 0 a rectangle


def network_path(
    what_if: WhatIf,
    picture: Picture,
    config: ModelConfig,
    cost: Cost,
    chosen: int | None,
    colours: Palette,
    turn: int = 0,
) -> Figure:
    """The picture, the blocks that it runs through or past, what it is taken for, and the cost that adds up below.

    A block's square is filled in proportion to its cost: a quarter of the side, a sixteenth of the work, for 8 of 32
    bits. The thick line is the image's way; past a skipped block it takes the shortcut. A click on a block gives its
    number to the selection ``BLOCK_PARAM``, with ``turn``.

    Args:
        what_if: the decisions; where gates are forced, the free ones are shown beside.
        picture: the image.
        config: of the checkpoint that decided.
        cost: the measure that adds up.
        chosen: number of the block that is looked at; it gets a band.
        colours: of the theme.
        turn: comes back with a selection, so that a second click is told from the first.
    """
    line, rows = Line.of(config), path_rows(what_if, config, cost)
    free = path_rows(WhatIf(what_if.free, what_if.free, {}, False), config, cost) if what_if.gates else []
    most = max(1.0, *(row["so_far"] for row in [*rows, *free])) * 1.12
    answer = _answer(what_if, picture, cost, rows[-1]["so_far"], free, colours)
    answer["cost_y"] = _cost_y(rows[-1]["so_far"], most)
    data = {
        "blocks": [
            _block(row, line, colours)
            | {"y": _cost_y(row["so_far"], most), "before_y": _cost_y(row["so_far"] - row["adds"], most)}
            | {"turn": turn, "chosen": row["block"] == chosen}
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


def _block(row: dict[str, Any], line: Line, colours: Palette) -> dict[str, Any]:
    """Where a block stands and how it looks."""
    fill = colours.option(row["option"])
    notes = []
    if row["forced"]:
        notes.append(f"forced, free: {row['free']}")
    elif row["followed"]:
        notes.append(f"was {row['free']}, decided anew")
    elif not row["gated"]:
        notes.append("no gate: always in full")
    name = row["option"] if row["option"] in ("skip", "full") else f"{row['option']} bits"
    return row | {
        **line.span(row["block"]),
        "fill": fill,
        "edge": colours.accent if row["forced"] else colours.muted,
        "share": (row["bits"] / 32) ** 2,
        "was": f"was {row['free']}" if row["free"] != row["option"] else "",
        "about": f"block {row['block']}: {name}" + "".join(f", {note}" for note in notes),
        "note": "; ".join(notes) or "the gate's own choice",
    }


def _way(rows: Rows, line: Line) -> Rows:
    """The thick line's corners: straight on through a block that runs, in an arch past one that is skipped."""
    corners = [(0.0, float(WIRE))]
    for row in rows:
        straight = [(line.start(row["block"]), float(WIRE)), (line.end(row["block"]), float(WIRE))]
        corners += straight if row["bits"] else _arch(row, line)
    corners.append((line.length, WIRE))
    return [{"step": step, "x": x, "y": y} for step, (x, y) in enumerate(corners)]


def _shortcuts(rows: Rows, line: Line) -> Rows:
    """The corners of the shortcut past each block."""
    arches = [(row["block"], _arch(row, line)) for row in rows]
    return [{"block": block, "x": x, "y": y} for block, arch in arches for x, y in arch]


def _arch(row: Mapping[str, Any], line: Line) -> list[tuple[float, float]]:
    """Half a rounded rectangle over a block, from wire to wire."""
    centre, turns = line.start(row["block"]) + 0.5, [math.pi * step / 16 for step in range(17)]
    # A superellipse: rounder than a box and wider than a circle, so that it clears the block's corners.
    return [
        (
            centre - math.copysign(abs(math.cos(turn)) ** _ROUND / 2, math.cos(turn)),
            WIRE - (WIRE - BYPASS) * math.sin(turn) ** _ROUND,
        )
        for turn in turns
    ]


def _spent(rows: Rows, line: Line, most: float) -> Rows:
    """Corners of the staircase of cost so far: each block's step at its beginning."""
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
    what_if: WhatIf, picture: Picture, cost: Cost, total: float, free: Rows, colours: Palette
) -> dict[str, Any]:
    """The texts behind the network: what it is taken for, how surely, what it cost, and what that was without force."""
    trace, measure = what_if.forced, MEASURES[cost].name
    found = verdict(trace, picture)
    truth = f" · is {picture.truth}" if found == "wrong" else ""
    texts: dict[str, Any] = {
        "label": trace.label,
        "detail": f"{GLYPHS[found]}{100 * trace.confidence:.0f} %{truth}",
        "ink": colours.wrong if found == "wrong" else colours.muted,
        "cost": f"{total:.2f} % {measure}",
        "before": "",
        "cost_before": "",
    }
    if free:
        texts["before"] = f"free: {what_if.free.label} {100 * what_if.free.confidence:.0f} %"
        texts["cost_before"] = f"free: {free[-1]['so_far']:.2f} %"
    return texts
