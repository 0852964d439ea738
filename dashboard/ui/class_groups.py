"""The switch of charts by class between superclasses and classes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.answers.classes import Group, groups, has_superclasses
from dashboard.ui import state

CLASSES = "classes"  # page parameter: superclasses are opened


def choose(classes: Sequence[str], shared: state.State) -> tuple[Group, ...]:
    """Draw the switch, if the classes have superclasses, and return the groups to show."""
    opened = CLASSES in shared.page
    if has_superclasses(classes):
        control = state.Control.showing(CLASSES, opened)
        st.segmented_control(
            "Rows of the charts by class",
            [False, True],
            default=opened,
            format_func=lambda every: f"{len(groups(classes, every))} {'classes' if every else 'superclasses'}",
            key=control.key,
            required=True,
            label_visibility="collapsed",
            on_change=control.choice(lambda every: state.change(page={CLASSES: "all" if every else ""})),
        )
    return of_page(classes, shared)


def of_page(classes: Sequence[str], shared: state.State) -> tuple[Group, ...]:
    """The groups that the page's switch shows; draws nothing."""
    return groups(classes, CLASSES in shared.page)
