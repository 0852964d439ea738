"""Positions of the network's parts along a chart of one image: stem, blocks by stage, classifier.

All charts of the Image page that run along the network share them, so a block has the same x in each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard.answers.tables import Rows, stage_rows
from dashboard.drawing.blocks import STAGE_GAP, start_of, with_room
from dashboard.drawing.figure import padded
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import Layout

LEFT, RIGHT = 96, 148  # pixels left of the network for the picture, and right of it for the prediction
USUAL = 900  # pixels of these charts on a narrow page (style.css)
BLOCK_ROOM = 21  # least width of a block in pixels for a gate's probability, and for an option's name
SKIP_ROOM = 26  # likewise for the word ``skip``
END = 0.9  # width of the stem and of the classifier, in block widths
BLOCK_PARAM, GATE_PARAM, FRAME_PARAM = "block", "gate", "frame"  # selections of the charts


@dataclass(frozen=True, slots=True)
class Line:
    """The network along a line, in block widths."""

    layout: Layout

    @classmethod
    def of(cls, config: ModelConfig) -> Line:
        """The line of a network with this configuration."""
        return cls(config.layout)

    @property
    def length(self) -> float:
        """Distance from the start of the stem to the end of the classifier."""
        return self.end(len(self.layout.blocks)) + STAGE_GAP + END

    def start(self, block: int) -> float:
        """Start of a block, given by its block number."""
        return END + STAGE_GAP + start_of(block, self.layout.blocks[block - 1].stage, first=1)

    def end(self, block: int) -> float:
        """End of a block."""
        return self.start(block) + 1

    def span(self, block: int) -> dict[str, float]:
        """``start``, ``end`` and ``centre`` of a block."""
        return {"start": self.start(block), "end": self.end(block), "centre": self.start(block) + 0.5}

    def stages(self, config: ModelConfig) -> Rows:
        """The rows of ``tables.stage_rows``, plus ``start``, ``end`` and ``room``; stage 1 includes the first block."""
        rows = []
        for row in stage_rows(config):
            first = 1 if row["stage"] == 1 else row["first"]
            rows.append(row | {"start": self.start(first) + 0.06, "end": self.end(row["last"]) - 0.06})
        return with_room(rows)

    def at(self, field: str) -> alt.X:
        """The x channel of a field in block widths."""
        return alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, self.length], nice=False, zero=False), axis=None)

    @property
    def least_width(self) -> float:
        """Width in pixels in which the probabilities of all gates are legible."""
        return max(USUAL, LEFT + RIGHT + BLOCK_ROOM * self.length)

    def room(self, pixels: float) -> str:
        """Vega expression: 1 if a block is at least that wide, else 0."""
        return f"width / {self.length} >= {pixels} ? 1 : 0"


def y_of(field: str) -> Any:
    """The y value of a field in pixels."""
    return alt.value(alt.expr(f"datum.{field}"))


def frame(chart: alt.LayerChart | alt.FacetChart, height: int, top: int, bottom: int) -> dict[str, Any]:
    """The specification of a chart along the network, with fixed padding."""
    return padded(chart, LEFT, RIGHT, top, bottom, height + top + bottom)
