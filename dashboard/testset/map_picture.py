"""The map of all decision vectors as a picture, for slides, PDF and SVG."""

from __future__ import annotations

import base64
import io
from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
from PIL import Image, ImageColor

from dashboard.drawing.blocks import block_numbers, heading_marks, scale_of, stages
from dashboard.drawing.figure import Figure, Key, padded, table
from dashboard.drawing.legends import option_keys
from dashboard.drawing.palette import Palette
from dashboard.testset.map_rows import DecisionMap
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED

HEIGHT = 620  # pixels, including header and footer
_HEADER, _FOOTER = 28, 22
_LEFT, _LETTER = 100, 6  # least room for labels, and what one letter takes
_WRONG = (-12, -4)  # x in pixels of the column that marks wrong predictions


def decision_picture(rows: DecisionMap, config: ModelConfig, colours: Palette) -> Figure:
    """A row of pixels for each image, a column for each block; a narrow column on the left marks wrong predictions.

    Each stage's cells are one small PNG instead of hundreds of thousands of marks.

    Args:
        rows: the images in order.
        config: of the checkpoint.
        colours: palette of the theme.
    """
    fills = [colours.option(name) for name in config.option_set.names]
    parts = []
    for stage in stages(config):
        cells = rows.decisions[:, stage["first"] - FIRST_GATED : stage["last"] + 1 - FIRST_GATED]
        parts.append({"start": stage["start"], "end": stage["end"], "cells": _png(cells, fills)})
    wrong = {"cells": _png(rows.wrong[:, None].astype(np.uint8), [colours.background, colours.wrong])}
    last = len(rows.images)
    data = {
        "parts": parts,
        "wrong": [wrong],
        "marks": [{"place": (mark["row"] + 0.5) / last, "text": mark["text"]} for mark in rows.marks],
        "edges": [{"place": (edge + 0.5) / last} for edge in rows.edges],
        "stages": stages(config),
        "blocks": block_numbers(config),
    }
    wrong_key = Key("prediction wrong, in the narrow column", colours.wrong, "cell")
    return Figure(
        _template(config, colours, max(_LEFT, 30 + _LETTER * rows.longest)),
        data,
        (*option_keys(config.option_set, colours), wrong_key),
    )


def _png(cells: np.ndarray, fills: list[str]) -> str:
    """A PNG with a pixel for each cell, as a data URI; ``cells`` are indices into ``fills``, uint8 (rows, columns)."""
    image = Image.frombytes("P", cells.shape[::-1], np.ascontiguousarray(cells, np.uint8).tobytes())
    image.putpalette([value for fill in fills for value in ImageColor.getrgb(fill)])
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


@lru_cache(maxsize=32)
def _template(config: ModelConfig, colours: Palette, left: int) -> dict[str, Any]:
    scale = scale_of(config)
    x = alt.X("start:Q", scale=scale, axis=None)
    whole = {"y": alt.value(0), "y2": alt.value(alt.expr("height"))}
    down = alt.value(alt.expr("datum.place * height"))
    look: Any = {"aria": False, "aspect": False, "smooth": False}
    marks = [
        table("parts").mark_image(**look).encode(x=x, x2="end:Q", url="cells:N", **whole),
        table("wrong")
        .mark_image(**look)
        .encode(x=alt.value(_WRONG[0]), x2=alt.value(_WRONG[1]), url="cells:N", **whole),
        table("edges")
        .mark_rule(aria=False, color=colours.ink, opacity=0.45)
        .encode(x=alt.value(_WRONG[0]), x2=alt.value(alt.expr("width")), y=down),
        table("marks")
        .mark_text(aria=False, align="right", fontSize=11, color=colours.muted, limit=left + _WRONG[0] - 8)
        .encode(x=alt.value(_WRONG[0] - 6), y=down, text="text:N"),
    ]
    return padded(
        alt.layer(*marks, *heading_marks(scale, alt.value(alt.expr("height + 5")), colours)),
        left,
        4,
        _HEADER,
        _FOOTER,
        HEIGHT,
    )
