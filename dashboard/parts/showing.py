"""How a page shows a view: the chart, and under it one quiet row with its tables and what else can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from dashboard.charts.palette import Palette
from dashboard.export.view import View
from dashboard.parts import toolbar


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
