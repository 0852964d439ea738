"""Test set: the stored traces of an operating point for all test images, with filters and links to images."""

import numpy as np
import streamlit as st

from dashboard.answers.costs import MEASURES, of_traces
from dashboard.testset import chart_panels, filters, head_panel, looks_panel, map_panel, statistics, tiles_panel
from dashboard.testset.parameters import FORMS
from dashboard.ui import stored_traces
from dashboard.ui.page import open_page

page, traces = stored_traces.open_traces(open_page(forms=FORMS))
costs = of_traces(traces, page.card.config)
cost = costs[MEASURES[page.shared.cost].column]
wanted = filters.from_page(page.shared.page, traces, page.shared.cost)
everything, chosen = np.arange(len(traces)), filters.passing(wanted, traces, cost)
whole = statistics.summary(traces, costs, everything)
here = statistics.summary(traces, costs, chosen)

head_panel.head(page, traces, whole, here, wanted)
head_panel.filter_bar(page, traces, cost, wanted)
if not len(chosen):
    st.info("No test image passes these filters. Remove a filter.", icon=":material/filter_alt_off:")
    st.stop()

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="large")
with left:
    chart_panels.share_view(page, traces, chosen, wanted)
with right:
    chart_panels.class_view(page, traces, cost, chosen, wanted)
looks_panel.passes(page, traces, chosen, wanted)
tiles_panel.gallery(page, traces, costs, chosen)
every_image = st.container()
with st.container(key="more"):
    left, right = st.columns([58, 42], gap="large")
with left:
    chart_panels.vector_view(page, traces, costs, chosen, wanted, here.vectors)
    chart_panels.confusion_view(page, traces, chosen, wanted)
with right:
    chart_panels.cost_views(page, traces, cost, chosen, wanted)
with every_image:  # last, because it takes longest
    map_panel.map_view(page, traces, costs, chosen)
