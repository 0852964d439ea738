"""The toolbar below every chart: its tables, its exports, and the button that adds it to the talk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.answers.tables import column_title
from dashboard.export import formats
from dashboard.export.stamp import Stamp
from dashboard.export.view import View
from dashboard.export.webpage import NOT_SHOWN
from dashboard.ui import address, downloads, session_talk

_LABELS: dict[formats.FigureKind, str] = {
    "svg": "SVG",
    "png": f"PNG, {formats.PPI} ppi",
    "pdf": "PDF",
    "html": "HTML, with tables",
}
_TABLE_LABELS: dict[formats.TableKind, str] = {"csv": "CSV", "excel": "CSV for Excel", "json": "JSON, with the source"}


RowAction = Callable[[Mapping[str, Any]], None]


def toolbar(view: View, on_row: RowAction | None = None) -> None:
    """Draw the toolbar. Tables and files are made only on demand.

    Args:
        view: the view.
        on_row: called with a row of a table that somebody chose; by default rows cannot be chosen.
    """
    with st.container(horizontal=True, key=f"{view.key}_toolbar", gap="small", vertical_alignment="top"):
        _tables(view, on_row)
        _exports(view)
        # No callback: one that shows a message is not allowed where only a part of a page is drawn again.
        if st.button(
            "Add to talk",
            key=f"{view.key}_add",
            icon=":material/slideshow:",
            type="tertiary",
            help="Add this view, as it is now, to your talk as a slide; edit the talk on the page Present",
        ):
            session_talk.add(view)


def _tables(view: View, on_row: RowAction | None) -> None:
    """The tables behind a chart, in an expander."""
    if not view.tables:
        return
    names = list(view.tables)
    title = f"{'Table' if len(names) == 1 else 'Tables'} of {' and '.join(names)}"
    panel = st.expander(title, icon=":material/table_rows:", key=f"{names[0]}_table", on_change="rerun")
    if panel.open:
        for name, rows in view.tables.items():
            made = rows()
            data = pd.DataFrame(made).drop(columns=list(NOT_SHOWN), errors="ignore")
            looks = {str(column): _column(column_title(str(column), data.columns), data[column]) for column in data}
            size: dict[str, Any] = {"hide_index": True, "height": min(300, 40 + 35 * len(data)), "column_config": looks}
            if on_row is None:
                panel.dataframe(data, **size)
            else:
                key = f"{view.key}_{name}_rows"
                chosen = partial(_row_chosen, key, made, on_row)
                panel.dataframe(data, **size, key=key, on_select=chosen, selection_mode="single-row")


def _row_chosen(key: str, rows: Sequence[Mapping[str, Any]], act: RowAction) -> None:
    for place in st.session_state[key].selection.rows[:1]:  # none if a choice was taken back
        act(rows[place])


def _column(label: str, values: pd.Series) -> Any:
    """How a column is shown: its title, and two decimals unless a value is too small. Files have all digits."""
    known = values.dropna()
    if pd.api.types.is_float_dtype(values) and ((known == 0) | (known.abs() >= 0.01)).all():
        return st.column_config.NumberColumn(label, format="%.2f")
    return st.column_config.Column(label)


def _exports(view: View) -> None:
    panel = st.popover(
        "Export", icon=":material/download:", type="tertiary", key=f"{view.key}_export", on_change="rerun"
    )
    if not panel.open:
        return
    stamp = view.stamp.absolute(address.app())
    with panel:
        st.caption("Chart, in the light theme")
        with st.container(horizontal=True, gap="small"):
            for kind, label in _LABELS.items():
                name = formats.filename(view.title, kind)
                draw, key = partial(formats.export_figure, view, kind, stamp), f"{view.key}_{kind}"
                downloads.button(label, draw, name, kind, key=key, on_click="ignore")
        for table, rows in view.tables.items():
            st.caption(f"Table of {table}")
            with st.container(horizontal=True, gap="small"):
                for table_kind, label in _TABLE_LABELS.items():
                    make = partial(_table, rows, table_kind, stamp, f"{view.title}: {table}")
                    name = formats.filename(view.title, table_kind, table)
                    key = f"{view.key}_{table}_{table_kind}"
                    downloads.button(label, make, name, table_kind, key=key, on_click="ignore")


def _table(rows: Callable[[], formats.Table], kind: formats.TableKind, stamp: Stamp, title: str) -> bytes:
    return formats.export_table(rows(), kind, stamp, title)
