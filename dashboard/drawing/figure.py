"""The result of every chart function: a Vega-Lite specification, with its data kept separately."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa  # type: ignore[import-untyped]

from dashboard.answers.tables import Table


def table(name: str, key: str | None = None) -> alt.Chart:
    """A chart on one of the figure's tables.

    Args:
        name: of the table.
        key: column that identifies a row when the data changes. With it, marks are updated; without it, they are
            removed and redrawn, which takes three times as long.
    """
    chart = alt.Chart(alt.NamedData(name))
    return chart.encode(key=alt.Key(key, type="nominal")) if key else chart


def padded(
    chart: alt.LayerChart | alt.FacetChart, left: int, right: int, top: int, bottom: int, height: int | None = None
) -> dict[str, Any]:
    """The specification of a chart with fixed padding, in pixels; ``height`` includes it.

    With automatic sizing Vega would measure every text at every change of the data.
    """
    padding = {"left": left, "right": right, "top": top, "bottom": bottom}
    sizing = alt.AutoSizeParams(type="none", contains="padding")
    spec = chart.properties(padding=padding, autosize=sizing).configure_view(stroke=None).to_dict()
    return spec if height is None else spec | {"height": height}


def room_for(names: Iterable[str], least: int) -> int:
    """Pixels that the longest of some names needs at 12 pixels, with a margin; at least ``least``, at most 200."""
    return min(200, max([least, *(14 + round(6.6 * len(name)) for name in names)]))


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend. Pages show legends beside charts; exports and slides draw them into the picture.

    Attributes:
        text: its meaning.
        colour: its colour.
        shape: ``cell``, ``skip``, ``line``, ``dashed``, ``tick`` or the shape of a point: ``circle``, ``ring``,
            ``star``, ``square``, ``triangle-up``, ``triangle-down``, ``triangle-right``, ``triangle-left``, ``cross``,
            ``x`` and ``diamond`` (both hollow).
    """

    text: str
    colour: str
    shape: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its data kept separately.

    As long as only the data changes, the specification stays the same and the browser only updates the rows. Building
    the chart anew takes ten times as long.

    Attributes:
        spec: Vega-Lite, with named data. Figures share it: do not change it.
        data: name -> rows.
        legend: meaning of its colours and shapes, unless the chart itself shows it.
    """

    spec: dict[str, Any]
    data: Mapping[str, Table]
    legend: tuple[Key, ...] = ()

    def for_streamlit(self) -> dict[str, Any]:
        """The argument of ``st.vega_lite_chart``. Arrow tables save it the detour over data frames."""
        return self.spec | {"datasets": {name: pa.Table.from_pylist(list(rows)) for name, rows in self.data.items()}}
