"""The legend of the accuracy/cost curve, whose entries show and hide families, and the switch for the close-up."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.answers.naming import plain
from dashboard.drawing.marks import SHAPES
from dashboard.drawing.palette import Palette
from dashboard.ui import state
from dashboard.views import curve_chart
from dashboard.views.build import CLOSE
from dashboard.views.points import PointRow

FAMILIES, ZOOM = "families", "zoom"


def switches(points: Sequence[PointRow], shared: state.State, colours: Palette) -> None:
    """Draw a switch for every family with points, in its colour and with its shape, and one for the close-up.

    Args:
        points: of all families, including hidden ones.
        shared: the state that pages share.
        colours: palette of the theme.
    """
    looks = {name: (ink, shape) for name, ink, shape in curve_chart.point_legend(points, colours)}
    names = {point["family"]: point["group"] for point in points}
    shown = [key for key in names if key not in shared.hidden]
    control = state.Control.showing(FAMILIES, shown, lambda one, other: set(one) == set(other))  # in any order
    # A pill's first letter is the family's mark. Only CSS can give it the family's colour.
    st.html(
        "<style>"
        + "".join(
            f".st-key-{control.key} button:nth-of-type({place}) p::first-letter {{ color: {looks[name][0]}; }}"
            for place, name in enumerate(names.values(), start=1)
        )
        + "</style>"
    )
    with st.container(horizontal=True, vertical_alignment="center", key="families_bar"):
        st.pills(
            "Families in the chart",
            list(names),
            selection_mode="multi",
            default=shown,
            format_func=lambda key: f"{SHAPES[looks[names[key]][1]].character} {plain(names[key])}",
            key=control.key,
            label_visibility="collapsed",
            width="content",
            wrap=True,
            on_change=control.choice(lambda chosen: _show(names, chosen, shared)),
        )
        close = CLOSE in shared.page
        axis = state.Control.showing(ZOOM, close)
        st.toggle(
            "close up",
            close,
            key=axis.key,
            width="content",
            help="Show only points that cost about as much as the one in use, not all costs up to 100 %",
            on_change=axis.choice(lambda on: state.change(page={CLOSE: "1" if on else ""})),
        )


def _show(names: dict[str, str], chosen: list[str], shared: state.State) -> None:
    """Hide the families that are not chosen; families without points on this axis stay as they were."""
    without_points = {key for key in shared.hidden if key not in names}
    state.change(hidden=tuple(sorted(without_points | (names.keys() - set(chosen)))))
