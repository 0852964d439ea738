"""A view: a chart with its tables, texts and stamp. Pages show views; exports and talks are made from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.answers.tables import Table
from dashboard.drawing.figure import Figure
from dashboard.drawing.palette import Palette
from dashboard.export.stamp import Stamp


@dataclass(frozen=True, slots=True)
class View:
    """A chart with its tables.

    Attributes:
        key: element key of the chart on its page.
        title: of the chart.
        draw: palette -> figure; exports call it again.
        tables: name -> function that makes the rows; called only on demand.
        alt: description of the chart. It must stay the same while only numbers change, because Streamlit makes it a
            part of the specification, and a new specification rebuilds the chart.
        stamp: provenance.
        notes: speaker's notes.
        finding: what the chart shows now, with its numbers.
        live: (palette, text for the bottom) -> the same as a Plotly figure, for pages and offline HTML; only for charts
            with too many marks for Vega's tooltips.
        least: width in pixels that it needs on a page; where there is less, it scrolls; 0 for that of ``style.css``.
    """

    key: str
    title: str
    draw: Callable[[Palette], Figure]
    tables: Mapping[str, Callable[[], Table]]
    alt: str
    stamp: Stamp
    notes: str = ""
    finding: str = ""
    live: Callable[[Palette, str], dict[str, Any]] | None = None
    least: float = 0.0

    @property
    def in_words(self) -> str:
        """Description and finding, for readers who cannot see the chart."""
        return f"{self.alt}. {self.finding}" if self.finding else self.alt
