"""The head of Test set: figures and filters."""

from __future__ import annotations

import math
from dataclasses import replace
from html import escape

import numpy as np
import streamlit as st

from dashboard.answers import looks
from dashboard.answers.costs import MEASURES, measures_shown
from dashboard.answers.naming import class_name, classes_in_words, listed, plain
from dashboard.answers.verdicts import Verdict
from dashboard.testset import filters
from dashboard.testset.filters import Filter
from dashboard.testset.statistics import Summary
from dashboard.ui import html_tables, state
from dashboard.ui.page import Opened
from dashboard.ui.switch import switch
from dfs_core.checkpoints.traces import Traces
from dfs_core.data.known import title_of

HEADS = {
    "images": "number of test images",
    "accuracy, 95 % interval": "share of right predictions, with Wilson's interval",
}
MORE_HEADS = {
    "variation of cp": "standard deviation of the images' cp divided by its mean: 0 if all images cost the same",
    "decision vectors": "number of different decision vectors",
    "blocks that differ": "gated blocks in which at least 5 % of the images do not take the most frequent option",
}
VERDICTS: dict[Verdict, str] = {"": "All", "right": "✓ Right", "wrong": "✗ Wrong"}


def head(page: Opened, traces: Traces, whole: Summary, here: Summary, wanted: filters.Filter) -> None:
    """The operating point, with the figures of the whole test set and of the filtered images."""
    lines = [("whole test set", whole)] + ([("filtered", here)] if here.images != whole.images else [])
    rows, measures = [], measures_shown(page.shared.cost)
    for name, row in lines:
        one_sided = row is here and (wanted.verdict or wanted.change)  # its accuracy is 0 or 100 %
        accuracy = "-"
        if row.accuracy is not None and row.low is not None and row.high is not None and not one_sided:
            accuracy = html_tables.accuracy(row.accuracy, row.low, row.high)
        costs = (_percent(row.costs[one.column]) for one in measures)
        spread = "-" if row.spread is None else f"{row.spread:.2f}"
        deciding = f"{row.deciding} of {row.blocks}" if row.images else "-"
        rows.append((name, f"{row.images:,}", accuracy, *costs, spread, f"{row.vectors:,}", deciding))
    heading = (
        f"<h2>{escape(page.in_words)}</h2><p>in use: <code>{escape(page.card.name)}</code>,"
        f" on the test images of {escape(title_of(traces.dataset))}</p>"
    )
    st.html(html_tables.ledger(heading, HEADS | {one.name: one.about for one in measures} | MORE_HEADS, rows))


def filter_bar(page: Opened, traces: Traces, cost: np.ndarray, wanted: Filter) -> None:
    """The controls of the filter, and buttons that remove its parts."""
    if unknown := filters.unknown_classes(page.shared.page, traces):
        names = listed([f"'{name}'" for name in unknown])
        st.warning(plain(f"{title_of(traces.dataset)} has no class {names}, so the filter leaves it out."))
    with st.container(key="filters", horizontal=True, vertical_alignment="bottom", gap="medium"):
        _classes(page, traces, wanted)
        _verdict(page, wanted)
        _cost_range(page, cost, wanted)
        if page.card.config.passes:
            _passes(page, wanted)
    parts = [(f"block {block}: {option}", wanted.toggled(block, option)) for block, option in wanted.taken]
    if wanted.vector:
        parts.append((f"decision vector {wanted.vector}", replace(wanted, vector="")))
    if wanted.answers:
        told = classes_in_words(wanted.answers, 3) if len(wanted.answers) > 1 else class_name(wanted.answers[0])
        parts.append((f"predicted: {told}", replace(wanted, answers=())))
    if wanted.change:
        parts.append((f"{looks.CHANGES[wanted.change]} by looking again", replace(wanted, change="")))
    if wanted.is_empty:
        return
    with st.container(key="filter_parts", horizontal=True, vertical_alignment="center", gap="small"):
        for text, without in parts:
            st.button(plain(text), icon=":material/close:", key=f"drop_{text}", on_click=narrow, args=(page, without))
        st.button("Clear all filters", key="clear_filters", type="tertiary", on_click=narrow, args=(page, Filter()))


def narrow(page: Opened, wanted: Filter) -> None:
    """Apply a filter; a callback.

    Args:
        page: the page on which the filter was made, with its measure of cost and its checkpoint.
        wanted: the filter.
    """
    options = page.card.config.option_set.names
    state.change(page=filters.to_page(wanted, options, page.shared.cost) | {"shown": "", "rows": ""})


def _classes(page: Opened, traces: Traces, wanted: Filter) -> None:
    control = state.Control.showing("class", list(wanted.classes), lambda one, other: set(one) == set(other))
    st.multiselect(
        "Class",
        list(traces.classes),
        list(wanted.classes),
        key=control.key,
        format_func=class_name,
        placeholder="All classes",
        width=300,
        on_change=control.choice(lambda names: narrow(page, replace(wanted, classes=tuple(names)))),
    )


def _verdict(page: Opened, wanted: Filter) -> None:
    def choose(verdict: Verdict) -> None:
        narrow(page, replace(wanted, verdict=verdict))

    switch("verdict", "Prediction", VERDICTS, wanted.verdict, choose, labelled=True)


def _passes(page: Opened, wanted: Filter) -> None:
    control = state.Control.showing("passes", list(wanted.passes), lambda one, other: set(one) == set(other))
    st.segmented_control(
        "Passes",
        range(1, len(page.card.config.passes) + 1),
        selection_mode="multi",
        default=list(wanted.passes),
        key=control.key,
        help="Show images that made so many passes; choose all but 1 to see what was looked at again",
        on_change=control.choice(lambda numbers: narrow(page, replace(wanted, passes=tuple(sorted(numbers))))),
    )


def _cost_range(page: Opened, cost: np.ndarray, wanted: Filter) -> None:
    lowest, highest = math.floor(100 * cost.min()) / 100, math.ceil(100 * cost.max()) / 100
    if highest - lowest < 0.02:
        return  # all images cost the same
    low = min(max(wanted.low if wanted.low is not None else lowest, lowest), highest)
    high = max(min(wanted.high if wanted.high is not None else highest, highest), low)
    control = state.Control.showing("cost_range", (low, high))

    def choose(bounds: tuple[float, float]) -> None:
        narrow(
            page,
            replace(
                wanted,
                low=bounds[0] if bounds[0] > lowest else None,
                high=bounds[1] if bounds[1] < highest else None,
            ),
        )

    st.slider(
        f"Cost of the image: {MEASURES[page.shared.cost].name}, %",
        lowest,
        highest,
        (low, high),
        step=0.01,
        key=control.key,
        on_change=control.choice(choose),
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} %"
