"""What somebody clicked in a chart."""

from __future__ import annotations

from typing import Any

import streamlit as st


def picked(chart: str, *params: str) -> dict[str, Any] | None:
    """The newest of what is selected in a chart; None where that is nothing that can be chosen.

    A selection stays until another one of the same kind replaces it. Vega-Lite reports a click on any mark, also on
    what other marks stand between or before: published points, titles, rules. Only what is there to be clicked has a
    ``turn`` (see ``State``).

    Args:
        chart: the key of its view.
        params: names of its selections that count.
    """
    selection = st.session_state[chart].selection
    chosen = [found[0] for param in params if (found := selection.get(param)) and "turn" in found[0]]
    return max(chosen, key=lambda datum: datum["turn"], default=None)
