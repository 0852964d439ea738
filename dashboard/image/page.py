"""Image: one image in depth: block by block, with forced gates, at every budget, and under small changes."""

import streamlit as st

from dashboard.image import film_panels, looks_panel, panels, time_panel
from dashboard.image.question_panel import ask
from dashboard.ui import image_bar, own_panel
from dashboard.ui.page import open_page

page = open_page()
pictures = image_bar.choose_pictures(page.card, page.shared)
picture = next((other for other in pictures if other.key == page.shared.image), pictures[0])
panels.choose_image(pictures, picture)
own_panel.own_panel(picture, page.card, figures=True)
answer = ask(page, picture.known_to(page.card.classes))
if answer is None:
    st.stop()

panels.summary(answer)
looks_panel.looks(answer)
panels.path(answer)
panels.gates(answer)
panels.force_bar(answer)
time_panel.time_here(answer)
with st.container(key="stage"):
    left, right = st.columns([55, 45], gap="medium")
with left:
    film_panels.film(answer)
with right:
    film_panels.stability(answer)
