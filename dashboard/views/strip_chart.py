"""The decision strip: the option that each image takes in each gated block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import altair as alt

from dashboard.answers import looks
from dashboard.answers.costs import MEASURES, Cost, Measure
from dashboard.answers.naming import class_name
from dashboard.answers.pictures import loses_nothing
from dashboard.answers.tables import Rows, Shown, decision_rows, image_rows
from dashboard.answers.verdicts import marked
from dashboard.drawing import blocks
from dashboard.drawing.blocks import number_opacity, stage_marks, stage_title
from dashboard.drawing.figure import Figure, padded, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dfs_core.model.config import ModelConfig

ROW = 42  # height of a row in pixels
DENSE_ROW = 34  # the same if there are many images
DENSE_FROM = 13  # images from which rows are dense
LANE = 16  # height of one pass of a cascade, whose rows have a lane for each pass that some image shown needs
_HEADER, _FOOTER = 26, 18
FOCUS_PARAMS = ("cell", "thumb")
TEXT_WIDTH, COST_WIDTH = 118, 108  # pixels for the texts left of the cells, and for the costs right of them
USUAL = 640, 700  # pixels of the strip on a narrow page, and of that of a cascade (style.css)
PASS_WIDTH = 148  # pixels between cells and costs for what each pass of a cascade said


def decision_strip(
    shown: Sequence[Shown],
    config: ModelConfig,
    focus: str | None,
    colours: Palette,
    click_id: int = 0,
    cost: Cost = "all-in",
) -> Figure:
    """Heatmap of decision vectors: a row for each image, a column for each gated block; pictures left, costs right.

    Of a cascade, a row has a lane for each pass, the first on top. Right of it is how sure the network was after it,
    and its lead beside the limit that it missed or reached. Lanes of passes that were not needed stay empty.

    A cell's colour shows the option's cost, its text the option's name if there is room. A skipped block is an empty
    cell with the shortcut as a line through it. A click on a row puts the image's key into the selections
    ``FOCUS_PARAMS``.

    Args:
        shown: images with their traces; at least one.
        config: of the checkpoint that all traces come from.
        focus: key of the image whose row is marked.
        colours: palette of the theme.
        click_id: see ``links.State``.
        cost: the measure in the column beside cp; for cp itself, that column shows all-in.
    """
    lanes = max(1, *(len(item.trace.passes) for item in shown))
    row = max(ROW if len(shown) < DENSE_FROM else DENSE_ROW, LANE * lanes + 8)
    both = any(item.picture.origin != "test" or not loses_nothing(item.picture) for item in shown)
    stages = blocks.stages(config)
    cells = _cells(shown, config, colours, row)
    data = {
        "cells": [cell | {"click_id": click_id} for cell in cells],
        "images": [image | {"click_id": click_id} for image in _images(shown, config, focus, colours)],
        "pictures": [
            {"row": row, "given": item.picture.thumb_uri, "seen": item.picture.seen_uri}
            for row, item in enumerate(shown)
        ],
        "stages": stages,
        "heads": [{"row": 0}],
        "blocks": [
            {"row": len(shown), "block": cell["block"], "centre": cell["centre"]}
            for cell in cells
            if cell["row"] == 0 and cell.get("pass_number", 1) == 1
        ],
    }
    if config.passes:
        data["passes"] = _said(shown, colours, row)
    second = MEASURES["all-in" if cost == "cp" else cost]
    spec = _template(stages[-1]["end"], row, both, colours, second, bool(config.passes))
    spec = spec | {"height": row * len(shown) + _HEADER + _FOOTER}
    return Figure(spec, data, option_keys(config.option_set, colours))


def least_width(config: ModelConfig) -> float:
    """Pixels in which the options of all blocks can be told apart without their colour; 0 if any page has so much."""
    said = PASS_WIDTH if config.passes else 0
    wide = _left(ROW, both=True) + said + COST_WIDTH + blocks.SHORT_ROOM * float(blocks.stages(config)[-1]["end"])
    return wide if wide > USUAL[bool(config.passes)] else 0.0


def _left(row: int, both: bool) -> int:
    """Pixels left of the cells."""
    return (min(row, ROW) - 4) * (2 if both else 1) + 8 + TEXT_WIDTH


@lru_cache(maxsize=32)
def _template(length: float, row: int, both: bool, colours: Palette, second: Measure, cascade: bool) -> dict[str, Any]:
    """The specification without data, cached because building it takes 0.25 s.

    Args:
        length: of the strip, in block widths.
        row: height of a row in pixels.
        both: whether to show the pictures as given beside those that the network sees.
        colours: palette of the theme.
        second: the measure in the last column.
        cascade: whether rows have lanes.
    """
    side = min(row, ROW) - 8  # of the pictures
    left = _left(row, both)
    place = Place(row, left, side, PASS_WIDTH if cascade else 0, alt.Scale(domain=[0, length], nice=False, zero=False))
    marks = [
        *row_marks(place, both, colours, second, cascade),
        *cell_marks(place, length, cascade),
        *headings(place, length, both, colours, second),
    ]
    return padded(alt.layer(*marks), left, place.right, _HEADER, _FOOTER)


def _cells(shown: Sequence[Shown], config: ModelConfig, colours: Palette, height: int) -> Rows:
    """Position and look of each cell; ``height`` of a row in pixels."""
    fills = {name: colours.cell(name) for name in config.option_set.names}
    cells = []
    for row in decision_rows(shown, config):
        number, about = row.get("pass_number"), f"{row['image']}, block {row['block']}: {row['option']}"
        top, bottom = (0.09, 0.91) if number is None else _lane(number, height)
        cells.append(
            blocks.placed(row)
            | fills[row["option"]]
            | {"cell": row["row"] * 1000 + row["block"] + 100_000 * ((number or 1) - 1)}
            | {"top": top, "bottom": bottom, "middle": (top + bottom) / 2}
            | {"about": about if number is None else f"{about}, pass {number}"}
        )
    return cells


def _lane(number: int, height: int) -> tuple[float, float]:
    """Upper and lower edge of a pass's lane, as shares of a row's height in pixels."""
    top = 4 + LANE * (number - 1)
    return (top + 1) / height, (top + LANE - 1) / height


def _said(shown: Sequence[Shown], colours: Palette, height: int) -> Rows:
    """What each pass said: how sure it was, its lead beside its limit, and its answer if it is not the last one's."""
    rows: Rows = []
    for row, item in enumerate(shown):
        for number, look in enumerate(item.trace.passes, start=1):
            again, (top, bottom) = looks.missed(look), _lane(number, height)
            other = "" if look.label == item.trace.label else f"{class_name(look.label)} "
            limit = looks.against_limit(look)
            text = f"{other}{100 * look.confidence:.0f} %{' · ' if limit else ''}{limit}"
            ink = colours.cascade if again else colours.muted
            rows.append({"row": row, "middle": (top + bottom) / 2, "text": text, "ink": ink})
    return rows


def _images(shown: Sequence[Shown], config: ModelConfig, focus: str | None, colours: Palette) -> Rows:
    """One row for each image: its texts, and whether it is in focus."""
    rows = image_rows(shown, config)
    for row in rows:
        row["prediction"], row["truth"] = class_name(row["prediction"]), class_name(row["truth"])
        about = f" · is {row['truth']}" if row["verdict"] == "wrong" else "" if row["truth"] else f" · {row['image']}"
        row["detail"] = marked(row["verdict"], f"{row['confidence']:.0f} %{about}")
        row["detail_ink"] = colours.wrong if row["verdict"] == "wrong" else colours.muted
        row["about"] = f"{row['image']}: {row['prediction']}, {row['detail']}"
        row["strength"] = 0.13 if row["key"] == focus else 0.0
    return rows


@dataclass(frozen=True, slots=True)
class Place:
    """Positions in the strip, in pixels.

    Attributes:
        row: height of a row.
        left: width left of the cells.
        side: of the pictures.
        said: width right of the cells for what the passes of a cascade said.
        scale: of the blocks.
    """

    row: int
    left: int
    side: int
    said: int
    scale: alt.Scale

    @property
    def right(self) -> int:
        """Width right of the cells."""
        return self.said + COST_WIDTH

    def at(self, field: str) -> alt.X:
        """The x channel of a field in block widths."""
        return alt.X(f"{field}:Q", scale=self.scale, axis=None)

    def down(self, share: float | str) -> Any:
        """y within the row of a datum: 0 is the upper edge, 1 the lower; a text names a field."""
        return alt.value(
            alt.expr(f"(datum.row + {f'datum.{share}' if isinstance(share, str) else share}) * {self.row}")
        )


def row_marks(place: Place, both: bool, colours: Palette, second: Measure, cascade: bool) -> list[alt.Chart]:
    """The band of the image in focus, and each row's pictures, prediction and costs."""
    base, pictures = table("images", "row"), table("pictures")
    left, side = place.left, place.side
    columns = ["given", "seen"] if both else ["seen"]
    text_at = alt.value(4 - left + len(columns) * (side + 4) + 4)
    tooltip = [
        alt.Tooltip("image:N", title="picture"),
        alt.Tooltip("prediction:N"),
        alt.Tooltip("confidence:Q", title="confidence %", format=".1f"),
        alt.Tooltip("truth:N", title="is"),
        *([alt.Tooltip("passes:Q")] if cascade else []),
        *(alt.Tooltip(f"{one.column}:Q", title=f"{one.name} %", format=".2f") for one in MEASURES.values()),
    ]
    whole = {"y": place.down(0.01), "y2": place.down(0.99)}
    middle = place.down(0.5)
    label = base.mark_text(
        aria=False, align="left", dy=-7, fontSize=13, fontWeight=600, limit=TEXT_WIDTH - 8, color=colours.ink
    )
    detail = base.mark_text(aria=False, align="left", dy=9, fontSize=11, limit=TEXT_WIDTH - 8)
    cost = base.mark_text(aria=False, align="right", fontSize=12, color=colours.ink)
    click = alt.selection_point(name=FOCUS_PARAMS[1], fields=["key", "click_id"], on="click", empty=False)
    end = alt.value(alt.expr(f"width + {place.right - 2}"))
    return [
        base.mark_rect(aria=False, cornerRadius=4, fill=colours.accent).encode(
            x=alt.value(-left), x2=end, **whole, fillOpacity=alt.FillOpacity("strength:Q", scale=None)
        ),
        *(
            pictures.mark_image(aria=False, width=side, height=side, align="left").encode(
                x=alt.value(4 - left + index * (side + 4)), y=middle, url=f"{column}:N"
            )
            for index, column in enumerate(columns)
        ),
        label.encode(x=text_at, y=middle, text="prediction:N"),
        detail.encode(x=text_at, y=middle, text="detail:N", color=alt.Color("detail_ink:N", scale=None)),
        *(
            cost.encode(
                x=alt.value(alt.expr(f"width + {place.said + at}")),
                y=middle,
                text=alt.Text(f"{column}:Q", format=".2f"),
            )
            for at, column in ((50, "cp"), (100, second.column))
        ),
        *([_passes(place)] if cascade else []),
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(x=alt.value(-left), x2=alt.value(-2), **whole, tooltip=tooltip, description="about:N")
        .add_params(click),
        base.mark_rect(aria=False, fillOpacity=0).encode(
            x=alt.value(alt.expr("width + 8")), x2=end, **whole, tooltip=tooltip
        ),
    ]


def _passes(place: Place) -> alt.Chart:
    """What each pass of a cascade said, beside its lane."""
    ink, at = alt.Color("ink:N", scale=None), alt.value(alt.expr("width + 8"))
    said = table("passes").mark_text(aria=False, align="left", fontSize=10.5, limit=PASS_WIDTH - 6)
    return said.encode(x=at, y=place.down("middle"), text="text:N", color=ink)


def cell_marks(place: Place, length: float, cascade: bool) -> list[alt.Chart]:
    """Cells, the line through skipped ones, option names, and on top an invisible layer for tooltips and clicks."""
    base = table("cells", "cell")
    gate = [
        alt.Tooltip("probability:Q", title="gate's probability %", format=".1f"),
        alt.Tooltip("margin:Q", title="margin over the next, points", format=".1f"),
    ]
    pass_of = [
        alt.Tooltip("pass_number:Q", title="pass"),
        alt.Tooltip("answer:N", title="its answer"),
        alt.Tooltip("sure:Q", title="sure %", format=".1f"),
        alt.Tooltip("needed:N", title="lead and limit, times as probable as the next"),
    ]
    tooltip = [
        alt.Tooltip("image:N", title="picture"),
        alt.Tooltip("block:Q", title="block"),
        alt.Tooltip("option:N", title="option"),
        alt.Tooltip("fraction:Q", title="cost, share of the full block", format=".4~f"),
        alt.Tooltip("bits:Q", title="bits"),
        *(pass_of if cascade else gate),
        *(alt.Tooltip(f"{one.column}:Q", title=f"adds to {one.name} %", format=".2f") for one in MEASURES.values()),
    ]
    click = alt.selection_point(name=FOCUS_PARAMS[0], fields=["key", "click_id"], on="click", empty=False)
    filled, skipped = base.transform_filter("datum.bits > 0"), base.transform_filter("datum.bits == 0")
    x, x2, middle = place.at("start"), alt.X2("end:Q"), place.down("middle")
    box = {"x": x, "x2": x2, "y": place.down("top"), "y2": place.down("bottom")}
    ink = "ink:N"
    return [
        base.mark_rect(aria=False, cornerRadius=2, strokeWidth=1).encode(
            **box, fill=alt.Fill("fill:N", scale=None), stroke=alt.Stroke("edge:N", scale=None)
        ),
        skipped.mark_rule(aria=False, strokeWidth=1.5, opacity=0.75).encode(
            x=x, x2=x2, y=middle, stroke=alt.Stroke(ink, scale=None)
        ),
        blocks.option_names(filled, length).encode(x=place.at("centre"), y=middle, color=alt.Color(ink, scale=None)),
        base.mark_rect(fillOpacity=0, cursor="pointer")
        .encode(**box, tooltip=tooltip, description="about:N")
        .add_params(click),
    ]


def headings(place: Place, length: float, both: bool, colours: Palette, second: Measure) -> list[alt.Chart]:
    """Stage titles with a line below each, block numbers at the bottom, and the titles of the outer columns."""
    room = number_opacity(length)
    look: dict[str, Any] = {"aria": False, "fontSize": 11, "color": colours.muted, "baseline": "bottom"}
    blocks = table("blocks")
    said: list[tuple[str, Literal["left", "right"], str]] = [("width + 8", "left", "sure · lead, limit")]
    titles: list[tuple[str, Literal["left", "right"], str]] = [
        (f"{4 - place.left}", "left", "given and seen" if both else "image"),
        (f"width + {place.said + 50}", "right", "cp %"),
        (f"width + {place.said + 100}", "right", f"{second.name} %"),
        *(said if place.said else []),
    ]
    return [
        *stage_marks(place.at("start"), stage_title(length), 6, colours),
        blocks.mark_text(aria=False, fontSize=10, color=colours.muted, baseline="top", opacity=room).encode(
            x=place.at("centre"), y=place.down(0.12), text="block:Q"
        ),
        *(
            table("heads").mark_text(align=align, text=text, **look).encode(x=alt.value(alt.expr(at)), y=alt.value(-12))
            for at, align, text in titles
        ),
    ]
