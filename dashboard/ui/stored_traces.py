"""Stored traces of an operating point: which there are, and what is said where there are none."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.answers import operating
from dashboard.ui import cached, messages
from dashboard.ui.page import Opened
from dfs_core.checkpoints.card import Card
from dfs_core.checkpoints.locate import pretrained_dir
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.checkpoints.trace_files import NoTraces
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError


@dataclass(frozen=True, slots=True)
class Found:
    """What is stored of an operating point.

    Attributes:
        traces: its decisions, or the error that says why there are none.
        point: that they are of.
        note: says that this is not the budget that was asked for; else empty.
    """

    traces: Traces | UserError
    point: OperatingPoint
    note: str = ""


def exactly(point: OperatingPoint) -> Traces | None:
    """The traces of this very operating point; None if they are not stored."""
    found = find(point)
    return None if found.note or isinstance(found.traces, UserError) else found.traces


def find(point: OperatingPoint) -> Found:
    """The traces of an operating point; of a checkpoint for every budget, those of the nearest budget that has some."""
    card, budget = point.card, point.budget
    if budget is None:
        return Found(cached.traces(point), point)
    stored = cached.traced_budgets(card)
    nearest = operating.nearest(budget, stored)
    note = ""
    if nearest != budget:
        known = ", ".join(f"{value:g}" for value in stored)
        note = (
            f"Decisions of {card.name} are stored at budgets of {known} %, not at {budget:.3g} %. Shown: {nearest:g} %."
        )
    found = OperatingPoint(card, nearest)
    return Found(cached.traces(found), found, note)


def say_missing(card: Card, error: UserError) -> None:
    """Say what is missing or wrong about a checkpoint's traces, and the command that makes them, if one can."""
    if not (pretrained_dir() / card.name).is_dir():  # no command could reach it
        st.info("A session checkpoint has no stored decisions: write it to disk first.", icon=":material/table_rows:")
        return
    if isinstance(error, NoTraces):
        st.info(
            "There are no stored decisions of the test set for this checkpoint yet, so there is nothing to count."
            " This makes them, in a minute or two:",
            icon=":material/table_rows:",
        )
    else:
        st.error(messages.plain(str(error)), icon=":material/error:")
    if error.command:
        st.code(error.command.replace("DIR", str(cached.data_dir())), language="sh")


def open_traces(page: Opened) -> tuple[Opened, Traces]:
    """A page at the budget that its stored traces are of, and these; where there are none, a message and no more."""
    found = find(page.point)
    if found.note:
        st.info(messages.plain(found.note), icon=":material/alt_route:")
    if isinstance(found.traces, UserError):
        say_missing(page.card, found.traces)
        st.stop()
    return page.at(found.point), found.traces
