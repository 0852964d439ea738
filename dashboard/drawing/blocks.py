"""Where gated blocks stand along an axis: one beside the other, with a gap between stages, and what is above them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt

from dashboard.answers.tables import Rows, stage_rows
from dashboard.drawing.figure import table
from dashboard.drawing.palette import Palette
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED

STAGE_GAP = 0.5  # between stages, in blocks


def start_of(block: int, stage: int, first: int = FIRST_GATED) -> float:
    """Where a block begins along the axis, in blocks.

    Args:
        block: its number in the network.
        stage: in which it is, from 1.
        first: number of the block that begins at 0.
    """
    return block - first + (stage - 1) * STAGE_GAP


def placed(row: Mapping[str, Any], margin: float = 0.03) -> dict[str, Any]:
    """A row that has ``block`` and ``stage``, with where it stands: ``start``, ``end``, ``centre``."""
    start = start_of(row["block"], row["stage"])
    return {**row, "start": start + margin, "end": start + 1 - margin, "centre": start + 0.5}


def stages(config: ModelConfig) -> Rows:
    """The stages as ``tables.stage_rows`` gives them, with where each begins and ends."""
    return [
        stage | {"start": start_of(stage["first"], stage["stage"]), "end": start_of(stage["last"], stage["stage"]) + 1}
        for stage in stage_rows(config)
    ]


def block_numbers(config: ModelConfig) -> Rows:
    """One row a gated block, with where it stands."""
    return [
        placed({"block": block, "stage": stage["stage"]})
        for stage in stage_rows(config)
        for block in range(stage["first"], stage["last"] + 1)
    ]


def scale_of(config: ModelConfig) -> alt.Scale:
    """The axis of all gated blocks of a network."""
    return alt.Scale(domain=[0, stages(config)[-1]["end"]], nice=False, zero=False)


def name_room(length: float) -> str:
    """Vega expression: pixels for the name of a stage, along an axis of that length; it ends where the stage does."""
    return f"width * (datum.end - datum.start) / {length} - 6"


def heading_marks(scale: alt.Scale, below: Any, colours: Palette) -> list[alt.Chart]:
    """Stage names with a line over each, from the data ``stages``, and block numbers, from the data ``blocks``.

    Args:
        scale: of the blocks.
        below: y of the block numbers.
        colours: of the theme.
    """

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=None)

    named, numbers = table("stages"), table("blocks")
    text: Any = {"aria": False, "fontSize": 11, "color": colours.muted}
    return [
        named.mark_text(align="left", baseline="bottom", limit=alt.expr(name_room(scale["domain"][1])), **text).encode(
            x=at("start"), y=alt.value(-12), text="title:N"
        ),
        named.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=at("start"), x2="end:Q", y=alt.value(-6)
        ),
        numbers.mark_text(baseline="top", **text).encode(x=at("centre"), y=below, text="block:Q"),
    ]
