"""Entry of ``streamlit run dashboard/app.py``: page set-up, theme and navigation."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Streamlit puts only this file's folder on the path; the packages are next to it, installed or not.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

import streamlit as st  # noqa: E402

st.set_page_config(page_title="DFS Explorer", page_icon=str(HERE / "assets" / "icon.svg"), layout="wide")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")
st.html(HERE / "assets" / "style.css")

from dashboard.present import autosave_panel  # noqa: E402
from dashboard.ui import history, housekeeping, phone, state, theme  # noqa: E402
from dashboard.ui.read_only import read_only  # noqa: E402

PAGES = {
    "explore": "Explore",
    "image": "Image",
    "compare": "Compare",
    "testset": "Test set",
    "laboratory": "Alpha laboratory",
    "runs": "Runs",
    "learn": "Learn",
    "present": "Present",
}

housekeeping.share_memory()
theme.follow()
history.one_entry_for_one_change()

page = st.navigation(
    [
        st.Page(HERE / folder / "page.py", title=title, url_path=folder, default=folder == "explore")
        for folder, title in PAGES.items()
        if not (folder == "laboratory" and read_only())
    ],
    # Embedding hides Streamlit's toolbar but not the navigation.
    position="hidden" if st.context.is_embedded else "top",
)
phone.follow(page.title)
state.enter(page.url_path)
page.run()
autosave_panel.keep()
housekeeping.begin()
