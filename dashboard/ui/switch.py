"""A switch between a few named values, of which one is always on."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

import streamlit as st

from dashboard.ui import state

Value = TypeVar("Value", bound=Hashable)


def switch(
    name: str,
    label: str,
    words: Mapping[Value, str],
    value: Value,
    act: Callable[[Value], None],
    labelled: bool = False,
) -> None:
    """Draw the switch.

    Args:
        name: of the control (see ``state.Control``).
        label: says what is chosen; read aloud, and shown if ``labelled``.
        words: the values with the words for each, in order.
        value: the one that is on.
        act: called with the value that somebody chose.
        labelled: whether the label is seen.
    """
    control = state.Control.showing(name, value)
    st.segmented_control(
        label,
        list(words),
        default=value,
        format_func=words.__getitem__,
        key=control.key,
        required=True,
        label_visibility="visible" if labelled else "collapsed",
        on_change=control.choice(act),
    )
