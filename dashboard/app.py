"""Entry: ``streamlit run dashboard/app.py``. Page set-up, theme, navigation; the pages do the rest."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Streamlit puts only this file's folder on the path; the packages lie beside it, installed or not.
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

import streamlit as st  # noqa: E402

st.set_page_config(page_title="DFS Explorer", page_icon=str(HERE / "assets" / "icon.svg"), layout="wide")
st.logo(str(HERE / "assets" / "logo.svg"), size="large")
st.html(HERE / "assets" / "style.css")

from dashboard.parts import theme  # noqa: E402
from dashboard.session import settling, state  # noqa: E402

theme.follow()

page = st.navigation(
    [
        st.Page(HERE / "app_pages" / "explore.py", title="Explore", default=True),
        st.Page(HERE / "app_pages" / "image.py", title="Image"),
        st.Page(HERE / "app_pages" / "compare.py", title="Compare"),
        st.Page(HERE / "app_pages" / "testset.py", title="Test set"),
        st.Page(HERE / "app_pages" / "laboratory.py", title="Alpha laboratory", url_path="laboratory"),
        st.Page(HERE / "app_pages" / "learn.py", title="Learn", url_path="learn"),
        st.Page(HERE / "app_pages" / "present.py", title="Present"),
    ],
    # Without the rest of the chrome, as in a slide, navigation would be the odd one out.
    position="hidden" if st.context.is_embedded else "top",
)
state.enter(page.url_path)
page.run()
settling.settle()
