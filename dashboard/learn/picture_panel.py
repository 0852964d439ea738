"""Step 1 of the lesson: a picture as given and as the network sees it, and what to compare it with. No logic."""

from __future__ import annotations

import streamlit as st

from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Shown
from dashboard.learn import lesson
from dashboard.ui import cached, focus, image_bar, state, uploads
from dashboard.ui.page import Opened

DRAWN = "drawn"  # parameter of the page: a drawing stands below an image that loses nothing


def picture_step(page: Opened, item: Shown, controls: st.delta_generator.DeltaGenerator) -> list[str]:
    """The pictures, and the sentences beside them."""
    drawing = None
    with controls:
        if lesson.loses_nothing(item.picture) and _wants_drawing(page):
            drawing = lesson.drawing_like(item.picture, cached.drawn())
        _upload()
    st.html(large_html(item, drawing))
    return lesson.picture_words(item, drawing)


def large_html(item: Shown, drawing: Picture | None = None) -> str:
    """What is lost on the way to the network, large, with what it thinks of the image; once where nothing is lost."""
    bars = f'<div class="dfs-focus"><ol>{focus.class_bars(item.trace)}</ol></div>'
    below = "" if drawing is None else f'<div class="dfs-lesson">{focus.given_and_seen(drawing)}</div>'
    return f'<div class="dfs-lesson">{focus.given_and_seen(item.picture)}{bars}</div>{below}'


def _wants_drawing(page: Opened) -> bool:
    wished = DRAWN in page.shared.page
    control = state.Control.showing(DRAWN, wished)
    st.toggle(
        "Compare with a drawing, which is larger",
        wished,
        key=control.key,
        on_change=control.choice(lambda on: state.change(page={DRAWN: "1" if on else ""})),
    )
    return wished


def _upload() -> None:
    """The uploader; an image that comes by it is the one to look at."""
    before = [picture.key for picture in uploads.pictures()]
    st.caption("Or take an image of your own:")
    uploads.uploader()
    image_bar.say_refused()
    after = [picture.key for picture in uploads.pictures()]
    if new := [key for key in after if key not in before]:
        state.change(image=new[-1])
    if after != before:
        st.rerun()  # the images at hand were gathered before
