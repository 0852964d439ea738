"""What every chart function returns: a Vega-Lite specification and, apart from it, the tables that it draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import altair as alt
import pyarrow as pa  # type: ignore[import-untyped]

from dashboard.answers.tables import Table


def table(name: str, key: str | None = None) -> alt.Chart:
    """What marks are made of: a table of a figure, by its name.

    Args:
        name: of the table.
        key: column by which a row is known again in the next table. Its marks then stay on the page and change; without
            it they are taken away and drawn anew, which takes three times as long.
    """
    chart = alt.Chart(alt.NamedData(name))
    return chart.encode(key=alt.Key(key, type="nominal")) if key else chart


@dataclass(frozen=True, slots=True)
class Key:
    """One entry of a legend. Pages show legends beside their charts, exports and slides draw them into the picture.

    Attributes:
        text: what it stands for.
        colour: its colour.
        shape: ``cell``, ``skip``, ``line``, ``dashed``, ``tick`` or the shape of a point: ``circle``, ``ring``,
            ``square``, ``triangle-up``, ``triangle-down``, ``triangle-right``, ``triangle-left``, ``cross``, ``x`` and
            ``diamond`` (both hollow).
    """

    text: str
    colour: str
    shape: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart, with its data apart.

    While only numbers change, the specification stays the same, and a page that shows the chart already just takes the
    new rows; building and drawing it anew would take ten times as long.

    Attributes:
        spec: Vega-Lite, with data by name. Shared between figures: not to be changed.
        data: name -> rows.
        legend: what its colours and shapes mean, where the chart itself does not say so.
    """

    spec: dict[str, Any]
    data: Mapping[str, Table]
    legend: tuple[Key, ...] = ()

    def for_streamlit(self) -> dict[str, Any]:
        """What ``st.vega_lite_chart`` takes. Given Arrow tables, it need not make data frames of the rows first."""
        return self.spec | {"datasets": {name: pa.Table.from_pylist(list(rows)) for name, rows in self.data.items()}}
