"""The decision strip: who takes which option where. Traces and colours in, an Altair figure out; no Streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from dashboard.answers.costs import MEASURES, Cost, Measure
from dashboard.answers.tables import Rows, Shown, decision_rows, image_rows
from dashboard.drawing import blocks
from dashboard.drawing.figure import Figure
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dashboard.views.strip_marks import COST_WIDTH, TEXT_WIDTH, Place, cell_marks, headings, row_marks
from dfs_core.model.config import ModelConfig

ROW = 42  # pixels; thumbnails are a little less
DENSE_ROW = 34
DENSE_FROM = 13  # images
_HEADER, _FOOTER = 26, 18


def decision_strip(
    shown: Sequence[Shown],
    config: ModelConfig,
    focus: str | None,
    colours: Palette,
    turn: int = 0,
    cost: Cost = "all-in",
) -> Figure:
    """Heatmap of decisions: one row an image, one column a gated block, with the picture before and its cost behind.

    A cell's colour is the option's cost, its text the option's name where there is room; a skipped block is an empty
    cell that the shortcut runs through as a line. A click on a row gives that image's key to the selections
    ``strip_marks.FOCUS_PARAMS``, together with ``turn``.

    Args:
        shown: images with their traces; at least one.
        config: of the checkpoint that all traces come from.
        focus: key of the image whose row is marked.
        colours: of the theme.
        turn: comes back with a selection; by another one a second click on the same row is told from the first.
        cost: the measure that stands behind each row beside cp; cp itself gives all-in.
    """
    row = ROW if len(shown) < DENSE_FROM else DENSE_ROW
    both = any(item.picture.origin != "test" for item in shown)  # of a test image both pictures are the same
    stages = blocks.stages(config)
    cells = _cells(shown, config, colours)
    data = {
        "cells": [cell | {"turn": turn} for cell in cells],
        "images": [image | {"turn": turn} for image in _images(shown, config, focus, colours)],
        "pictures": [
            {"row": row, "given": item.picture.thumb_uri, "seen": item.picture.seen_uri}
            for row, item in enumerate(shown)
        ],
        "stages": stages,
        "blocks": [
            {"row": len(shown), "block": cell["block"], "centre": cell["centre"]} for cell in cells if cell["row"] == 0
        ],
    }
    spec = _template(stages[-1]["end"], row, both, colours, MEASURES["all-in" if cost == "cp" else cost])
    spec = spec | {"height": row * len(shown) + _HEADER + _FOOTER}
    return Figure(spec, data, option_keys(config.option_set, colours))


@lru_cache(maxsize=32)
def _template(length: float, row: int, both: bool, colours: Palette, second: Measure) -> dict[str, Any]:
    """The specification without data: to build one takes a quarter of a second.

    Args:
        length: of the strip, in blocks.
        row: height of a row in pixels.
        both: whether the pictures as given stand beside those that the network sees.
        colours: of the theme.
        second: the measure in the last column.
    """
    left = (row - 4) * (2 if both else 1) + 8 + TEXT_WIDTH
    place = Place(row, left, alt.Scale(domain=[0, length], nice=False, zero=False))
    marks = [
        *row_marks(place, both, colours, second),
        *cell_marks(place, length),
        *headings(place, length, both, colours, second),
    ]
    # What stands beside the cells has a known size. Left to fit it all into the width, Vega would measure every text at
    # every move of the slider.
    return (
        alt.layer(*marks)
        .properties(
            padding={"left": left, "right": COST_WIDTH, "top": _HEADER, "bottom": _FOOTER},
            autosize=alt.AutoSizeParams(type="none", contains="padding"),
        )
        .configure_view(stroke=None)
        .to_dict()
    )


def _cells(shown: Sequence[Shown], config: ModelConfig, colours: Palette) -> Rows:
    """Where each cell lies, in blocks, and how it looks."""
    looks = {}
    for option in config.option_set:
        fill = colours.option(option.name)
        edge = colours.faint if option.is_skip else fill
        looks[option.name] = {"fill": fill, "ink": colours.text_on(fill), "edge": edge}
    rows = decision_rows(shown, config)
    for row in rows:
        start = blocks.start_of(row["block"], row)
        row["cell"] = row["row"] * 1000 + row["block"]
        row["about"] = f"{row['image']}, block {row['block']}: {row['option']}"
        row |= {"start": start + 0.03, "end": start + 0.97, "centre": start + 0.5, **looks[row["option"]]}
    return rows


def _images(shown: Sequence[Shown], config: ModelConfig, focus: str | None, colours: Palette) -> Rows:
    """One row an image: its texts and whether it is in focus."""
    glyphs = {"right": "✓ ", "wrong": "✗ ", "": ""}
    rows = image_rows(shown, config)
    for row in rows:
        about = f" · is {row['truth']}" if row["verdict"] == "wrong" else "" if row["truth"] else f" · {row['image']}"
        row["detail"] = f"{glyphs[row['verdict']]}{row['confidence']:.0f} %{about}"
        row["detail_ink"] = colours.wrong if row["verdict"] == "wrong" else colours.muted
        row["about"] = f"{row['image']}: {row['prediction']}, {row['detail']}"
        row["strength"] = 0.13 if row["key"] == focus else 0.0
    return rows
