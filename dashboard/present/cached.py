"""Previews of slides that sessions share, in a cache of bounded size."""

from __future__ import annotations

import streamlit as st

from dashboard.export import drawing
from dashboard.export.talk import Slide

_SCALE = 0.6


def slide_preview(slide: Slide) -> bytes:
    """A small picture of a slide in the light palette, as PNG.

    Raises:
        UserError: the slide cannot be drawn.
    """
    return _slide_preview(slide.digest, slide)


@st.cache_resource(max_entries=128, show_spinner=False)
def _slide_preview(digest: str, _slide: Slide) -> bytes:
    return drawing.svg_to_png(_slide.light, scale=_SCALE, kept=True)
