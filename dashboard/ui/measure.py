"""The control that chooses by which measure costs are shown."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard.answers.costs import MEASURES
from dashboard.ui import state

COST = "cost"


def choose_measure(shared: state.State, width: int | Literal["stretch"] = "stretch") -> None:
    """The measure by which all pages show costs.

    Args:
        shared: the state, with the measure in use.
        width: in pixels, or as wide as its place.
    """
    control = state.Control.showing(COST, shared.cost)
    st.selectbox(
        "Cost measured as",
        list(MEASURES),
        list(MEASURES).index(shared.cost),
        format_func=lambda cost: MEASURES[cost].name,
        key=control.key,
        on_change=control.choice(lambda cost: state.change(cost=cost)),
        help="\n\n".join(f"**{measure.name}**: {measure.about}" for measure in MEASURES.values()),
        width=width,
    )
