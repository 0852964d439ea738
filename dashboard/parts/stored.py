"""Stored traces of an operating point: which there are, and what is said where there are none."""

from __future__ import annotations

import math

import streamlit as st

from dashboard.parts import absent
from dashboard.session import cached
from dfs_core.checkpoints.checkpoint import Card
from dfs_core.checkpoints.trace_files import NoTraces
from dfs_core.checkpoints.traces import Traces
from dfs_core.errors import UserError


def nearest_stored(budget: float, stored: tuple[float, ...]) -> float:
    """Of the budgets with traces the one that is nearest by ratio; the wish itself if there are none."""
    return min(stored, key=lambda value: abs(math.log(value / budget)), default=budget)


def find(card: Card, budget: float | None) -> tuple[Traces | UserError, str]:
    """The traces of an operating point, or the error that says why there are none.

    A checkpoint for every budget has them for some budgets: the nearest is taken.

    Returns:
        The traces or the error, and a note where they are of another budget than was asked for.
    """
    if budget is None:
        return cached.traces(card, None), ""
    stored = cached.traced_budgets(card)
    found = nearest_stored(budget, stored)
    note = ""
    if found != budget:
        known = ", ".join(f"{value:g}" for value in stored)
        note = (
            f"Decisions of {card.name} are stored at budgets of {known} %, not at {budget:.3g} %. Shown: {found:g} %."
        )
    return cached.traces(card, found), note


def say_missing(error: UserError) -> None:
    """Say what is missing or wrong about traces, and the command that makes them."""
    if isinstance(error, NoTraces):
        st.info(
            "There are no stored decisions of the test set for this checkpoint yet, so there is nothing to count."
            " This makes them, in a minute or two:",
            icon=":material/table_rows:",
        )
    else:
        st.error(absent.plain(str(error)), icon=":material/error:")
    command = str(error).partition("make it with '")[2].rstrip("'")
    if command:
        st.code(command.replace("DIR", str(cached.data_dir())), language="sh")


def open_traces(card: Card, budget: float | None) -> Traces | None:
    """The traces of an operating point; where there are none, a message and None."""
    found, note = find(card, budget)
    if note:
        st.info(note, icon=":material/alt_route:")
    if isinstance(found, Traces):
        return found
    say_missing(found)
    return None
