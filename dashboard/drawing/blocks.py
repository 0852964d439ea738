"""Positions of the gated blocks along an axis, with a gap between stages, and the headings above them."""

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
NAME_ROOM = 17  # least width of a column in pixels for an option's name
LARGE_ROOM = 30  # the same for the name in large type, which a room can read
SHORT_ROOM = 11  # the same for the name in small type, with F for full
TITLE_ROOM, STAGE_ROOM = 128, 50  # the same for a stage's whole title, and for its name; a narrower one has its number
NUMBER_ROOM = 14  # the same for a block number; narrower columns have every fourth number


def start_of(block: int, stage: int, first: int = FIRST_GATED) -> float:
    """Start of a block on the axis, in block widths.

    Args:
        block: block number.
        stage: its stage, from 1.
        first: number of the block that starts at 0.
    """
    return block - first + (stage - 1) * STAGE_GAP


def placed(row: Mapping[str, Any], margin: float = 0.03) -> dict[str, Any]:
    """A row with ``block`` and ``stage``, plus its position: ``start``, ``end``, ``centre``."""
    start = start_of(row["block"], row["stage"])
    return {**row, "start": start + margin, "end": start + 1 - margin, "centre": start + 0.5}


def stages(config: ModelConfig) -> Rows:
    """The rows of ``tables.stage_rows``, plus ``start``, ``end`` and ``room`` for the title."""
    return with_room(
        [
            stage
            | {"start": start_of(stage["first"], stage["stage"]), "end": start_of(stage["last"], stage["stage"]) + 1}
            for stage in stage_rows(config)
        ]
    )


def with_room(rows: Rows) -> Rows:
    """Rows with ``start`` and ``end``, plus ``room``: the distance to the start of the next one."""
    ends = [*(row["start"] for row in rows[1:]), rows[-1]["end"]]
    return [row | {"room": end - row["start"]} for row, end in zip(rows, ends, strict=True)]


def block_numbers(config: ModelConfig) -> Rows:
    """One row for each gated block, with its position."""
    return [
        placed({"block": block, "stage": stage["stage"]})
        for stage in stage_rows(config)
        for block in range(stage["first"], stage["last"] + 1)
    ]


def scale_of(config: ModelConfig) -> alt.Scale:
    """The axis of all gated blocks of a network."""
    return alt.Scale(domain=[0, stages(config)[-1]["end"]], nice=False, zero=False)


def stage_title(length: float) -> str:
    """Vega expression: as much of a stage's title as it has room for, on an axis of that length."""
    room = f"width * datum.room / {length}"
    return f"{room} >= {TITLE_ROOM} ? datum.title : {room} >= {STAGE_ROOM} ? 'stage ' + datum.stage : datum.stage"


def option_names(cells: alt.Chart, length: float, field: str = "option") -> alt.Chart:
    """The names of options on their cells, so that colour is not all that tells them apart.

    On narrow columns ``full`` is F and ``skip`` the line that stands for it in legends.

    Args:
        cells: with the name in ``field``.
        length: of the axis, in block widths; a column is one block wide.
        field: name of the field.
    """
    column = f"width / {length}"
    wide = f"{column} >= {NAME_ROOM}"
    short = f"(datum.{field} == 'full' ? 'F' : datum.{field} == 'skip' ? '\u2013' : datum.{field})"
    return cells.mark_text(
        aria=False,
        fontSize=alt.expr(f"{column} >= {LARGE_ROOM} ? 14 : {wide} ? 10.5 : 9"),
        opacity=alt.expr(f"{column} >= {SHORT_ROOM} ? 1 : 0"),
        text=alt.expr(f"{wide} ? datum.{field} : {short}"),
    )


def number_opacity(length: float) -> Any:
    """Opacity of block numbers on an axis of that length: every fourth one is enough where columns are narrow."""
    return alt.expr(f"width / {length} >= {NUMBER_ROOM} || datum.block % 4 == 0 ? 1 : 0")


def stage_marks(start: alt.X, title: str, above: float, colours: Palette) -> list[alt.Chart]:
    """Stage titles with a line below each (data ``stages``).

    Args:
        start: the x channel of a stage's start.
        title: Vega expression of the text, such as ``stage_title``.
        above: pixels from the top of the chart to the line; the titles stand six pixels above it.
        colours: palette of the theme.
    """
    stages = table("stages")
    return [
        stages.mark_text(
            aria=False, align="left", baseline="bottom", fontSize=11, color=colours.muted, text=alt.expr(title)
        ).encode(x=start, y=alt.value(-above - 6)),
        stages.mark_rule(aria=False, strokeWidth=2, color=colours.muted, opacity=0.55).encode(
            x=start, x2="end:Q", y=alt.value(-above)
        ),
    ]


def heading_marks(scale: alt.Scale, below: Any, colours: Palette) -> list[alt.Chart]:
    """Stage titles with a line below each (data ``stages``), and block numbers (data ``blocks``).

    Args:
        scale: of the blocks.
        below: y of the block numbers.
        colours: palette of the theme.
    """

    def at(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=scale, axis=None)

    length = scale["domain"][1]
    numbers = table("blocks").mark_text(
        aria=False, fontSize=11, color=colours.muted, baseline="top", opacity=number_opacity(length)
    )
    return [
        *stage_marks(at("start"), stage_title(length), 6, colours),
        numbers.encode(x=at("centre"), y=below, text="block:Q"),
    ]
