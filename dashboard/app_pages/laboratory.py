"""Alpha laboratory: fine-tune the gates live for a budget and an alpha, and watch cp chase its target."""

import streamlit as st

from dashboard.parts import image_sources, lab_form, lab_run
from dashboard.parts.opening import open_page

top = st.container()  # above the controls: where nothing can be tuned, they lead nowhere
page = open_page(measure=False)
with top:
    cannot = lab_form.cannot(page)
st.markdown(lab_form.INTRODUCTION)
if cannot:
    lab_run.recorded(page, lab_form.wish(page))
    st.stop()

pictures = None
if not lab_form.has_data(page):
    st.warning(lab_form.NO_DATA, icon=":material/toys:")
    pictures = image_sources.choose_pictures(page.card, page.shared)
job = lab_form.current(page)
wish = lab_form.form(page, pictures)

with st.container(key="stage"):
    left, right = st.columns([58, 42], gap="medium")
with left:
    st.markdown("### Live: cp chases its target")
    if job is not None and not job.ended:
        lab_run.watch(page, job)
    else:
        if job is not None:
            lab_run.ended(page, job)
        lab_run.curves(page, job)
with right:
    lab_run.recorded(page, wish)
