"""Present: edit, export and present a talk made of added views."""

import streamlit as st

from dashboard.present import autosave_panel, editor_panel, show_panel, starter_panel
from dashboard.ui import session_talk
from dashboard.ui.page import open_page

page = open_page(choose=False)
talk = session_talk.current()
at = show_panel.number(page.shared, talk)

if at is not None:
    show_panel.present(talk, at, page.shared, st.context.theme.type)
else:
    st.header("Present")
    show_panel.show_missing(page.shared)
    editor_panel.bar(talk)
    autosave_panel.offer()
    if talk.slides:
        editor_panel.listing(talk)
    else:
        starter_panel.offer(page)
