"""Stored traces of an operating point, and the message if there are none."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

import streamlit as st

from dashboard.answers import operating
from dashboard.ui import cached, messages
from dashboard.ui.page import Opened
from dashboard.ui.read_only import read_only
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import NoTraces
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError


@dataclass(frozen=True, slots=True)
class Found:
    """The stored traces that are nearest to an operating point.

    Attributes:
        traces: the traces, or the error that says why there are none.
        point: the operating point that they belong to.
        note: says if this is not the requested budget; else empty.
    """

    traces: Traces | UserError
    point: OperatingPoint
    note: str = ""


def exactly(point: OperatingPoint) -> Traces | None:
    """The traces of exactly this operating point; None if they are not stored."""
    found = find(point)
    return None if found.note or isinstance(found.traces, UserError) else found.traces


def find(point: OperatingPoint) -> Found:
    """The traces of an operating point; for an every-budget checkpoint, those of the nearest stored budget."""
    card, budget = point.card, point.budget
    if budget is None:
        return Found(cached.traces(point), point)
    stored = cached.traced_budgets(card)
    nearest = operating.nearest(budget, stored)
    note = ""
    if nearest != budget:
        known = ", ".join(f"{value:g}" for value in stored)
        note = (
            f"Decisions of {card.name} are stored for the budgets {known} %, not for {budget:.3g} %. Shown:"
            f" {nearest:g} %."
        )
    found = OperatingPoint(card, nearest)
    return Found(cached.traces(found), found, note)


def say_missing(point: OperatingPoint, error: UserError, who: str, side: str = "") -> None:
    """Say what is missing or wrong with stored decisions, with a button and a command that make them, if there is one.

    Args:
        point: the operating point.
        error: from ``cached.traces``.
        who: what needs them, at the beginning of a sentence.
        side: of a comparison: two buttons on a page need two names.
    """
    card, folder = point.card, cached.folder_of(point.card.name)
    if not folder.is_dir():  # in memory only, where no command can read it
        st.info("A session checkpoint has no stored decisions: write it to disk first.", icon=":material/table_rows:")
        return
    if isinstance(error, NoTraces):
        st.info(
            f"{who} needs the checkpoint's decisions for the test set, and they are not stored yet."
            + ("" if read_only() else " The button or the command stores them in a minute or two:"),
            icon=":material/table_rows:",
        )
    else:
        st.error(messages.plain(str(error)), icon=":material/error:")
    if error.command and not read_only():
        if st.button("Store test decisions", icon=":material/save:", key=f"store_{side}{card.name}_{point.budget}"):
            _store(point)
        st.code(error.command.removesuffix("DIR") + shlex.quote(str(cached.data_dir())), language="sh")


def _store(point: OperatingPoint) -> None:
    bar = st.progress(0.0, "Measuring")

    def report(done: int, total: int) -> None:
        bar.progress(done / total, f"{done:,} of {total:,} test images")

    try:
        cached.store_traces(point, report)
    except UserError as error:
        bar.empty()
        st.error(messages.plain(str(error)), icon=":material/error:")
    else:
        st.rerun()


def open_traces(page: Opened) -> tuple[Opened, Traces]:
    """The page at the budget of its stored traces, and the traces; without any, show a message and stop the run."""
    found = find(page.point)
    if found.note:
        st.info(messages.plain(found.note), icon=":material/alt_route:")
    if isinstance(found.traces, UserError):
        say_missing(found.point, found.traces, "This page")
        st.stop()
    return page.at(found.point), found.traces
