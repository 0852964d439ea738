"""The toolbar below every chart: its tables, its exports, and the button that adds it to the talk."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.answers.costs import MEASURES
from dashboard.export import formats
from dashboard.export.stamp import Stamp
from dashboard.export.view import View
from dashboard.export.webpage import NOT_SHOWN
from dashboard.ui import downloads, session_talk

_LABELS: dict[formats.FigureKind, str] = {
    "svg": "SVG",
    "png": f"PNG, {formats.PPI} ppi",
    "pdf": "PDF",
    "html": "HTML, with tables",
}
_TABLE_LABELS: dict[formats.TableKind, str] = {"csv": "CSV", "excel": "CSV for Excel", "json": "JSON, with the source"}
_COSTS: dict[str, str] = {measure.column: f"{measure.name} %" for measure in MEASURES.values()}


def toolbar(view: View) -> None:
    """Draw the toolbar. Tables and files are made only on demand."""
    with st.container(horizontal=True, key=f"{view.key}_toolbar", gap="small", vertical_alignment="top"):
        _tables(view)
        _exports(view)
        st.button(
            "Add to talk",
            key=f"{view.key}_add",
            icon=":material/slideshow:",
            type="tertiary",
            on_click=session_talk.add,
            args=(view,),
            help="Add this view, as it is now, to your talk as a slide; edit the talk on the page Present",
        )


def _tables(view: View) -> None:
    """The tables behind a chart, in an expander."""
    if not view.tables:
        return
    names = list(view.tables)
    title = f"{'Table' if len(names) == 1 else 'Tables'} of {' and '.join(names)}"
    panel = st.expander(title, icon=":material/table_rows:", key=f"{names[0]}_table", on_change="rerun")
    if panel.open:
        for rows in view.tables.values():
            data = pd.DataFrame(rows()).drop(columns=list(NOT_SHOWN), errors="ignore")
            looks = {str(name): _column(str(name), data[name]) for name in data}
            panel.dataframe(data, hide_index=True, height=min(300, 40 + 35 * len(data)), column_config=looks)


def _column(name: str, values: pd.Series) -> Any:
    """How a column is shown: a readable title, and two decimals unless a value is too small. Files have all digits."""
    label = _COSTS.get(name, name.replace("_", " "))
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
    stamp = view.stamp.absolute(st.context.url)
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
