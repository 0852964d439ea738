"""How a page shows a view: the chart, and below it a toolbar with its tables and exports."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from dashboard.answers.naming import unbroken
from dashboard.drawing.live import mode_bar
from dashboard.drawing.palette import Palette
from dashboard.export import formats, sheet
from dashboard.export.view import View
from dashboard.ui import address, toolbar


def show(
    view: View,
    colours: Palette,
    on_select: Callable[[], None] | None = None,
    selection_mode: str | Sequence[str] | None = None,
    on_row: Callable[[Mapping[str, Any]], None] | None = None,
    rows: Sequence[tuple[str, float]] = (),
) -> None:
    """Draw a view's chart and its toolbar. On a narrow page a wide chart scrolls within its frame.

    Args:
        view: the view.
        colours: palette of the theme.
        on_select: callback of a click in the chart; the selection is in the session under the view's key.
        selection_mode: names of the chart's selections that trigger it; by default all.
        on_row: called with a row of the table that somebody chose; by default rows cannot be chosen.
        rows: names of the chart's rows and their middles in pixels from its top. Where a page is narrow, they stay in
            view while the chart scrolls.
    """
    spec = view.draw(colours).for_streamlit()
    with _frame(view):
        if view.least:
            frame = f".st-key-{view.key}_scroll"
            wide = f"{frame} > * {{ min-width: {view.least:.0f}px; }}"
            st.html(f"<style>{frame} {{ overflow-x: auto; }} {wide}</style>")
        if rows:
            names = "".join(f'<span style="top:{y:g}px">{escape(name)}</span>' for name, y in rows)
            st.html(f'<div class="dfs-rows" aria-hidden="true">{names}</div>')
        if on_select is None:
            st.vega_lite_chart(spec, key=view.key, alt=view.alt)
        else:
            modes = [selection_mode] if isinstance(selection_mode, str) else selection_mode
            st.vega_lite_chart(spec, key=view.key, on_select=on_select, selection_mode=modes, alt=view.alt)
    if view.finding:
        st.html(f'<p class="dfs-spoken">{escape(view.finding)}</p>')
    toolbar.toolbar(view, on_row)


def show_live(view: View, colours: Palette, said: str) -> None:
    """Draw a view's Plotly figure, its description and its toolbar.

    Args:
        view: a view with a live figure. The figure contains the stamp, because the browser saves pictures of it.
        colours: palette of the theme.
        said: what the chart shows, as text.
    """
    if view.live is None:
        raise ValueError(f"the view {view.key} has no live figure")
    stamp = view.stamp.absolute(address.app())
    config = mode_bar(formats.filename(view.title, "png").removesuffix(".png"))
    with _frame(view):
        figure = view.live(colours, "<br>".join(sheet.wrap(escape(stamp.line()), 9, 900)))
        st.plotly_chart(figure, key=view.key, theme=None, width="stretch", config=config, alt=view.alt)
    st.markdown(unbroken(said))
    toolbar.toolbar(view)


def _frame(view: View) -> st.delta_generator.DeltaGenerator:
    """The frame that a chart scrolls in; ``style.css`` sets the chart's least width."""
    return st.container(key=f"{view.key}_scroll")


def picked(chart: str, *params: str) -> dict[str, Any] | None:
    """The datum that was clicked last in a chart; None if it was not a clickable mark.

    A selection stays until another of the same name replaces it, so the newest is the one with the highest
    ``click_id`` (see ``State``). Vega-Lite reports clicks on every mark, also on titles and rules; only clickable ones
    have a ``click_id``. A click on a mark of another selection of the chart has that ``click_id`` and nothing else.

    Args:
        chart: key of the view.
        params: names of the selections to read.
    """
    selection = st.session_state[chart].selection
    clicked = [found[0] for param in params if (found := selection.get(param)) and "click_id" in found[0]]
    chosen = [datum for datum in clicked if any(datum[name] is not None for name in datum.keys() - {"click_id"})]
    return max(chosen, key=lambda datum: datum["click_id"], default=None)
