"""Learn: the method in five steps on one image, a quiz whose answers are computed, and a glossary."""

import streamlit as st

from dashboard.facts import glossary, lesson
from dashboard.parts import focus, image_sources, learn, panels, quiz_panel
from dashboard.parts.opening import open_page

page = open_page()
place = learn.navigation(page)
if place == lesson.GLOSSARY:
    st.html(glossary.as_html())
else:
    shown = panels.decide(image_sources.pictures_at_hand(page.card, page.shared), page.card, page.budget)
    item = focus.item_in_focus(shown, page.shared)
    if item is not None and place == lesson.QUIZ:
        quiz_panel.panel(page, shown)
    elif item is not None:
        learn.step(page, place, shown, item)
        learn.onward(place)
