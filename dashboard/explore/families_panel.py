"""The legend of the accuracy/cost curve, whose entries show and hide families, and its switches."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.answers.naming import plain
from dashboard.answers.networks import Network
from dashboard.drawing.marks import SHAPES
from dashboard.drawing.palette import Palette
from dashboard.ui import state
from dashboard.views import curve_chart
from dashboard.views.build import BESIDE, CLOSE, FRONT
from dashboard.views.points import PointRow

FAMILIES = "families"
_FRONT_HELP = (
    "The front, a line of steps, joins the points that no other point here beats: none is both cheaper and more"
    " accurate. Hide all others."
)
_CLOSE_HELP = "Show only points that cost about as much as the one in use, not all costs up to 100 %"


def switches(
    points: Sequence[PointRow], shared: state.State, colours: Palette, others: Sequence[Network], beside: Network | None
) -> None:
    """Draw a switch for every family with points, in its colour and with its shape; and those for what else is drawn.

    Args:
        points: of all families, including hidden ones.
        shared: the state that pages share.
        colours: palette of the theme.
        others: networks that can be shown beside the one in use.
        beside: the one that is.
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
        _toggle("Only the front", FRONT, shared, _FRONT_HELP)
        _toggle("Close-up", CLOSE, shared, _CLOSE_HELP)
        if others:
            _beside(others, beside)


def _toggle(label: str, parameter: str, shared: state.State, about: str) -> None:
    """A switch for a page parameter."""
    on = parameter in shared.page
    control = state.Control.showing(f"curve_{parameter}", on)
    choose = control.choice(lambda wished: state.change(page={parameter: "1" if wished else ""}))
    st.toggle(label, on, key=control.key, width="content", help=about, on_change=choose)


def _beside(others: Sequence[Network], beside: Network | None) -> None:
    """The control of the network beside the one in use."""
    control = state.Control.showing(BESIDE, beside)
    st.selectbox(
        "Beside it",
        [None, *others],
        0 if beside is None else 1 + others.index(beside),
        format_func=lambda network: f"Beside: {network.in_words if network else 'no other network'}",
        key=control.key,
        label_visibility="collapsed",
        width=260,
        on_change=control.choice(lambda network: state.change(page={BESIDE: network.key if network else ""})),
    )


def _show(names: dict[str, str], chosen: list[str], shared: state.State) -> None:
    """Hide the families that are not chosen; families without points on this axis stay as they were."""
    without_points = {key for key in shared.hidden if key not in names}
    state.change(hidden=tuple(sorted(without_points | (names.keys() - set(chosen)))))
