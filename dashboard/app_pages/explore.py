"""Explore: what a checkpoint decides for some images, beside what all checkpoints reach on the test set."""

import streamlit as st

from dashboard import cached, controls, focus, panels, sources, state
from dashboard.palette import palette

catalogue = cached.catalogue()
panels.problems(catalogue)
if not catalogue.cards:
    panels.nothing_here()
    st.stop()

shared = state.open_state(catalogue)
card = controls.choose_checkpoint(catalogue, shared)
colours = palette(st.context.theme.type)
ledger = st.container()

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="medium")
with left:
    pictures = sources.choose_pictures(card, shared)
    shown = panels.decide(pictures, card)
    in_focus = focus.item_in_focus(shown, shared)
    panels.strip(shown, card, in_focus, shared, colours)
    sources.more_pictures(card)
with right:
    panels.curve(catalogue, card, shown, in_focus, shared, colours)
    focus.panel(shown, in_focus)
with ledger:
    panels.ledger(shown, card)

panels.training(card, colours)
panels.think_ahead(catalogue, card, pictures)
