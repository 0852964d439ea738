"""An empty talk: how to fill it, and a talk of three or four views of what is selected, at once."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.export.talk import Talk
from dashboard.export.view import View
from dashboard.parts import explore_views, focus, image_sources, panels, podium
from dashboard.parts.absent import plain
from dashboard.parts.opening import Opened
from dashboard.sources.pictures import PAGE_SIZE
from dfs_core.errors import UserError


def offer(page: Opened) -> None:
    """Say how a talk is made, and make one if that is wanted."""
    with st.container(key="talk_empty", border=True):
        st.markdown(
            "**Your talk is empty.** Under every chart of every page is the button **Add to talk**: it keeps the chart"
            " as it is at that moment. Here you put the slides in order, write notes, show them on the whole screen"
            " and take them away as PowerPoint or as a page that works offline."
        )
        st.markdown(f"Or begin with views of what is selected now: {plain(page.in_words)} and the images at hand.")
        if st.button("Make a talk", icon=":material/auto_awesome:", type="primary", key="talk_make"):
            _make(page)


def _make(page: Opened) -> None:
    talk = Talk()
    try:
        for view in views(page):
            talk = talk.add(view)
    except UserError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    if talk.slides:  # else the reason has been said already
        podium.keep(talk)
        st.rerun()


def views(page: Opened) -> list[View]:
    """Where the network stands among all, what it decides for the images, where the cost goes, and its training."""
    page = replace(page, shared=replace(page.shared, path="/", page={}))
    shown = panels.decide(image_sources.pictures_at_hand(page.card, page.shared)[:PAGE_SIZE], page.card, page.budget)
    if not shown:
        return []
    item = focus.item_in_focus(shown, page.shared)
    key = item.picture.key if item else None
    found = [
        explore_views.curve(page, shown, key),
        explore_views.strip(page, shown, key),
        explore_views.ledger(page, shown, item),
        explore_views.training(page),
    ]
    return [view for view in found if view is not None]
