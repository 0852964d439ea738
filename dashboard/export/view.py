"""A view: a chart with all that is known of it. Pages show views; exports and talks are made of them."""

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
        key: of the chart on its page, and in file names.
        title: for people.
        draw: palette -> figure; drawn anew for an export.
        tables: name -> function that makes the rows; made only when somebody wants them.
        alt: what the chart draws, in words that stay the same while only its numbers change: Streamlit makes them a
            part of the specification, and a page whose specification changes builds the chart anew.
        stamp: where it comes from.
        notes: what a speaker would say about it.
        finding: what it shows now, in words.
        live: palette and a text for its foot -> the same as a Plotly figure, for pages and offline HTML. Only where
            there are too many marks for ``draw`` to tell what each of them is.
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

    @property
    def in_words(self) -> str:
        """All that the chart says, for whoever cannot see it."""
        return f"{self.alt}. {self.finding}" if self.finding else self.alt
