"""Predictions of an operating point for the pictures on a page."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from dashboard.answers.pictures import Picture
from dashboard.answers.tables import Shown
from dashboard.ui import cached, messages
from dfs_core.checkpoints.operating_point import OperatingPoint
from dfs_core.errors import UserError


def decide(pictures: Sequence[Picture], point: OperatingPoint) -> list[Shown]:
    """Predict the pictures, resized to the network's input, with no truth where the network does not know the class.

    On an error show a message and return an empty list.
    """
    shared = cached.shared_predictor()
    pictures = [picture.at(point.card.config.image_size).known_to(point.card.classes) for picture in pictures]
    try:
        if shared.knows(pictures, point):
            traces = shared.predict(pictures, point)
        else:
            with st.spinner("Deciding"):
                traces = shared.predict(pictures, point)
    except UserError as error:
        messages.cannot_decide(error)
        return []
    return [Shown(picture, trace) for picture, trace in zip(pictures, traces, strict=True)]
