"""Present: views that were added to a talk, put in order, exported, and shown to an audience."""

import streamlit as st

from dashboard.parts import podium, present, stage, starter
from dashboard.parts.opening import open_page

page = open_page(choose=False)
talk = podium.current()
at = stage.number(page.shared, talk)

if at is not None:
    stage.present(talk, at, page.shared, st.context.theme.type)
else:
    st.header("Present")
    stage.show_missing(page.shared)
    present.bar(talk)
    if talk.slides:
        present.listing(talk)
    else:
        starter.offer(page)
