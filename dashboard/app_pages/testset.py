"""Test set: what an operating point decided for all test images, from stored traces; filters and links to images."""

import numpy as np
import streamlit as st

from dashboard.facts import filters, statistics
from dashboard.facts.costs import MEASURES
from dashboard.parts import stored, testset_map, testset_panels, testset_views, tiles
from dashboard.parts.opening import open_page

page, traces = stored.open_traces(open_page())
costs = statistics.costs_of(traces, page.card.config)
cost = costs[MEASURES[page.shared.cost].column]
wanted = filters.from_page(page.shared.page, traces, page.shared.cost)
everything, chosen = np.arange(len(traces)), filters.passing(wanted, traces, cost)
whole = statistics.summary(traces, costs, everything)
here = statistics.summary(traces, costs, chosen)

testset_panels.head(page, traces, whole, here, wanted)
testset_panels.filter_bar(page, traces, cost, wanted)
if not len(chosen):
    st.info("No test image is like that. Take a filter away.", icon=":material/filter_alt_off:")
    st.stop()

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="large")
with left:
    testset_views.share_view(page, traces, chosen, wanted)
with right:
    testset_views.class_view(page, traces, cost, chosen, wanted)
tiles.gallery(page, traces, costs, chosen)
every_image = st.container()
with st.container(key="more"):
    left, right = st.columns([58, 42], gap="large")
with left:
    testset_views.policy_view(page, traces, costs, chosen, wanted, here["policies"])
with right:
    testset_views.cost_views(page, traces, cost, chosen, wanted)
with every_image:  # last, as it takes longest: everything round it is there by then
    testset_map.map_view(page, traces, costs, chosen)
