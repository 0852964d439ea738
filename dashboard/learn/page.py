"""Learn: the method in six steps on one image, a quiz whose answers are computed, and a glossary."""

import streamlit as st

from dashboard.learn import glossary, lesson, quiz_panel, room_panel, steps_panel
from dashboard.ui import focus, image_bar
from dashboard.ui.decide import decide
from dashboard.ui.page import open_page

page = open_page(forms={"step": "|".join(lesson.PLACES)})
room_panel.room(page)
place = steps_panel.navigation(page)
if place == lesson.GLOSSARY:
    st.html(glossary.as_html())
else:
    shown = decide(image_bar.pictures_at_hand(page.card, page.shared), page.point)
    item = focus.item_in_focus(shown, page.shared)
    if item is not None and place == lesson.QUIZ:
        quiz_panel.panel(page, shown)
    elif item is not None:
        steps_panel.step(page, place, shown, item)
        steps_panel.onward(place)
