"""How a page shows a view: the chart, and under it one quiet row with its tables and what else can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboard.drawing.live import mode_bar
from dashboard.drawing.palette import Palette
from dashboard.export import formats, sheet
from dashboard.export.view import View
from dashboard.ui import toolbar


def show(
    view: View,
    colours: Palette,
    on_select: Callable[[], None] | None = None,
    selection_mode: str | Sequence[str] | None = None,
) -> None:
    """Draw a view's chart and the row under it. Where a page is narrow, a wide chart scrolls in its frame alone.

    Args:
        view: what is shown.
        colours: of the theme.
        on_select: callback of a click in the chart; the selection is in the session under the view's key.
        selection_mode: names of the chart's selections that are listened to; all of them unless given.
    """
    spec = view.draw(colours).for_streamlit()
    with _frame(view):
        if on_select is None:
            st.vega_lite_chart(spec, key=view.key, alt=view.alt)
        else:
            modes = [selection_mode] if isinstance(selection_mode, str) else selection_mode
            st.vega_lite_chart(spec, key=view.key, on_select=on_select, selection_mode=modes, alt=view.alt)
    if view.finding:
        st.html(f'<p class="dfs-spoken">{escape(view.finding)}</p>')
    toolbar.toolbar(view)


def show_live(view: View, colours: Palette, said: str) -> None:
    """Draw a view's Plotly figure, what it shows in words, and the row under it.

    Args:
        view: one that has a live figure. The browser saves pictures of it, so that its stamp stands in the figure.
        colours: of the theme.
        said: what the chart shows, to read.
    """
    if view.live is None:
        raise ValueError(f"the view {view.key} has no live figure")
    stamp = view.stamp.absolute(st.context.url)
    config = mode_bar(formats.filename(view.title, "png").removesuffix(".png"))
    with _frame(view):
        figure = view.live(colours, "<br>".join(sheet.wrap(escape(stamp.line()), 9, 900)))
        st.plotly_chart(figure, key=view.key, theme=None, width="stretch", config=config, alt=view.alt)
    st.markdown(said)
    toolbar.toolbar(view)


def _frame(view: View) -> st.delta_generator.DeltaGenerator:
    """What a chart scrolls in; ``style.css`` says which charts need how much room."""
    return st.container(key=f"{view.key}_scroll")


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
