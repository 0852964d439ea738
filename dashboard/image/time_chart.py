"""What the parts of a network take for one image on this machine, and the chart of it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypedDict

import altair as alt

from dashboard.answers.costs import Cost
from dashboard.answers.times import time_of
from dashboard.drawing.figure import Figure, Key, table
from dashboard.drawing.palette import Palette
from dashboard.image.layout import END, Line, frame
from dashboard.image.probes import WhatIf
from dashboard.image.tables import path_rows
from dfs_core.checkpoints.words import option_in_words
from dfs_core.model.config import ModelConfig
from dfs_core.timing.calibration import Calibration

_TOP, _BOTTOM, _HEIGHT = 12, 26, 130  # pixels


class TimeRow(TypedDict):
    """One part of the network, for one image.

    Attributes:
        part: in words.
        block: number in the network; None for the answer.
        option: that the block runs under; of a cascade, in its last pass.
        policy_ms: measured milliseconds that the policy takes to decide over it.
        block_ms: measured milliseconds to run it; of a cascade, in all passes.
        counted: what it adds to the counted cost in use, in percent; None for parts that no policy decides over.
    """

    part: str
    block: int | None
    option: str
    policy_ms: float
    block_ms: float
    counted: float | None


def time_rows(what_if: WhatIf, config: ModelConfig, cost: Cost, calibration: Calibration, batch: int) -> list[TimeRow]:
    """One row for stem and first block, for each gated block, and for the answer; their times sum to the image's."""
    time = time_of(what_if.forced, config, calibration, batch)
    first, *gated = path_rows(what_if, config, cost)
    rows: list[TimeRow] = [_row("stem and first block", 1, first["option"], 0.0, time.enter, None)]
    for row, policy, block in zip(gated, time.policy, time.blocks, strict=True):
        rows.append(_row(f"block {row['block']}", row["block"], row["option"], policy, block, row["adds"]))
    return [*rows, _row("answer", None, "", 0.0, time.answer, None)]


def _row(
    part: str, block: int | None, option: str, policy_ms: float, block_ms: float, counted: float | None
) -> TimeRow:
    return {
        "part": part,
        "block": block,
        "option": option,
        "policy_ms": policy_ms,
        "block_ms": block_ms,
        "counted": counted,
    }


def time_chart(rows: Sequence[TimeRow], config: ModelConfig, colours: Palette) -> Figure:
    """A bar for each part along the network: its time, and on top of it the policy's.

    Args:
        rows: from ``time_rows``.
        config: of the network.
        colours: palette of the theme.
    """
    line = Line.of(config)
    data = [
        {
            **row,
            "top": row["policy_ms"] + row["block_ms"],
            "start": 0.1 + (line.length - END if row["block"] is None else line.start(row["block"])),
            "end": (line.length if row["block"] is None else line.end(row["block"])) - 0.1,
            "fill": colours.muted if row["counted"] is None else colours.option(row["option"]),
        }
        for row in rows
    ]
    return Figure(_template(line, colours), {"parts": data}, time_keys(config, colours))


def time_keys(config: ModelConfig, colours: Palette) -> tuple[Key, ...]:
    """The legend: what is always paid, the policy, and the options without their counted costs."""
    always = Key("always paid", colours.muted, "cell"), Key("policy", colours.families[4], "cell")
    options = (
        Key(option_in_words(option.name), colours.option(option.name), "skip" if option.is_skip else "cell")
        for option in config.option_set
    )
    return (*always, *options)


@lru_cache(maxsize=16)
def _template(line: Line, colours: Palette) -> dict[str, Any]:
    parts = table("parts")
    axis = alt.Axis(title="ms an image", tickCount=4, grid=True)
    tooltip = [
        alt.Tooltip("part:N"),
        alt.Tooltip("option:N"),
        alt.Tooltip("block_ms:Q", title="measured: block, ms", format=".4f"),
        alt.Tooltip("policy_ms:Q", title="measured: policy, ms", format=".4f"),
        alt.Tooltip("counted:Q", title="counted: adds %", format=".3f"),
    ]
    y = alt.Y("block_ms:Q", axis=axis, scale=alt.Scale(zero=True, nice=True))
    ends: Any = {"x": line.at("start"), "x2": "end:Q", "tooltip": tooltip}
    marks = [
        parts.mark_rect(stroke=colours.muted, strokeWidth=0.5).encode(
            **ends, y=y, y2=alt.datum(0), fill=alt.Fill("fill:N", scale=None)
        ),
        parts.mark_rect(color=colours.families[4]).encode(**ends, y=alt.Y("top:Q", axis=axis), y2="block_ms:Q"),
    ]
    return frame(alt.layer(*marks), _HEIGHT, _TOP, _BOTTOM)
