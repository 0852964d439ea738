"""An empty talk: how to fill it, and a talk of three or four views of what is selected, at once."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from dashboard.answers.pictures import PAGE_SIZE
from dashboard.export.talk import Talk
from dashboard.export.view import View
from dashboard.ui import focus, image_bar, session_talk
from dashboard.ui.decide import decide
from dashboard.ui.messages import plain
from dashboard.ui.page import Opened
from dashboard.views import build
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
        session_talk.keep(talk)
        st.rerun()


def views(page: Opened) -> list[View]:
    """Where the network stands among all, what it decides for the images, where the cost goes, and its training."""
    page = replace(page, shared=replace(page.shared, path="/", page={}))
    shown = decide(image_bar.pictures_at_hand(page.card, page.shared)[:PAGE_SIZE], page.point)
    if not shown:
        return []
    item = focus.item_in_focus(shown, page.shared)
    key = item.picture.key if item else None
    found = [
        build.curve(page, build.curve_state(page, shown, key)),
        build.strip(page, shown, key),
        build.ledger(page, shown, item),
        build.training(page),
    ]
    return [view for view in found if view is not None]
