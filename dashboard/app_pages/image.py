"""Image: one image in depth, block by block, at every budget, under forced gates and small changes."""

import streamlit as st

from dashboard.parts import image_film_panels, image_panels, image_sources
from dashboard.parts.image_question import ask
from dashboard.parts.opening import open_page

page = open_page()
pictures = image_sources.choose_pictures(page.card, page.shared)
picture = next((other for other in pictures if other.key == page.shared.image), pictures[0])
image_panels.choose_image(pictures, picture)
answer = ask(page, picture)
if answer is None:
    st.stop()

image_panels.summary(answer)
image_panels.path(answer)
image_panels.gates(answer)
image_panels.force_bar(answer)
with st.container(key="stage"):
    left, right = st.columns([55, 45], gap="medium")
with left:
    image_film_panels.film(answer)
with right:
    image_film_panels.stability(answer)
