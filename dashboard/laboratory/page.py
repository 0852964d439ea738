"""Alpha laboratory: fine-tune the gates live for a budget and an alpha, and watch cp follow its target."""

import streamlit as st

from dashboard.laboratory import form_panel, run_panel
from dashboard.ui import image_bar
from dashboard.ui.page import open_page

top = st.container()  # for the message that the checkpoint cannot be tuned, above the controls
page = open_page(measure=False)
with top:
    cannot = form_panel.cannot(page)
st.markdown(form_panel.INTRODUCTION)
if cannot:
    run_panel.recorded(page, form_panel.wish(page))
    st.stop()

pictures = None
if not form_panel.has_data(page):
    st.warning(form_panel.NO_DATA, icon=":material/toys:")
    pictures = image_bar.choose_pictures(page.card, page.shared)
job = form_panel.current(page)
wish = form_panel.form(page, pictures)

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="medium")
with left:
    st.markdown("### Live: cp follows its target")
    if job is not None and not job.ended:
        run_panel.watch(page, job)
    else:
        if job is not None:
            run_panel.ended(page, job)
        run_panel.curves(page, job)
with right:
    run_panel.recorded(page, wish)
