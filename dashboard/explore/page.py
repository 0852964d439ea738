"""Explore: the decision vectors of some images, beside the accuracy and cost of all checkpoints on the test set."""

import streamlit as st

from dashboard.explore import looks_panel, panels, time_panel
from dashboard.ui import focus, image_bar, own_panel
from dashboard.ui.decide import decide
from dashboard.ui.page import open_page

page = open_page()
ledger = st.container()

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="medium")
with left:
    pictures = image_bar.choose_pictures(page.card, page.shared)
    shown = looks_panel.choose(page, decide(pictures, page.point))
    in_focus = focus.item_in_focus(shown, page.shared)
    panels.strip(page, shown, in_focus)
    image_bar.more_pictures(page.card)
with right:
    panels.curve(page, shown, in_focus)
    focus.panel(shown, in_focus, page.card)
    if in_focus is not None:
        own_panel.own_panel(in_focus.picture, page.card)
with ledger:
    panels.ledger(page, shown)

panels.where_it_goes(page, shown, in_focus)
time_panel.time_of_all(page)
panels.training(page)
panels.think_ahead(page, pictures)
