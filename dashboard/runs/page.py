"""Runs: loss, accuracy and cp of trainings on this machine, and checkpoints from elsewhere."""

import streamlit as st

from dashboard.runs import bring_panel, watch_panel
from dashboard.ui import cached
from dashboard.ui.page import open_page

if not cached.catalogue().cards:  # then open_page stops
    bring_panel.bring_in()
page = open_page(choose=False, measure=False)
st.markdown("## Runs on this machine")
watch_panel.watch(page)
bring_panel.bring_in()
