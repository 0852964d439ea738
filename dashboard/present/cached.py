"""Drawn slides, which sessions share, bounded in number."""

from __future__ import annotations

import base64

import streamlit as st

from dashboard.drawing.palette import DARK, LIGHT
from dashboard.export import formats, sheet
from dashboard.export.talk import Slide


def slide_picture(slide: Slide, dark: bool) -> str:
    """The chart of a slide, with its legend, as an SVG in a data URI.

    Raises:
        UserError: it cannot be drawn.
    """
    return _slide_picture(slide.digest, dark, slide)


@st.cache_resource(max_entries=64, show_spinner=False)
def _slide_picture(digest: str, dark: bool, _slide: Slide) -> str:
    figure, colours = (_slide.dark, DARK) if dark else (_slide.light, LIGHT)
    svg = sheet.picture(figure, "", None, "", colours=colours)
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def slide_preview(slide: Slide) -> bytes:
    """A small picture of a slide, in the light palette, as it would be exported.

    Raises:
        UserError: it cannot be drawn.
    """
    return _slide_preview(slide.digest, slide.title, slide)


@st.cache_resource(max_entries=128, show_spinner=False)
def _slide_preview(digest: str, title: str, _slide: Slide) -> bytes:
    return formats.preview(_slide.light, title)
