"""The map of all decision vectors, with the controls of its order and of the rows that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

import numpy as np
import streamlit as st

from dashboard.answers.classes import word
from dashboard.answers.costs import MEASURES
from dashboard.answers.parameters import whole_number
from dashboard.drawing import legends
from dashboard.export.view import View
from dashboard.testset import map_rows as facts
from dashboard.testset.map_chart import decision_map, has_class_columns
from dashboard.testset.map_picture import decision_picture
from dashboard.testset.map_rows import Sorting
from dashboard.ui import state
from dashboard.ui.page import Opened
from dashboard.ui.show import show_live
from dashboard.ui.switch import switch
from dfs_core.checkpoints.traces import Traces

MAP = "decision_map"
ORDERS: dict[Sorting, str] = {"policy": "Decision vector", "cost": "Cost", "class": "Class", "confidence": "Confidence"}
SHORT = 40  # images up to which there is no control of the rows


def map_view(page: Opened, traces: Traces, costs: Mapping[str, np.ndarray], chosen: np.ndarray) -> None:
    """The map of the chosen images with its controls and its description.

    Args:
        page: the opened page; its own URL parameters have the order and the range of rows.
        traces: of the test set.
        costs: from ``costs.of_traces``.
        chosen: indices of the images that pass the filter; at least one.
    """
    measure, config = MEASURES[page.shared.cost], page.card.config
    by, (first, last) = _wished(page.shared.page, len(chosen))
    st.markdown("### Every image's decisions")
    with st.container(key="map_bar", horizontal=True, vertical_alignment="bottom", gap="large"):
        _order(by)
        _stretch(len(chosen), first, last)
    ordered = facts.in_order(traces, costs[measure.column], chosen, by)[first - 1 : last]
    rows = facts.arrange(traces, costs, measure, ordered, by)
    said = facts.in_words(traces, ordered)
    count = f"{len(ordered):,} of {len(chosen):,}" if len(ordered) < len(chosen) else f"{len(ordered):,}"
    images = f"{count} test image{'' if len(chosen) == 1 else 's'}"
    view = View(
        key=MAP,
        title=f"Decisions of {page.in_words} for {images}, {rows.title}",
        draw=lambda colours: decision_picture(rows, config, colours),
        tables={"decisions": lambda: facts.map_rows(traces, costs, ordered)},
        alt=f"Map with a row for each of {images}, {rows.title}, and a column for each of"
        f" {config.gated_blocks} gated blocks, in the colour of the option taken",
        stamp=page.stamp("measured"),
        notes=said,
        live=lambda colours, foot: decision_map(rows, config, colours, foot),
    )
    st.html(legends.options(config.option_set, page.colours))
    of_class = f"in the column of its true {word(rows.groups)}, and one " if has_class_columns(rows) else ""
    show_live(view, page.colours, said)
    st.caption(
        f"{images}, {rows.title}; a row for each. Left of the blocks, a row has a mark {of_class}under *wrong* if its"
        " prediction is wrong. Hover over a cell to see its"
        f" image and bits (0 is skip, 32 is full), and, if there are at most {facts.TOLD:,} rows, prediction,"
        " confidence and cost. Drag over rows to zoom in, double-click to zoom out. Rows thinner than a pixel hide each"
        " other until you zoom in."
    )


def _wished(own: Mapping[str, str], count: int) -> tuple[Sorting, tuple[int, int]]:
    """The order, and the first and last row (from 1), from the page's parameters; defaults replace wrong values."""
    sort = own.get("sort", "")
    by = cast(Sorting, sort if sort in get_args(Sorting) else next(iter(ORDERS)))
    first, last = (whole_number(text) for text in own.get("rows", "").partition("-")[::2])
    if first and last and first < min(last, count):
        return by, (first, min(last, count))
    return by, (1, count)


def _order(by: Sorting) -> None:
    switch(
        "map_sort",
        "Sort rows by",
        ORDERS,
        by,
        lambda value: state.change(page={"sort": value, "rows": ""}),
        labelled=True,
    )


def _stretch(count: int, first: int, last: int) -> None:
    """The control of the rows shown: like dragging in the map, but for the keyboard, and stored in the link."""
    if count <= SHORT:
        return
    control = state.Control.showing("map_rows", (first, last))

    def choose(rows: tuple[int, int]) -> None:
        state.change(page={"rows": "" if rows in ((1, count), rows[:1] * 2) else f"{rows[0]}-{rows[1]}"})

    st.slider(
        "Rows",
        1,
        count,
        (first, last),
        format="localized",
        key=control.key,
        on_change=control.choice(choose),
        width=420,
    )
