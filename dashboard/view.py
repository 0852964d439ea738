"""A view: a chart with all that is known of it, and how a page shows one. Exports and talks are made of views.

A page's function makes a ``View``, ``show`` draws it: the chart, and under it one quiet row with its tables and with
what else can be done with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import streamlit as st

from dashboard import toolbar
from dashboard.figure import Figure
from dashboard.palette import Palette
from dashboard.stamp import Kind, Stamp
from dashboard.tables import Rows

__all__ = ["Kind", "Stamp", "View", "show"]


@dataclass(frozen=True, slots=True)
class View:
    """A chart with its tables.

    Attributes:
        key: of the chart on its page, and in file names.
        title: for people.
        draw: palette -> figure; drawn anew for an export.
        tables: name -> function that makes the rows; made only when somebody wants them.
        alt: the chart in words.
        stamp: where it comes from.
        notes: what a speaker would say about it.
    """

    key: str
    title: str
    draw: Callable[[Palette], Figure]
    tables: Mapping[str, Callable[[], Rows]]
    alt: str
    stamp: Stamp
    notes: str = field(default="")


def show(
    view: View,
    colours: Palette,
    on_select: Callable[[], None] | None = None,
    selection_mode: str | Sequence[str] | None = None,
    height: int | None = None,
) -> None:
    """Draw a view's chart and the row under it.

    Args:
        view: what is shown.
        colours: of the theme.
        on_select: callback of a click in the chart; the selection is in the session under the view's key.
        selection_mode: names of the chart's selections that are listened to; all of them unless given.
        height: of the chart in pixels; the figure's own unless given.
    """
    spec = view.draw(colours).for_streamlit()
    if height is not None:
        spec = spec | {"height": height}
    if on_select is None:
        st.vega_lite_chart(spec, key=view.key, alt=view.alt)
    else:
        modes = [selection_mode] if isinstance(selection_mode, str) else selection_mode
        st.vega_lite_chart(spec, key=view.key, on_select=on_select, selection_mode=modes, alt=view.alt)
    toolbar.toolbar(view)
