"""Where the parts of a network stand along a chart of one image: stem, blocks by stage, classifier. No Streamlit.

All charts of the Image page that run along the network share these places, so that a block stands under itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from dashboard.answers.tables import Rows, stage_rows
from dashboard.drawing.blocks import STAGE_GAP, start_of
from dfs_core.model.config import ModelConfig
from dfs_core.model.layout import Layout

LEFT, RIGHT = 96, 148  # pixels beside the network: the picture before it, the answer behind it
END = 0.9  # room for the stem, and for the classifier, in blocks
GLYPHS = {"right": "✓ ", "wrong": "✗ ", "": ""}
BLOCK_PARAM, GATE_PARAM, FRAME_PARAM = "block", "gate", "frame"  # selections of the charts


@dataclass(frozen=True, slots=True)
class Line:
    """The network along a line, in blocks."""

    layout: Layout

    @classmethod
    def of(cls, config: ModelConfig) -> Line:
        """The line of a network."""
        return cls(config.layout)

    @property
    def length(self) -> float:
        """From the stem's beginning to the classifier's end."""
        return self.end(len(self.layout.blocks)) + STAGE_GAP + END

    def start(self, block: int) -> float:
        """Where a block begins, by its number in the network from 1."""
        return END + STAGE_GAP + start_of(block, self.layout.blocks[block - 1].stage, first=1)

    def end(self, block: int) -> float:
        """Where a block ends."""
        return self.start(block) + 1

    def span(self, block: int) -> dict[str, float]:
        """``start``, ``end`` and ``centre`` of a block, for a row of a table."""
        return {"start": self.start(block), "end": self.end(block), "centre": self.start(block) + 0.5}

    def stages(self, config: ModelConfig) -> Rows:
        """As ``tables.stage_rows``, with where each stage starts and ends; the first block belongs to the first."""
        rows = []
        for row in stage_rows(config):
            first = 1 if row["stage"] == 1 else row["first"]
            rows.append(row | {"start": self.start(first) + 0.06, "end": self.end(row["last"]) - 0.06})
        return rows

    def at(self, field: str) -> alt.X:
        """x of a column that is given in blocks."""
        return alt.X(f"{field}:Q", scale=alt.Scale(domain=[0, self.length], nice=False, zero=False), axis=None)

    def room(self, pixels: float) -> str:
        """Vega expression: 1 where a block is at least so wide, else 0."""
        return f"width / {self.length} >= {pixels} ? 1 : 0"


def y_of(field: str) -> Any:
    """y from a column that is given in pixels."""
    return alt.value(alt.expr(f"datum.{field}"))


def frame(chart: alt.LayerChart | alt.FacetChart, height: int, top: int, bottom: int) -> dict[str, Any]:
    """The specification of a chart along the network: fixed room on every side, the rest is the network's."""
    return chart.properties(
        padding={"left": LEFT, "right": RIGHT, "top": top, "bottom": bottom},
        autosize=alt.AutoSizeParams(type="none", contains="padding"),
    ).configure_view(stroke=None).to_dict() | {"height": height + top + bottom}
