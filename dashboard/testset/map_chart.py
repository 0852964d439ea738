"""The map of all decision vectors as a Plotly figure, because Vega is too slow for so many cells.

For slides and print, ``decision_picture`` draws the same as a picture.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.answers.classes import MOST
from dashboard.answers.tables import stage_rows
from dashboard.drawing.live import packed, steps
from dashboard.drawing.palette import Palette, between
from dashboard.testset.map_rows import DecisionMap
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import FIRST_GATED
from dfs_core.model.options import OptionSet

HEIGHT = 680  # pixels
GAP = 6  # pixels between stages, at every zoom
NAMED = 12  # most classes for which there is room for names above their columns
_STRIP, _MAP = (0.0, 0.16), (0.175, 1.0)  # shares of the width: columns for wrong and classes; blocks
_EMPTY, _CLASS, _WRONG = 0, 1, 2  # cells of the strip
_WRONG_NAME = "wrong"


def decision_map(rows: DecisionMap, config: ModelConfig, colours: Palette, foot: str = "") -> dict[str, Any]:
    """The figure: a row for each image, a column for each gated block, and left of them columns for wrong and class.

    Of a data set with superclasses, these stand for the classes.

    The hover text uses the row's label on the axis and the option's bits. A text for each of 170,000 cells would cost
    Plotly half a second at every move of a slider.

    Args:
        rows: the images in order.
        config: of the checkpoint.
        colours: palette of the theme.
        foot: text below the map, such as the stamp of saved pictures; ``<br>`` separates lines.
    """
    count = len(rows.images)
    small = {"size": 11, "color": colours.muted}
    stages = stage_rows(config)
    lines = [_line(colours.background, GAP, x=stage["first"] - FIRST_GATED - 0.5) for stage in stages[1:]]
    lines += [_line(colours.ink, 1, y=edge, opacity=0.45) for edge in rows.edges]
    notes = [
        _note(stage["title"], small, x=stage["first"] - FIRST_GATED - 0.5, y=1, xref="x", yanchor="bottom", yshift=4)
        for stage in stages
    ]
    if foot:
        notes.append(_note(foot, small | {"size": 9}, x=0, y=0, xref="paper", yanchor="top", yshift=-72))
    return {
        "data": [_strip(rows, colours), _cells(rows, config.option_set, colours)],
        "layout": {
            "template": "none",
            "height": HEIGHT,
            "margin": {
                "l": max(78, 10 + 6 * rows.longest),
                "r": 8,
                "t": 34,
                "b": 74 + 14 * (1 + foot.count("<br>") if foot else 0),
            },
            "paper_bgcolor": colours.background,
            "plot_bgcolor": colours.background,
            "font": {"family": "Source Sans, Arial, sans-serif", "size": 12, "color": colours.ink},
            "hoverlabel": {"bgcolor": colours.background, "bordercolor": colours.muted, "align": "left"}
            | {"font": {"size": 13, "color": colours.ink}},
            "dragmode": "zoom",
            "xaxis": _across(_MAP, small, _numbers(rows))
            | {"title": {"text": "gated block", "font": small, "standoff": 4}},
            "xaxis2": _across(_STRIP, small, _columns(rows))
            | {"tickfont": small | {"size": 10}, "tickangle": -90}
            | {"tickvals": _columns(rows) if len(rows.groups) <= NAMED else [_WRONG_NAME]},
            "yaxis": {
                "type": "category",
                "anchor": "x2",
                "categoryorder": "array",
                "categoryarray": np.array(rows.about),
                "range": [count - 0.5, -0.5],
                "minallowed": -0.5,
                "maxallowed": count - 0.5,
                "tickmode": "array",
                "tickvals": [mark["row"] for mark in rows.marks],
                "ticktext": [mark["text"] for mark in rows.marks],
                "tickfont": small,
                "showgrid": False,
                "zeroline": False,
            },
            "shapes": lines,
            "annotations": notes,
        },
    }


def _cells(rows: DecisionMap, options: OptionSet, colours: Palette) -> dict[str, Any]:
    count, bits = len(options.names), np.array([option.bits for option in options])
    return {
        "type": "heatmap",
        "z": packed(rows.decisions),
        "x": _numbers(rows),
        "y0": 0,
        "dy": 1,
        "customdata": packed(bits[rows.decisions]),
        "hovertemplate": "%{y}<br>block %{x}: <b>%{customdata} bits</b><extra></extra>",
        "zmin": -0.5,
        "zmax": count - 0.5,
        "colorscale": steps([colours.option(name) for name in options.names]),
        "colorbar": {
            "orientation": "v",
            "thickness": 14,
            "len": 0.12 + 0.07 * count,
            "y": 1,
            "yanchor": "top",
            "x": 1.01,
            "tickvals": list(range(count)),
            "ticktext": list(options.names),
            "tickfont": {"size": 11, "color": colours.ink},
            "outlinecolor": colours.muted,
            "outlinewidth": 1,
            "ticks": "",
        },
    }


def _strip(rows: DecisionMap, colours: Palette) -> dict[str, Any]:
    """A column that marks wrong predictions, then a column for each class: position shows them, not colour."""
    cells = np.full((len(rows.group), len(_columns(rows))), _EMPTY, np.uint8)
    if has_class_columns(rows):
        cells[np.arange(len(cells)), 1 + rows.group] = _CLASS
    cells[rows.wrong, 0] = _WRONG
    return {
        "type": "heatmap",
        "z": packed(cells),
        "x": _columns(rows),
        "xgap": 1,
        "y0": 0,
        "dy": 1,
        "xaxis": "x2",
        "hovertemplate": "%{y}<extra></extra>",
        "zmin": -0.5,
        "zmax": 2.5,
        "colorscale": steps([between((colours.background, colours.faint), 0.5), colours.muted, colours.wrong]),
        "showscale": False,
    }


def has_class_columns(rows: DecisionMap) -> bool:
    """Whether there is room for a column for each class."""
    return len(rows.groups) <= MOST


def _numbers(rows: DecisionMap) -> list[str]:
    return [str(FIRST_GATED + block) for block in range(rows.decisions.shape[1])]


def _columns(rows: DecisionMap) -> list[str]:
    return [_WRONG_NAME, *(group.name for group in rows.groups if has_class_columns(rows))]


def _across(domain: tuple[float, float], font: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """A horizontal axis with a name for each column, without zoom."""
    return {
        "type": "category",
        "domain": list(domain),
        "range": [-0.5, len(names) - 0.5],
        "fixedrange": True,
        "tickmode": "array",
        "tickvals": names,  # by name, because Plotly would read a position as the name of a block
        "tickangle": 0,
        "tickfont": font,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
    }


def _line(colour: str, width: float, x: float | None = None, y: float | None = None, opacity: float = 1.0) -> Any:
    """A vertical line at ``x``, or a horizontal one at ``y``."""
    ends = {"x0": x, "x1": x, "y0": 0, "y1": 1} if y is None else {"x0": 0, "x1": 1, "y0": y, "y1": y}
    place = {"xref": "x", "yref": "paper"} if y is None else {"xref": "paper", "yref": "y"}
    return {"type": "line", **ends, **place, "opacity": opacity, "line": {"color": colour, "width": width}}


def _note(text: str, font: dict[str, Any], **place: Any) -> dict[str, Any]:
    return {"text": text, "font": font, "showarrow": False, "yref": "paper", "xanchor": "left", "align": "left"} | place
